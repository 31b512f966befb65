//! Ports for servers that must find theirs free again after a restart.
//!
//! Not for listeners that live as long as their process: those ask the system for port 0.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use rand::Rng;

use crate::StartError;

/// Below the range that Linux takes the local ends of outgoing connections from (32768 and up): one of those would
/// occupy the port of a server that is down for a moment, for as long as the connection lives.
const RANGE: std::ops::Range<u16> = 12_000..32_000;
const DRAWS: usize = 200;

/// How often a server is started on other ports: somebody may take one between our look and the server's.
pub const PORT_TRIES: usize = 5;

/// A loopback address nobody listens at now.
pub fn free_port() -> Result<SocketAddr, StartError> {
    let mut random = rand::rng();
    let mut last = None;
    for _ in 0..DRAWS {
        let at = SocketAddr::from((Ipv4Addr::LOCALHOST, random.random_range(RANGE)));
        match TcpListener::bind(at) {
            Ok(_) => return Ok(at),
            Err(e) => last = Some(e),
        }
    }
    Err(StartError::Files {
        what: "find a free port".to_owned(),
        source: last.unwrap_or_else(|| std::io::ErrorKind::AddrInUse.into()),
    })
}
