//! A socket that is BuildKit's own, as a BuildKit outside dockerd has one: each connection goes on as an upgraded one to
//! dockerd.
//!
//! Not for TCP and certificates: see the Depot fake.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::net::UnixListener;
use tokio::task::JoinSet;

use crate::daemon::dial;

/// A listening socket; dropping it closes it and every connection.
#[derive(Debug)]
pub struct SocketBridge {
    path: PathBuf,
    accepted: Arc<AtomicUsize>,
    accepting: tokio::task::JoinHandle<()>,
}

impl Drop for SocketBridge {
    fn drop(&mut self) {
        self.accepting.abort();
        let _ = std::fs::remove_file(&self.path);
    }
}

impl SocketBridge {
    /// Listens at `path` in front of the dockerd whose API is at `docker`.
    ///
    /// # Errors
    /// The path is taken, too long or in no folder.
    pub fn start(path: &Path, docker: &Path) -> std::io::Result<Self> {
        let listener = UnixListener::bind(path)?;
        let docker = docker.to_owned();
        let accepted = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&accepted);
        let accepting = tokio::spawn(async move {
            // owned here, so that ending this task also ends the connections
            let mut connections = JoinSet::new();
            loop {
                let Ok((mut near, _)) = listener.accept().await else {
                    continue;
                };
                while connections.try_join_next().is_some() {}
                count.fetch_add(1, Ordering::Relaxed);
                let docker = docker.clone();
                connections.spawn(async move {
                    // either end's going ends both
                    if let Ok(mut far) = dial(&docker).await {
                        let _ = tokio::io::copy_bidirectional(&mut near, &mut far).await;
                    }
                });
            }
        });
        Ok(Self {
            path: path.to_owned(),
            accepted,
            accepting,
        })
    }

    /// As a builder's address: `unix:///…`.
    pub fn address(&self) -> String {
        format!("unix://{}", self.path.display())
    }

    /// Connections made so far.
    pub fn accepted(&self) -> usize {
        self.accepted.load(Ordering::Relaxed)
    }
}
