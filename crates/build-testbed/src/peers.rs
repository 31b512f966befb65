//! All servers of a build, one set a process.
//!
//! Not for choosing among them: a test that breaks one starts its own.

use serde_json::Value;
use testbed::StartError;
use tokio::sync::OnceCell;

use crate::bridge::SocketBridge;
use crate::daemon::Daemon;
use crate::git::GitServer;
use crate::programs::{ALLOW_NONE, obstacle};
use crate::registry::Registry;

/// The servers. Dropping them ends them.
#[derive(Debug)]
pub struct BuildPeers {
    bridge: SocketBridge,
    daemon: Daemon,
    registry: Registry,
    git: GitServer,
}

impl BuildPeers {
    /// Starts all of them.
    ///
    /// # Errors
    /// One is not installed or does not come up.
    pub async fn start() -> Result<Self, StartError> {
        let (daemon, registry, git) =
            tokio::try_join!(Daemon::start(), Registry::start(), GitServer::start())?;
        let socket = daemon.socket().with_file_name("buildkit.sock");
        let bridge = SocketBridge::start(&socket, daemon.socket());
        let bridge = bridge.map_err(|source| StartError::Files {
            what: format!("listen at {}", socket.display()),
            source,
        })?;
        Ok(Self {
            bridge,
            daemon,
            registry,
            git,
        })
    }

    /// A builder's address: `unix:///…`, BuildKit's own protocol.
    pub fn buildkit_address(&self) -> String {
        self.bridge.address()
    }

    /// The socket in front of BuildKit.
    pub fn bridge(&self) -> &SocketBridge {
        &self.bridge
    }

    /// The dockerd that BuildKit is a part of.
    pub fn daemon(&self) -> &Daemon {
        &self.daemon
    }

    /// Where images go.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// Where sources come from.
    pub fn git(&self) -> &GitServer {
        &self.git
    }

    /// The manifest of an image, read back from the registry; nothing where there is none.
    pub async fn manifest(&self, image: &str) -> Option<Value> {
        self.registry.manifest(image).await
    }
}

/// The servers of this process. Nothing, with a line that says why, where builds cannot run and `ALLOW_NO_BUILDKIT` is set.
///
/// # Panics
/// They cannot run here and the variable is not set, or they do not come up.
pub async fn peers() -> Option<&'static BuildPeers> {
    static PEERS: OnceCell<Option<BuildPeers>> = OnceCell::const_new();
    let peers = PEERS.get_or_init(|| async {
        if let Some(why) = obstacle() {
            let allowed = std::env::var_os(ALLOW_NONE).is_some_and(|v| !v.is_empty());
            assert!(
                allowed,
                "builds cannot run here: {why}. {ALLOW_NONE}=1 leaves their tests out"
            );
            eprintln!("NOT TESTED: builds, for {why}");
            return None;
        }
        // watched by the runtime that all tests share, not by that of the test that came first
        let started = testbed::runtime().spawn(BuildPeers::start()).await;
        let started = started.expect("the servers' start does not panic");
        Some(started.unwrap_or_else(|e| panic!("a server that builds need: {e}")))
    });
    peers.await.as_ref()
}
