//! A peer that speaks just enough ACME to refuse a new account in the words a test wants.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

/// The answer to the request for an account.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    head: String,
    body: String,
}

impl Answer {
    pub(crate) fn new(status: u16, kind: &str, body: &str) -> Self {
        Self {
            head: format!("HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\n"),
            body: body.to_owned(),
        }
    }

    pub(crate) fn problem(status: u16, body: &str) -> Self {
        Self::new(status, "application/problem+json", body)
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.head += &format!("{name}: {value}\r\n");
        self
    }
}

/// A running peer; dropping it closes its port.
pub(crate) struct Peer {
    addr: SocketAddr,
    task: tokio::task::JoinHandle<()>,
}

impl Peer {
    pub(crate) async fn start(answer: Answer) -> Self {
        Self::serve(Some(answer)).await
    }

    /// Takes connections and says nothing.
    pub(crate) async fn silent() -> Self {
        Self::serve(None).await
    }

    async fn serve(answer: Option<Answer>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let addr = listener.local_addr().expect("a port");
        let task = tokio::spawn(async move {
            let mut open = Vec::new();
            while let Ok((mut stream, _)) = listener.accept().await {
                let Some(answer) = answer.clone() else {
                    open.push(stream);
                    continue;
                };
                tokio::spawn(async move {
                    let request = read(&mut stream).await;
                    let text = respond(&request, &answer, addr);
                    let _ = stream.write_all(text.as_bytes()).await;
                });
            }
        });
        Self { addr, task }
    }

    pub(crate) fn directory(&self) -> String {
        format!("http://{}/dir", self.addr)
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Reads a request with its body, so that closing the connection afterwards is no reset.
async fn read(stream: &mut tokio::net::TcpStream) -> String {
    let mut bytes = Vec::new();
    let mut part = [0; 8192];
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let head = head.to_ascii_lowercase();
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
            if body.len() >= length.unwrap_or(0usize) {
                return text;
            }
        }
        match stream.read(&mut part).await {
            Ok(0) | Err(_) => return text,
            Ok(n) => bytes.extend_from_slice(&part[..n]),
        }
    }
}

fn respond(request: &str, answer: &Answer, addr: SocketAddr) -> String {
    let (head, body) = if request.starts_with("GET /dir") {
        let url = |path: &str| format!("http://{addr}/{path}");
        let directory = format!(
            r#"{{"newNonce":"{}","newAccount":"{}","newOrder":"{}","revokeCert":"{}","keyChange":"{}"}}"#,
            url("nonce"),
            url("account"),
            url("order"),
            url("revoke"),
            url("key")
        );
        (
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n".to_owned(),
            directory,
        )
    } else if request.contains(" /nonce ") {
        ("HTTP/1.1 200 OK\r\n".to_owned(), String::new())
    } else {
        (answer.head.clone(), answer.body.clone())
    };
    format!(
        "{head}Replay-Nonce: abc\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
}
