//! All deployments' hosts in one HTTP server: what it answers is looked up by the request's host.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Instant;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// A request as it arrived.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) path: String,
    pub(crate) head: String,
    pub(crate) at: Instant,
}

#[derive(Default)]
struct Host {
    /// Status line and headers, body; the last one is the answer to everything further.
    script: Vec<(String, Vec<u8>)>,
    seen: Vec<Seen>,
}

/// The server.
#[derive(Clone)]
pub(crate) struct Site {
    pub(crate) addr: SocketAddr,
    hosts: Arc<Mutex<BTreeMap<String, Host>>>,
}

impl Site {
    pub(crate) async fn start() -> Site {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let site = Site {
            addr: listener.local_addr().expect("an address"),
            hosts: Arc::default(),
        };
        let served = site.clone();
        testbed::runtime().spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(served.clone().serve(stream));
            }
        });
        site
    }

    /// Adds an answer of a host: the status, further header lines, the body.
    pub(crate) fn answer(&self, host: &str, status: u16, headers: &str, body: &[u8]) {
        let head = format!(
            "HTTP/1.1 {status} X\r\ncontent-length: {}\r\nconnection: close\r\n{headers}\r\n",
            body.len()
        );
        self.raw(host, &head, body);
    }

    /// Adds an answer of a host as it is sent.
    pub(crate) fn raw(&self, host: &str, head: &str, body: &[u8]) {
        let mut hosts = self.hosts.lock().unwrap();
        let script = &mut hosts.entry(host.to_lowercase()).or_default().script;
        script.push((head.to_owned(), body.to_vec()));
    }

    /// Forgets the answers of a host so far.
    pub(crate) fn forget(&self, host: &str) {
        self.hosts.lock().unwrap().remove(&host.to_lowercase());
    }

    pub(crate) fn seen(&self, host: &str) -> Vec<Seen> {
        let hosts = self.hosts.lock().unwrap();
        hosts
            .get(&host.to_lowercase())
            .map(|h| h.seen.clone())
            .unwrap_or_default()
    }

    async fn serve(self, mut stream: TcpStream) {
        let mut head = Vec::new();
        let mut buffer = [0; 4096];
        while !head.windows(4).any(|w| w == b"\r\n\r\n") {
            match stream.read(&mut buffer).await {
                Ok(count) if count > 0 => head.extend_from_slice(&buffer[..count]),
                _ => return,
            }
        }
        let head = String::from_utf8_lossy(&head).into_owned();
        let field = |name: &str| {
            head.lines()
                .filter_map(|line| line.split_once(':'))
                .find(|(key, _)| key.eq_ignore_ascii_case(name))
                .map(|(_, value)| value.trim().to_owned())
        };
        let host = field("host").unwrap_or_default();
        let name = host
            .rsplit_once(':')
            .map_or(host.as_str(), |(name, _)| name)
            .to_lowercase();
        let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
        let (head, body) = {
            let mut hosts = self.hosts.lock().unwrap();
            let host = hosts.entry(name).or_default();
            host.seen.push(Seen {
                path,
                head: head.clone(),
                at: Instant::now(),
            });
            match host.script.len() {
                0 => (
                    "HTTP/1.1 500 X\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".to_owned(),
                    Vec::new(),
                ),
                1 => host.script[0].clone(),
                _ => host.script.remove(0),
            }
        };
        // A client that has seen enough hangs up.
        let _sent = stream.write_all(head.as_bytes()).await;
        let _sent = stream.write_all(&body).await;
    }
}
