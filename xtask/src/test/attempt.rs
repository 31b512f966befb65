//! One run of `cargo test`, shown as it goes, and what of it failed.
//!
//! Not for judging which scenarios were shown: see `scenarios`.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Command, Stdio};
use std::thread;

use crate::run::{Because, Failure, Result, shown};

/// What of a run failed.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Failed {
    /// Names, as `cargo test` prints them.
    pub(crate) tests: Vec<String>,
    /// Where a thread panicked, and the line after, which says why.
    pub(crate) panics: Vec<String>,
    /// The words for cargo that select a binary with a failed test: `-p deploy --test it`.
    pub(crate) targets: Vec<Vec<String>>,
}

/// Runs with our output, copied line by line, so that the reasons can be told at the end. Ends with what failed when the
/// command does; fails when it cannot be started or has failed for another reason than a test.
pub(crate) fn run(command: &mut Command) -> Result<Option<Failed>> {
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
    if status.success() {
        return Ok(None);
    }
    let failed = read(&lines);
    if failed.targets.is_empty() {
        return Err(Failure(format!("{name}: {status}")));
    }
    Ok(Some(failed))
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

fn read(lines: &[String]) -> Failed {
    let mut failed = Failed::default();
    let mut listed = false;
    for (index, line) in lines.iter().enumerate() {
        if let Some(test) = line.strip_prefix("test ")
            && let Some(test) = test.strip_suffix(" ... FAILED")
        {
            failed.tests.push(test.to_owned());
        }
        if line.starts_with("thread '") && line.contains(" panicked at ") {
            let why = lines.get(index + 1).map_or("", String::as_str);
            failed.panics.push(format!("{line} {why}"));
        }
        // the list at the end: `error: 2 targets failed:` and a line for each
        if line.starts_with("error: ") && line.ends_with(" failed:") {
            listed = true;
        } else if let Some(words) = line.strip_prefix("    `").filter(|_| listed) {
            let words = words.trim_end_matches('`').split_whitespace();
            failed.targets.push(words.map(str::to_owned).collect());
        } else {
            listed = false;
        }
    }
    failed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_failed_is_read_from_the_lines() {
        let text = "running 2 tests
test a::one ... ok
test a::two ... FAILED
thread 'a::two' (7) panicked at crates/a/tests/it/a.rs:9:1:
assertion failed: x
error: test failed, to rerun pass `-p a --test it`
error: 2 targets failed:
    `-p a --test it`
    `-p b --lib`
    `not of the list
tests took 3 s
    `-p c --lib`";
        let lines: Vec<String> = text.lines().map(str::to_owned).collect();
        let failed = read(&lines);
        assert_eq!(failed.tests, ["a::two"]);
        let why = "thread 'a::two' (7) panicked at crates/a/tests/it/a.rs:9:1: assertion failed: x";
        assert_eq!(failed.panics, [why]);
        let first = ["-p", "a", "--test", "it"].map(str::to_owned).to_vec();
        let second = ["-p", "b", "--lib"].map(str::to_owned).to_vec();
        assert_eq!(failed.targets[..2], [first, second]);
        assert!(!failed.targets.iter().any(|t| t.contains(&"c".to_owned())));
    }

    #[test]
    fn a_run_that_fails_for_another_reason_is_an_error() {
        let mut command = Command::new("sh");
        command.args(["-c", "echo broken; exit 3"]);
        assert!(run(&mut command).is_err());
        let mut command = Command::new("sh");
        command.args(["-c", "echo fine"]);
        assert_eq!(run(&mut command).expect("ran"), None);
    }
}
