//! Serving a Restate endpoint from inside a test, on a port the system chose.
//!
//! Not the worker's own server: that one also answers `/health/*` and drains.

use std::convert::Infallible;
use std::net::SocketAddr;

use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use restate_sdk::endpoint::Endpoint;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// An endpoint being served; dropping it closes the port and cuts its connections.
#[derive(Debug)]
pub struct Served {
    /// Where it listens, `http://127.0.0.1:…`.
    pub url: String,
    /// The same as an address.
    pub addr: SocketAddr,
    accepting: tokio::task::JoinHandle<()>,
}

impl Drop for Served {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// Serves without registering.
pub async fn listen(endpoint: Endpoint) -> std::io::Result<Served> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let addr = listener.local_addr()?;
    let accepting = tokio::spawn(accept(listener, endpoint));
    Ok(Served {
        url: format!("http://{addr}"),
        addr,
        accepting,
    })
}

async fn accept(listener: TcpListener, endpoint: Endpoint) {
    // owned here, so that ending this task also ends the connections
    let mut connections = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            continue;
        };
        while connections.try_join_next().is_some() {}
        // without it calls on one key wait for the delayed acknowledgement of the peer
        let _ = stream.set_nodelay(true);
        let endpoint = endpoint.clone();
        let service = service_fn(move |request| {
            std::future::ready(Ok::<_, Infallible>(endpoint.handle(request)))
        });
        connections.spawn(async move {
            // a cut connection is the server's affair: it opens another
            let _ = Builder::new(TokioExecutor::new())
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}
