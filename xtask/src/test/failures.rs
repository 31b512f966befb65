//! One run of `cargo test`, shown as it goes, and what of it failed.
//!
//! Not for judging which scenarios were shown: see `scenarios`.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Command, Stdio};
use std::thread;

use crate::run::{Because, Failure, Result, shown};

/// Runs with our output, copied line by line. None where the command succeeds; otherwise the names of the tests that failed
/// and where and why threads panicked, a line each, possibly none.
pub(crate) fn run(command: &mut Command) -> Result<Option<Vec<String>>> {
    let name = shown(command);
    let piped = command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = piped.spawn().because(&name)?;
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let out = out.ok_or_else(|| Failure(format!("{name}: no output")))?;
    let err = err.ok_or_else(|| Failure(format!("{name}: no errors")))?;
    let errors = thread::spawn(move || copy(err, std::io::stderr()));
    let mut lines = copy(out, std::io::stdout());
    let status = child.wait().because(&name)?;
    let errors = errors.join();
    lines.extend(errors.map_err(|_| Failure(format!("{name}: its errors were not read")))?);
    Ok((!status.success()).then(|| told(&lines)))
}

fn copy(from: impl Read, mut to: impl Write) -> Vec<String> {
    let mut from = BufReader::new(from);
    let (mut kept, mut line) = (Vec::new(), Vec::new());
    // a test may print bytes that are no text, and whoever reads us may have gone
    while from.read_until(b'\n', &mut line).is_ok_and(|n| n > 0) {
        let _ = to.write_all(&line).and_then(|()| to.flush());
        kept.push(String::from_utf8_lossy(&line).trim_end().to_owned());
        line.clear();
    }
    kept
}

fn told(lines: &[String]) -> Vec<String> {
    let test = |line: &String| line.starts_with("test ") && line.ends_with(" ... FAILED");
    let tests = lines.iter().filter(|line| test(line)).cloned();
    let panics = lines.iter().enumerate().filter_map(|(index, line)| {
        let panic = line.starts_with("thread '") && line.contains(" panicked at ");
        let why = lines.get(index + 1).map_or("", String::as_str);
        panic.then(|| format!("{line} {why}"))
    });
    tests.chain(panics).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(script: &str) -> Option<Vec<String>> {
        run(Command::new("sh").args(["-c", script])).expect("ran")
    }

    #[test]
    fn what_failed_is_told_and_why() {
        let text = "running 2 tests
test a::one ... ok
test a::two ... FAILED
thread 'a::two' (7) panicked at crates/a/tests/it/a.rs:9:1:
assertion failed: x
test result: FAILED. 1 passed; 1 failed";
        let lines: Vec<String> = text.lines().map(str::to_owned).collect();
        let wanted = [
            "test a::two ... FAILED",
            "thread 'a::two' (7) panicked at crates/a/tests/it/a.rs:9:1: assertion failed: x",
        ];
        assert_eq!(told(&lines), wanted);
    }

    #[test]
    fn an_unsuccessful_end_is_a_failure_whatever_was_printed() {
        assert_eq!(sh("echo fine"), None);
        assert_eq!(sh("echo broken; exit 3"), Some(Vec::new()));
    }
}
