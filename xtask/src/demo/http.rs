//! One GET, as a browser would send it, without a client library: xtask stays small.
//!
//! Not for TLS, redirects or chunked answers: every server asked is ours, on loopback.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::run::{Because, Failure, Result};

/// Longest a server may take to answer.
const ANSWER: Duration = Duration::from_secs(5);

/// Status and body for a path at an address, asked under a host name.
pub(crate) fn get(address: &str, host: &str, path: &str) -> Result<(u16, String)> {
    let address: SocketAddr = address.parse().because(address)?;
    let mut stream = TcpStream::connect_timeout(&address, ANSWER).because(address)?;
    stream.set_read_timeout(Some(ANSWER)).because(address)?;
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
    )
    .because(address)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).because(address)?;
    parse(&String::from_utf8_lossy(&answer))
        .ok_or_else(|| Failure(format!("{address} answered something else than HTTP")))
}

fn parse(answer: &str) -> Option<(u16, String)> {
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some((status, body.trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn status_and_body_are_found() {
        let answer = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nd_1a\n";
        assert_eq!(parse(answer), Some((200, "d_1a".to_owned())));
        assert_eq!(parse("nonsense"), None);
    }
}
