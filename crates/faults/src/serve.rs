//! An endpoint served inside the test process, with the proxy in front of it.
//!
//! Not for a worker of its own process: start a [`StreamProxy`] on its address and register [`StreamProxy::url`].

use restate_sdk::endpoint::Endpoint;
use testbed::Restate;

use crate::StreamProxy;

/// Serves the endpoint behind a proxy that is registered with the Restate server of this process, until the returned
/// value is dropped. As with `testbed::serve`, a service of the same name that was there before loses new calls to it.
pub async fn serve_behind(endpoint: Endpoint) -> StreamProxy {
    serve_behind_on(testbed::restate().await, endpoint).await
}

/// As [`serve_behind`], registered with the given server.
pub async fn serve_behind_on(restate: &Restate, endpoint: Endpoint) -> StreamProxy {
    let start = async {
        let served = testbed::listen(endpoint).await?;
        let proxy = StreamProxy::start(served.addr).await?;
        Ok::<_, std::io::Error>(proxy.keeping(served))
    };
    // connections live on the shared runtime, not on that of a caller that may end before
    let proxy = testbed::runtime()
        .spawn(start)
        .await
        .expect("the listener task does not panic")
        .unwrap_or_else(|e| panic!("listen on loopback: {e}"));
    restate
        .admin()
        .register(&proxy.url(), true)
        .await
        .unwrap_or_else(|e| panic!("register {}: {e}", proxy.url()));
    proxy
}
