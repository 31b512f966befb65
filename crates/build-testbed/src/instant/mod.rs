//! A BuildKit that builds nothing: it takes sessions and asks them for their secrets as a real one does, and answers a solve
//! at once, or as a test has said.
//!
//! Not for what an image contains: nothing is pushed. A dockerd of one's own does that.

mod control;
mod log;
mod session;

pub use log::{Ending, Progress, Script, Solve};

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bollard_buildkit_proto::moby::buildkit::v1::control_server::ControlServer;
use tokio::sync::watch;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;

use log::State;
use session::Sessions;

/// What one server's calls share.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    state: Mutex<State>,
    pub(crate) sessions: Sessions,
    /// Grows with every change of the state.
    changed: watch::Sender<u64>,
}

impl Shared {
    pub(crate) fn read(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let done = change(&mut self.read());
        self.changed.send_modify(|n| *n += 1);
        done
    }

    /// Waits until the state has it.
    pub(crate) async fn until<T>(&self, mut look: impl FnMut(&State) -> Option<T>) -> T {
        let mut changes = self.changed.subscribe();
        loop {
            if let Some(found) = look(&self.read()) {
                return found;
            }
            // the sender lives as long as we do
            let _ = changes.changed().await;
        }
    }
}

/// A running one; dropping it closes its port.
#[derive(Debug)]
pub struct InstantBuildKit {
    addr: SocketAddr,
    shared: Arc<Shared>,
    serving: tokio::task::JoinHandle<()>,
}

impl Drop for InstantBuildKit {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl InstantBuildKit {
    /// Starts it.
    ///
    /// # Errors
    /// There is no port.
    pub async fn start() -> std::io::Result<Self> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let addr = listener.local_addr()?;
        let shared = Arc::<Shared>::default();
        let service = ControlServer::new(control::Service(Arc::clone(&shared)));
        let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
        let serving = tokio::spawn(async move {
            let served = Server::builder().add_service(service);
            let _ = served.serve_with_incoming(incoming).await;
        });
        Ok(Self {
            addr,
            shared,
            serving,
        })
    }

    /// As a builder's address: `tcp://127.0.0.1:port`, in clear text.
    pub fn address(&self) -> String {
        format!("tcp://{}", self.addr)
    }

    /// Solves whose image or source has these words in it go like this from now on; the last script that fits counts, and
    /// the empty words fit all.
    pub fn script(&self, words: &str, script: Script) {
        let words = words.to_owned();
        self.shared.change(|s| s.scripts.push((words, script)));
    }

    /// Held solves with these words in image or source go on, now and later.
    pub fn release(&self, words: &str) {
        let words = words.to_owned();
        self.shared.change(|s| s.released.push(words));
    }

    /// Every build so far, oldest first.
    pub fn solves(&self) -> Vec<Solve> {
        let mut solves = self.shared.read().solves.clone();
        solves.retain(|s| !s.fetch);
        solves
    }

    /// Every solve so far that only fetched a source, with the token it was given; oldest first.
    pub fn fetches(&self) -> Vec<Solve> {
        let mut solves = self.shared.read().solves.clone();
        solves.retain(|s| s.fetch);
        solves
    }

    /// Those with these words in image or source.
    pub fn solves_of(&self, words: &str) -> Vec<Solve> {
        let mut solves = self.solves();
        solves.retain(|s| s.is_about(words));
        solves
    }

    /// Sessions so far.
    pub fn sessions(&self) -> usize {
        self.shared.read().sessions
    }
}
