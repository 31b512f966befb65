//! A TCP proxy in front of a server, to lose, freeze or redirect its connections at will.
//!
//! Not for faults inside a protocol (a cut after the commit was sent): that needs to read it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Open,
    /// Connections are closed at once, open ones too.
    Cut,
    /// Connections stay, nothing moves.
    Frozen,
}

#[derive(Debug, Clone, Copy)]
struct State {
    mode: Mode,
    upstream: SocketAddr,
    /// Grows whenever open connections must go.
    generation: u64,
}

/// A running proxy; dropping it closes the port and every connection.
#[derive(Debug)]
pub struct Proxy {
    addr: SocketAddr,
    state: watch::Sender<State>,
    accepted: Arc<AtomicUsize>,
    accepting: tokio::task::JoinHandle<()>,
}

impl Proxy {
    /// Listens on a loopback port and passes everything on to `upstream`.
    pub async fn start(upstream: SocketAddr) -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let addr = listener.local_addr()?;
        let (state, seen) = watch::channel(State {
            mode: Mode::Open,
            upstream,
            generation: 0,
        });
        let accepted = Arc::new(AtomicUsize::new(0));
        let accepting = tokio::spawn(accept(listener, seen, Arc::clone(&accepted)));
        Ok(Self {
            addr,
            state,
            accepted,
            accepting,
        })
    }

    /// Where to connect instead of the server.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Closes every connection and every new one at once, until [`Self::heal`].
    pub fn cut(&self) {
        self.set(Mode::Cut, true);
    }

    /// Lets connections stand but moves no byte, until [`Self::heal`].
    pub fn freeze(&self) {
        self.set(Mode::Frozen, false);
    }

    /// Works again.
    pub fn heal(&self) {
        self.set(Mode::Open, false);
    }

    /// Closes the open connections; new ones work.
    pub fn drop_connections(&self) {
        self.state.send_modify(|s| s.generation += 1);
    }

    /// Sends new connections elsewhere and closes the open ones.
    pub fn retarget(&self, upstream: SocketAddr) {
        self.state.send_modify(|s| {
            s.upstream = upstream;
            s.generation += 1;
        });
    }

    /// Connections made to it so far, refused ones too.
    pub fn accepted(&self) -> usize {
        self.accepted.load(Ordering::Relaxed)
    }

    fn set(&self, mode: Mode, close: bool) {
        self.state.send_modify(|s| {
            s.mode = mode;
            s.generation += u64::from(close);
        });
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, state: watch::Receiver<State>, accepted: Arc<AtomicUsize>) {
    // owned here, so that ending this task also ends the connections
    let mut connections = JoinSet::new();
    loop {
        let Ok((client, _)) = listener.accept().await else {
            continue;
        };
        while connections.try_join_next().is_some() {}
        accepted.fetch_add(1, Ordering::Relaxed);
        let now = *state.borrow();
        if now.mode != Mode::Cut {
            connections.spawn(pass(client, now, state.clone()));
        }
    }
}

async fn pass(client: TcpStream, at_start: State, mut state: watch::Receiver<State>) {
    let Ok(server) = TcpStream::connect(at_start.upstream).await else {
        return;
    };
    let (_, _) = (client.set_nodelay(true), server.set_nodelay(true));
    let (mut client_in, mut client_out) = client.into_split();
    let (mut server_in, mut server_out) = server.into_split();
    let (up, down) = (state.clone(), state.clone());
    let closed = state.wait_for(|s| s.generation != at_start.generation);
    tokio::select! {
        // first, so that bytes held back by a freeze do not slip out when it heals right after the drop
        biased;
        _ = closed => {}
        // half-closed streams are rare in our protocols: either end closing ends both
        _ = copy(&mut client_in, &mut server_out, up) => {}
        _ = copy(&mut server_in, &mut client_out, down) => {}
    }
}

async fn copy(
    from: &mut tokio::net::tcp::OwnedReadHalf,
    to: &mut tokio::net::tcp::OwnedWriteHalf,
    mut state: watch::Receiver<State>,
) -> std::io::Result<()> {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let count = from.read(&mut buffer).await?;
        if count == 0 {
            return Ok(());
        }
        if state.wait_for(|s| s.mode != Mode::Frozen).await.is_err() {
            return Ok(());
        }
        to.write_all(&buffer[..count]).await?;
    }
}
