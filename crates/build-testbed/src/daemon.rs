//! A dockerd of our own with the BuildKit inside it, its own containerd, and nothing that outlives it.
//!
//! It lives in namespaces of its own: when the process at their root is killed, the kernel ends every process in them and
//! takes every mount away, so nothing is unmounted or searched for afterwards.
//!
//! Not for containers: it has no network.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::json;
use testbed::{Guarded, Spec, StartError};
use tokio::net::UnixStream;

use crate::programs::{program, search_path};

const READY_WITHIN: Duration = Duration::from_secs(60);

/// Sockets of containerd and others are made below `/run`, here one that nobody else sees.
const INSIDE: &str = "mount -t tmpfs tmpfs /run && exec \"$@\"";

/// A server. Dropping it ends every process of it and removes its folder.
#[derive(Debug)]
pub struct Daemon {
    socket: PathBuf,
    process: Guarded,
}

impl Daemon {
    /// Starts it and waits until it answers.
    ///
    /// # Errors
    /// It cannot run here.
    pub async fn start() -> Result<Self, StartError> {
        let dir = testbed::server_dir("dockerd")?;
        let socket = dir.join("docker.sock");
        let config = json!({
            "data-root": dir.join("data"),
            "exec-root": "/run/build-testbed",
            "pidfile": "/run/build-testbed.pid",
            "hosts": [format!("unix://{}", socket.display())],
            // works on any file system, an overlay too
            "storage-driver": "native",
            "features": { "containerd-snapshotter": true },
            "bridge": "none",
            "iptables": false,
            "ip6tables": false,
            "ip-forward": false,
            "ip-masq": false,
            // registries of tests have no TLS
            "insecure-registries": ["127.0.0.0/8"],
        });
        let path = dir.join("daemon.json");
        std::fs::write(&path, config.to_string()).map_err(|source| StartError::Files {
            what: format!("write {}", path.display()),
            source,
        })?;
        let dockerd = program("dockerd", "DOCKERD")?;
        let words = ["--pid", "--mount", "--fork", "--kill-child", "--mount-proc"];
        let words = words.into_iter().chain(["sh", "-c", INSIDE, "sh"]);
        let mut args: Vec<String> = words.map(str::to_owned).collect();
        args.push(dockerd.display().to_string());
        args.extend(["--config-file".to_owned(), path.display().to_string()]);
        let spec = Spec {
            program: &program("unshare", "")?,
            args,
            env: vec![("PATH".to_owned(), search_path())],
            dir: &dir,
            remove: true,
        };
        let (process, _) = Guarded::start(spec).await?;
        let daemon = Self { socket, process };
        daemon.ready(&dir.join("log")).await?;
        Ok(daemon)
    }

    async fn ready(&self, log: &Path) -> Result<(), StartError> {
        let until = Instant::now() + READY_WITHIN;
        loop {
            // it makes the socket before it can serve, and answers when it can
            let last = match dial(&self.socket).await {
                Ok(_) => return Ok(()),
                Err(e) => e.to_string(),
            };
            let log = log.to_owned();
            if !self.process.is_running() {
                return Err(StartError::Died(log));
            }
            if Instant::now() > until {
                return Err(StartError::NotReady { log, last });
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Its API's socket.
    pub fn socket(&self) -> &Path {
        &self.socket
    }
}

/// A connection to the BuildKit behind a dockerd's socket: HTTP/2 with prior knowledge from its first byte.
pub(crate) async fn dial(socket: &Path) -> std::io::Result<UnixStream> {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    const ASK: &[u8] = b"POST /grpc HTTP/1.1\r\nHost: docker\r\nConnection: Upgrade\r\n\
        Upgrade: h2c\r\nContent-Length: 0\r\n\r\n";
    let mut stream = UnixStream::connect(socket).await?;
    stream.write_all(ASK).await?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        // byte by byte: what follows is not ours
        head.push(stream.read_u8().await?);
    }
    if head.starts_with(b"HTTP/1.1 101") {
        Ok(stream)
    } else {
        let said = String::from_utf8_lossy(&head).into_owned();
        Err(std::io::Error::other(said))
    }
}
