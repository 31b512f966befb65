//! A fake of an HTTP server that has no end: whatever it is asked, its answer goes on until the client hangs up. For adapters,
//! each of which reads so much and no more.
//!
//! Not for answers that end: see `http`.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

const CHUNK: usize = 64 << 10;

/// A running one; dropping it closes the port and its connections.
#[derive(Debug)]
pub struct Flood {
    addr: SocketAddr,
    sent: Arc<AtomicUsize>,
    accepting: JoinHandle<()>,
}

impl Drop for Flood {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Flood {
    /// Answers with this status and with `part`, again and again.
    ///
    /// # Errors
    /// The system gives no port.
    pub async fn start(status: u16, part: &str) -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let addr = listener.local_addr()?;
        let sent = Arc::new(AtomicUsize::new(0));
        let chunk: Arc<Vec<u8>> = Arc::new(part.bytes().cycle().take(CHUNK).collect());
        let count = Arc::clone(&sent);
        let accepting = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let (chunk, count) = (Arc::clone(&chunk), Arc::clone(&count));
                // an error is how it ends: the client has hung up
                connections.spawn(async move { pour(stream, status, &chunk, &count).await.ok() });
            }
        });
        Ok(Self {
            addr,
            sent,
            accepting,
        })
    }

    /// Base address.
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// Bytes of bodies that clients, or the system on their way, have taken so far.
    pub fn sent(&self) -> usize {
        self.sent.load(Ordering::Relaxed)
    }
}

async fn pour(
    mut stream: TcpStream,
    status: u16,
    chunk: &[u8],
    count: &AtomicUsize,
) -> std::io::Result<()> {
    let mut request = vec![0; CHUNK];
    let _read = stream.read(&mut request).await?;
    let head = format!(
        "HTTP/1.1 {status} So\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await?;
    loop {
        stream.write_all(chunk).await?;
        count.fetch_add(chunk.len(), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_goes_on_until_the_client_hangs_up() {
        let flood = Flood::start(200, "ab").await.expect("a port");
        let mut client = TcpStream::connect(flood.addr).await.expect("connected");
        client
            .write_all(b"GET / HTTP/1.1\r\n\r\n")
            .await
            .expect("asked");
        let mut taken = vec![0; 40 * CHUNK];
        client
            .read_exact(&mut taken)
            .await
            .expect("as much as wanted");
        assert!(taken.ends_with(b"abab") || taken.ends_with(b"baba"));
        drop(client);
        let before = flood.sent();
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        assert!(flood.sent() < before + 200 * CHUNK, "it has ended");
        assert!(before > 38 * CHUNK);
    }
}
