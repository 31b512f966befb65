//! A steady load of handler calls through Restate's ingress, and what a process takes meanwhile.
//!
//! One request a connection's turn, sent at fixed times whatever the answers take. Not for how fast the worker can be:
//! `cargo xtask bench`.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::run::{Because, Failure, Result, output};

/// Connections, each a thread.
const SIDES: u32 = 4;
/// Longest an answer may take.
const ANSWER: Duration = Duration::from_secs(5);

/// Calls `path` with `body` so many times a second, for so long. Gives the number of calls, all of which were answered 200.
pub(crate) fn steady(
    ingress: &str,
    path: &str,
    body: &str,
    a_second: u32,
    long: Duration,
) -> Result<u32> {
    let host = ingress.trim_start_matches("http://").trim_end_matches('/');
    let address: SocketAddr = host.parse().because(ingress)?;
    let request = format!(
        "POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let each = Duration::from_secs(1) * SIDES / a_second;
    let begin = Instant::now();
    std::thread::scope(|scope| {
        let side = |number: u32| {
            let request = &request;
            let first = begin + each * number / SIDES;
            scope.spawn(move || one_side(address, request, first, each, begin + long))
        };
        let sides: Vec<_> = (0..SIDES).map(side).collect();
        let ended = sides.into_iter().map(|s| {
            s.join()
                .unwrap_or_else(|_| Err(Failure("a caller panicked".to_owned())))
        });
        ended.sum()
    })
}

fn one_side(
    address: SocketAddr,
    request: &str,
    mut next: Instant,
    each: Duration,
    until: Instant,
) -> Result<u32> {
    let mut stream = TcpStream::connect_timeout(&address, ANSWER).because(address)?;
    stream.set_nodelay(true).because(address)?;
    stream.set_read_timeout(Some(ANSWER)).because(address)?;
    let mut calls = 0;
    while next < until {
        super::pause(next.saturating_duration_since(Instant::now()));
        stream.write_all(request.as_bytes()).because(address)?;
        let status = answer(&mut stream)?;
        if status != 200 {
            return Err(Failure(format!("call {calls} was answered {status}")));
        }
        calls += 1;
        next += each;
    }
    Ok(calls)
}

/// Reads one answer to its end, so that the next one begins where it should.
fn answer(stream: &mut TcpStream) -> Result<u16> {
    let mut text = Vec::new();
    let mut part = [0; 4096];
    loop {
        let got = stream.read(&mut part).because("an answer")?;
        if got == 0 {
            return Err(Failure("the connection ended before the answer".to_owned()));
        }
        text.extend_from_slice(&part[..got]);
        if let Some((status, length)) = whole(&String::from_utf8_lossy(&text))
            && text.len() >= length
        {
            return Ok(status);
        }
    }
}

/// Status and length of an answer whose head is there.
fn whole(text: &str) -> Option<(u16, usize)> {
    let (head, _) = text.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length")
            .then(|| value.trim().parse::<usize>().ok())?
    });
    Some((status, head.len() + 4 + length.unwrap_or(0)))
}

/// A process, looked at through `/proc`.
#[derive(Debug, Clone)]
pub(crate) struct Process(PathBuf);

impl Process {
    /// The process of this number.
    pub(crate) fn new(pid: u32) -> Self {
        Self(PathBuf::from(format!("/proc/{pid}")))
    }

    /// A line of its status: `VmRSS`, `CapEff`.
    pub(crate) fn status(&self, name: &str) -> Result<String> {
        let text = self.text("status")?;
        let line = text
            .lines()
            .find_map(|l| l.strip_prefix(name)?.strip_prefix(':'));
        line.map(|l| l.trim().to_owned())
            .ok_or_else(|| Failure(format!("no {name} of {}", self.0.display())))
    }

    /// Resident memory in KiB.
    pub(crate) fn resident(&self) -> Result<u64> {
        let line = self.status("VmRSS")?;
        line.trim_end_matches(" kB").parse().because(line)
    }

    /// Whether what it sees as `/` can be written to.
    pub(crate) fn writable_root(&self) -> Result<bool> {
        let mounts = self.text("mountinfo")?;
        let root = mounts.lines().find(|l| l.split(' ').nth(4) == Some("/"));
        let options = root.and_then(|l| l.split(' ').nth(5)).unwrap_or_default();
        Ok(!options.split(',').any(|o| o == "ro"))
    }

    /// Processor time it has used.
    pub(crate) fn cpu(&self) -> Result<Duration> {
        let ticks: u32 = output(Command::new("getconf").arg("CLK_TCK"))?
            .trim()
            .parse()
            .because("CLK_TCK")?;
        let stat = self.text("stat")?;
        let used = used(&stat)
            .ok_or_else(|| Failure(format!("{} has no processor time", self.0.display())))?;
        Ok(Duration::from_secs(used) / ticks)
    }

    fn text(&self, file: &str) -> Result<String> {
        let path = self.0.join(file);
        std::fs::read_to_string(&path).because(path.display())
    }
}

/// User and system ticks; the name before them is in brackets and may hold blanks.
fn used(stat: &str) -> Option<u64> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace().skip(11);
    Some(fields.next()?.parse::<u64>().ok()? + fields.next()?.parse::<u64>().ok()?)
}

#[cfg(test)]
mod tests {
    use super::{used, whole};

    #[test]
    fn an_answer_ends_where_its_head_says() {
        assert_eq!(whole("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n"), None);
        let head = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n";
        assert_eq!(whole(head), Some((200, head.len() + 2)));
        assert_eq!(whole("HTTP/1.1 404 Not Found\r\n\r\n"), Some((404, 26)));
    }

    #[test]
    fn processor_time_is_user_and_system() {
        assert_eq!(
            used("7 (a (b) c) S 1 2 3 4 5 6 7 8 9 10 40 2 0 0"),
            Some(42)
        );
        assert_eq!(used("nonsense"), None);
    }
}
