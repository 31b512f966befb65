//! A TCP proxy in front of MySQL that knows when a commit passes: the connection is cut after the server has the
//! COMMIT and before the client has its answer, or everything is slowed down.
//!
//! It reads the client's packets only (4 bytes of header, then a command byte). Not for TLS, not for compression, and
//! not for cuts elsewhere: `testbed::Proxy` has those.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

const QUERY: u8 = 0x03;
const PREPARE: u8 = 0x16;
const HEADER: usize = 4;

#[derive(Debug, Clone, Copy, Default)]
struct Rules {
    /// Commits that are still to be let pass before one is cut; none when absent.
    cut_after: Option<usize>,
    delay: Duration,
}

/// A running proxy; dropping it closes the port and every connection.
#[derive(Debug)]
pub struct MySqlProxy {
    addr: SocketAddr,
    rules: watch::Sender<Rules>,
    cuts: Arc<AtomicUsize>,
    accepting: JoinHandle<()>,
}

impl MySqlProxy {
    /// Listens on a loopback port and passes everything on to the server at `upstream`.
    ///
    /// # Errors
    /// The system gives no port.
    pub async fn start(upstream: SocketAddr) -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let addr = listener.local_addr()?;
        let (rules, _) = watch::channel(Rules::default());
        let cuts = Arc::new(AtomicUsize::new(0));
        let (seen, counted) = (rules.clone(), Arc::clone(&cuts));
        let accepting = tokio::spawn(async move {
            // owned here, so that ending this task also ends the connections
            let mut connections = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                while connections.try_join_next().is_some() {}
                connections.spawn(pass(client, upstream, seen.clone(), Arc::clone(&counted)));
            }
        });
        Ok(Self {
            addr,
            rules,
            cuts,
            accepting,
        })
    }

    /// Where to connect instead of the server.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Cuts one connection: after `skip` more commits, the one whose COMMIT has reached the server then.
    pub fn cut_after_commit(&self, skip: usize) {
        self.rules.send_modify(|r| r.cut_after = Some(skip));
    }

    /// Every packet of a client waits so long; zero ends it.
    pub fn delay(&self, delay: Duration) {
        self.rules.send_modify(|r| r.delay = delay);
    }

    /// Connections cut after a commit so far.
    pub fn cuts(&self) -> usize {
        self.cuts.load(Ordering::Relaxed)
    }
}

impl Drop for MySqlProxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn pass(
    client: TcpStream,
    upstream: SocketAddr,
    rules: watch::Sender<Rules>,
    cuts: Arc<AtomicUsize>,
) {
    let Ok(server) = TcpStream::connect(upstream).await else {
        return;
    };
    let (_, _) = (client.set_nodelay(true), server.set_nodelay(true));
    let (mut client_in, mut client_out) = client.into_split();
    let (mut server_in, mut server_out) = server.into_split();
    let (committed, mut answered) = watch::channel(false);
    let up = requests(&mut client_in, &mut server_out, &rules, &committed);
    let down = async {
        let mut buffer = vec![0; 16 * 1024];
        while let Ok(count @ 1..) = server_in.read(&mut buffer).await {
            if *answered.borrow_and_update() {
                // the server has answered, so it has committed; nobody is told
                cuts.fetch_add(1, Ordering::Relaxed);
                return;
            }
            if client_out.write_all(&buffer[..count]).await.is_err() {
                return;
            }
        }
    };
    tokio::select! {
        _ = up => {}
        () = down => {}
    }
}

async fn requests(
    from: &mut OwnedReadHalf,
    to: &mut OwnedWriteHalf,
    rules: &watch::Sender<Rules>,
    committed: &watch::Sender<bool>,
) -> std::io::Result<()> {
    loop {
        let mut packet = vec![0; HEADER];
        from.read_exact(&mut packet).await?;
        let length = u32::from_le_bytes([packet[0], packet[1], packet[2], 0]);
        packet.resize(HEADER + usize::try_from(length).unwrap_or_default(), 0);
        from.read_exact(&mut packet[HEADER..]).await?;
        let delay = rules.borrow().delay;
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        if is_commit(&packet[HEADER..]) {
            let mut cut = false;
            rules.send_modify(|r| {
                cut = r.cut_after == Some(0);
                r.cut_after = r.cut_after.and_then(|left| left.checked_sub(1));
            });
            if cut {
                committed.send_replace(true);
            }
        }
        to.write_all(&packet).await?;
    }
}

/// COMMIT as a text query, or being prepared: the server is about to see it.
fn is_commit(payload: &[u8]) -> bool {
    match payload.split_first() {
        Some((&(QUERY | PREPARE), text)) => text
            .trim_ascii()
            .strip_suffix(b";")
            .unwrap_or(text.trim_ascii())
            .eq_ignore_ascii_case(b"commit"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::is_commit;

    #[test]
    fn only_a_commit_is_a_commit() {
        assert!(is_commit(b"\x03COMMIT"));
        assert!(is_commit(b"\x03commit;"));
        assert!(!is_commit(b"\x03SELECT 'COMMIT'"));
        assert!(!is_commit(b"\x01"));
        assert!(!is_commit(b""));
    }
}
