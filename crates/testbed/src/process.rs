//! What a test process has once: the runtime, one Restate server, one migrated database.
//!
//! Not for tests that stop or kill a server: those start their own `Restate` or `MariaDb`.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{LazyLock, Mutex};

use restate_api::{Admin, Ingress};
use restate_sdk::endpoint::Endpoint;
use tokio::runtime::Runtime;
use tokio::sync::OnceCell;

use crate::restate::{Restate, RestateOptions};
use crate::serve::{Served, listen};
use crate::{evidence, keep_evidence};

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    // the only provider in the process; a second install is refused and does no harm
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(4)
        // as the worker's own, for the same reason
        .thread_stack_size(8 << 20)
        .enable_all()
        .build()
        .expect("the system gives us threads")
});

static RESTATE: OnceCell<Restate> = OnceCell::const_new();

/// Runs a test on the runtime all tests of the process share. A panic keeps and prints evidence.
pub fn run<F: Future>(test: F) -> F::Output {
    match catch_unwind(AssertUnwindSafe(|| RUNTIME.block_on(test))) {
        Ok(output) => output,
        Err(panic) => {
            keep_evidence();
            RUNTIME.block_on(evidence::print());
            resume_unwind(panic)
        }
    }
}

/// The runtime's handle, for code that starts tasks outside a test.
pub fn runtime() -> &'static Runtime {
    &RUNTIME
}

/// The Restate server of this process.
pub async fn restate() -> &'static Restate {
    RESTATE
        .get_or_init(|| async {
            Restate::start(RestateOptions::default())
                .await
                .unwrap_or_else(|e| panic!("Restate: {e}"))
        })
        .await
}

/// The server if a test has already asked for it.
pub(crate) fn restate_if_started() -> Option<&'static Restate> {
    RESTATE.get()
}

/// Client of the ingress of [`restate`], for calls of up to 30 s.
pub async fn ingress() -> Ingress {
    restate().await.ingress()
}

/// Client of the admin API of [`restate`].
pub async fn admin() -> Admin {
    restate().await.admin()
}

/// Serves an endpoint until the process ends, registers it with [`restate`] and returns its URL.
///
/// A service of the same name that was registered before loses new calls to this one.
pub async fn serve(endpoint: Endpoint) -> String {
    static SERVED: Mutex<Vec<Served>> = Mutex::new(Vec::new());
    let served = serve_on(restate().await, endpoint).await;
    let url = served.url.clone();
    SERVED
        .lock()
        .unwrap_or_else(|e| e.into_inner())
        .push(served);
    url
}

/// Serves an endpoint until the returned value is dropped, registered with the given server.
pub async fn serve_on(restate: &Restate, endpoint: Endpoint) -> Served {
    // connections live on the shared runtime, not on that of a caller that may end before
    let served = RUNTIME
        .spawn(listen(endpoint))
        .await
        .expect("the listener task does not panic")
        .unwrap_or_else(|e| panic!("listen on loopback: {e}"));
    restate
        .admin()
        .register(&served.url, true)
        .await
        .unwrap_or_else(|e| panic!("register {}: {e}", served.url));
    served
}
