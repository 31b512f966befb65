//! A DNS server of a test's own, over UDP and TCP: it answers from a table the test sets, then from any further source
//! (such as the records of a simulated Route53), can be told to fail for single names, and counts what it was asked.
//!
//! Real packets, no recursion: names it does not know do not exist. Not a zone with delegation and signatures.

mod answer;
mod table;

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hickory_server::server::Server;
use tokio::net::{TcpListener, UdpSocket};
use tokio::sync::OnceCell;

use table::{Rule, Table};

/// Data of one record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DnsData {
    /// An IPv4 address.
    A(Ipv4Addr),
    /// An IPv6 address.
    Aaaa(Ipv6Addr),
    /// Another name for the name; followed for every kind but `Cname` itself.
    Cname(String),
    /// A server of the zone.
    Ns(String),
    /// The character-strings of one record, each at most 255 bytes.
    Txt(Vec<String>),
    /// Who may issue certificates.
    Caa {
        /// The issuer must understand the tag.
        critical: bool,
        /// `issue`, `issuewild`, `iodef`, ….
        tag: String,
        /// As in a zone file, without the quotes.
        value: String,
    },
}

impl DnsData {
    /// A TXT record of one string.
    pub fn txt(text: impl Into<String>) -> Self {
        Self::Txt(vec![text.into()])
    }

    /// A CAA record without the critical flag.
    pub fn caa(tag: &str, value: &str) -> Self {
        Self::Caa {
            critical: false,
            tag: tag.to_owned(),
            value: value.to_owned(),
        }
    }

    /// Its kind.
    pub fn kind(&self) -> DnsKind {
        match self {
            Self::A(_) => DnsKind::A,
            Self::Aaaa(_) => DnsKind::Aaaa,
            Self::Cname(_) => DnsKind::Cname,
            Self::Ns(_) => DnsKind::Ns,
            Self::Txt(_) => DnsKind::Txt,
            Self::Caa { .. } => DnsKind::Caa,
        }
    }
}

/// The kinds of records and queries the server knows; it answers others with "no data".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DnsKind {
    /// IPv4 address.
    A,
    /// IPv6 address.
    Aaaa,
    /// Alias.
    Cname,
    /// Server of the zone.
    Ns,
    /// Text.
    Txt,
    /// Certificate authorities allowed.
    Caa,
    /// Start of a zone, and whatever else is asked for.
    Other,
}

/// How the server fails when told to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DnsFailure {
    /// SERVFAIL.
    ServFail,
    /// REFUSED.
    Refused,
    /// "No such name", whatever the table says.
    NxDomain,
    /// No answer at all: the asker runs into its time-out.
    Silence,
    /// The right answer, this much later.
    Late(Duration),
}

/// A second place to look a name up in, asked when the table does not have the name.
#[async_trait::async_trait]
pub trait RecordSource: Send + Sync + 'static {
    /// All records at exactly this name (lower case, no dot at the end); `None`: it does not exist here. An error is
    /// answered with SERVFAIL and printed.
    async fn records(&self, name: &str) -> Result<Option<Vec<DnsData>>, String>;
}

/// What the server's tasks and its owner share.
#[derive(Default)]
struct Shared {
    table: Mutex<Table>,
    sources: Mutex<Vec<Arc<dyn RecordSource>>>,
}

impl Shared {
    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn sources(&self) -> MutexGuard<'_, Vec<Arc<dyn RecordSource>>> {
        self.sources.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A running server; dropping it closes its ports.
pub struct DnsServer {
    addr: SocketAddr,
    shared: Arc<Shared>,
    _server: Server<answer::Answerer>,
}

impl std::fmt::Debug for DnsServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DnsServer")
            .field("addr", &self.addr)
            .finish_non_exhaustive()
    }
}

impl DnsServer {
    /// Listens on a loopback port, the same for UDP and TCP; the table is empty.
    pub async fn start() -> std::io::Result<Self> {
        let (udp, tcp) = sockets().await?;
        let addr = tcp.local_addr()?;
        let shared = Arc::<Shared>::default();
        let mut server = Server::new(answer::Answerer(Arc::clone(&shared)));
        server.register_socket(udp);
        server.register_listener(tcp, Duration::from_secs(5), 4096);
        Ok(Self {
            addr,
            shared,
            _server: server,
        })
    }

    /// Where to ask.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Adds one record at a name. Case and a dot at the end of the name do not matter.
    pub fn add(&self, name: &str, data: DnsData) {
        self.shared.table().add(name, data);
    }

    /// Makes these the only records at a name; none: the name exists and has no data.
    pub fn set(&self, name: &str, data: impl IntoIterator<Item = DnsData>) {
        self.shared.table().set(name, data.into_iter().collect());
    }

    /// Makes a name not exist in the table.
    pub fn remove(&self, name: &str) {
        self.shared.table().remove(name);
    }

    /// Asks this source for names the table does not have, after the sources added before.
    pub fn also(&self, source: Arc<dyn RecordSource>) {
        self.shared.sources().push(source);
    }

    /// Fails queries for a name (`*`: any), of one kind or all, so many times or until [`Self::heal`]. The rule made
    /// last goes first.
    pub fn fail(&self, name: &str, kind: Option<DnsKind>, failure: DnsFailure, times: Option<u32>) {
        self.shared
            .table()
            .fail(Rule::new(name, kind, failure, times));
    }

    /// Withdraws every failure of a name; `*`: those made for `*`.
    pub fn heal(&self, name: &str) {
        self.shared.table().heal(name);
    }

    /// How often a name was asked for: one kind, or all. Failed queries count.
    pub fn queries(&self, name: &str, kind: Option<DnsKind>) -> usize {
        self.shared.table().queries(name, kind)
    }
}

/// The DNS server of this test process; tests use names of their own.
pub async fn dns() -> &'static DnsServer {
    static SERVER: OnceCell<DnsServer> = OnceCell::const_new();
    SERVER
        .get_or_init(|| async {
            // on the runtime all tests share, not on that of a caller that may end before
            crate::runtime()
                .spawn(DnsServer::start())
                .await
                .expect("the server's start does not panic")
                .unwrap_or_else(|e| panic!("DNS server on loopback: {e}"))
        })
        .await
}

/// Both protocols on one port of the system's choice.
async fn sockets() -> std::io::Result<(UdpSocket, TcpListener)> {
    let mut tries = 0;
    loop {
        let tcp = TcpListener::bind("127.0.0.1:0").await?;
        match UdpSocket::bind(tcp.local_addr()?).await {
            Ok(udp) => return Ok((udp, tcp)),
            // somebody else has the port for UDP
            Err(_) if tries < 20 => tries += 1,
            Err(e) => return Err(e),
        }
    }
}
