//! The listener through which another process gives the rules: one line a request, tab between the words.
//!
//! `add⇥<kind>⇥<times>⇥<step>⇥<key or empty>` → `ok`; `clear` → `ok`; `hits` → `<step>⇥<invocation>⇥<key>` lines, then `ok`.
//! Kinds: `transient`, `terminal`, `lost`, `delay:<milliseconds>`.

use super::{Kind, Rule, add, clear, hits};
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

/// Environment variable with the loopback address to listen on, like `127.0.0.1:0`.
pub const VARIABLE: &str = "CTRL_WORKER_TEST_FAULTS";

/// Listens where the environment says, until the process ends; gives the address. None when the variable is absent.
///
/// # Errors
/// The address is not a loopback address, or cannot be had.
pub fn listen_from_env() -> std::io::Result<Option<SocketAddr>> {
    let Ok(text) = std::env::var(VARIABLE) else {
        return Ok(None);
    };
    let refused = |why: &str| std::io::Error::other(format!("{VARIABLE}={text}: {why}"));
    let address: SocketAddr = text.parse().map_err(|_| refused("not an address"))?;
    if !address.ip().is_loopback() {
        return Err(refused("only loopback is allowed"));
    }
    let listener = TcpListener::bind(address)?;
    let address = listener.local_addr()?;
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // whoever hangs up in the middle of a line has no answer to lose
            std::thread::spawn(move || converse(stream).ok());
        }
    });
    Ok(Some(address))
}

fn converse(stream: TcpStream) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut out = stream.try_clone()?;
    for line in BufReader::new(stream).lines() {
        out.write_all(answer(&line?).as_bytes())?;
    }
    Ok(())
}

pub(super) fn answer(line: &str) -> String {
    let words: Vec<&str> = line.split('\t').collect();
    match words.as_slice() {
        ["clear"] => {
            clear();
            "ok\n".to_owned()
        }
        ["hits"] => {
            let lines = hits().into_iter();
            let lines = lines.map(|h| format!("{}\t{}\t{}\n", h.step, h.invocation, h.key));
            lines.chain(["ok\n".to_owned()]).collect()
        }
        ["add", kind, times, step, of] => match (parse_kind(kind), times.parse()) {
            (Some(kind), Ok(times)) => {
                add(Rule {
                    step: (*step).to_owned(),
                    of: (!of.is_empty()).then(|| (*of).to_owned()),
                    kind,
                    times,
                });
                "ok\n".to_owned()
            }
            _ => "error: unknown kind or count\n".to_owned(),
        },
        _ => "error: unknown request\n".to_owned(),
    }
}

fn parse_kind(word: &str) -> Option<Kind> {
    Some(match word.split_once(':') {
        None if word == "transient" => Kind::Transient,
        None if word == "terminal" => Kind::Terminal,
        None if word == "lost" => Kind::Lost,
        Some(("delay", millis)) => Kind::Delay(Duration::from_millis(millis.parse().ok()?)),
        _ => return None,
    })
}
