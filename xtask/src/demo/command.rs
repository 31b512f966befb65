//! Programs that end by themselves: `ctl`, `worker migrate`, `readback`.
//!
//! They are given up when they take too long or the demo shall end. Not for what runs beside us.

use std::io::Read as _;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::end::End;
use crate::run::{Because, Failure, Result};

/// Longest one may take.
const COMMAND_WITHIN: Duration = Duration::from_secs(200);

/// Runs with its output on ours. A failure has what it wrote to standard error.
pub(crate) fn run(command: &mut Command, end: &End) -> Result<()> {
    let child = command
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .because(command.get_program().to_string_lossy())?;
    wait(child, end)
}

/// Runs silently and gives the JSON it printed.
pub(crate) fn json(command: &mut Command, end: &End) -> Result<Value> {
    serde_json::from_str(&text(command, end)?).because("not JSON")
}

/// Runs silently and gives what it printed, an object a line.
pub(crate) fn lines(command: &mut Command, end: &End) -> Result<Vec<Value>> {
    let text = text(command, end)?;
    let lines = text.lines().map(serde_json::from_str);
    lines
        .collect::<std::result::Result<_, _>>()
        .because("not JSON")
}

fn text(command: &mut Command, end: &End) -> Result<String> {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .because(command.get_program().to_string_lossy())?;
    let mut output = child.stdout.take().expect("stdout is piped");
    // read beside us: a full pipe would stop it
    let text = std::thread::spawn(move || {
        let mut text = String::new();
        output.read_to_string(&mut text).map(|_| text)
    });
    wait(child, end)?;
    let text = text
        .join()
        .map_err(|_| Failure("reading failed".to_owned()))?;
    text.because("reading")
}

/// The call of `ctl` as a person would type it.
pub(crate) fn typed(command: &Command) -> String {
    let quote =
        |word: &str| match word.contains(|c: char| c.is_whitespace() || "'\"$&();".contains(c)) {
            true => format!("'{word}'"),
            false => word.to_owned(),
        };
    let words: Vec<String> = command
        .get_args()
        .map(|word| quote(&word.to_string_lossy()))
        .collect();
    format!("ctl {}", words.join(" "))
}

/// Waits for a command's end. A failure has what it wrote to standard error.
fn wait(mut child: Child, end: &End) -> Result<()> {
    let until = Instant::now() + COMMAND_WITHIN;
    let status = loop {
        if let Some(status) = child.try_wait().because("wait")? {
            break status;
        }
        let ended = end.pause(Duration::from_millis(20));
        if ended.is_err() || Instant::now() > until {
            // the error that matters is the one returned
            let _ = child.kill();
            let _ = child.wait();
            ended?;
            return Err(Failure(format!(
                "no end within {} s",
                COMMAND_WITHIN.as_secs()
            )));
        }
    };
    let mut words = String::new();
    if let Some(mut errors) = child.stderr.take() {
        let _ = errors.read_to_string(&mut words);
    }
    let words = words.trim();
    if status.success() {
        return Ok(());
    }
    match words.trim_start_matches("error: ") {
        "" => Err(Failure(status.to_string())),
        words => Err(Failure(words.to_owned())),
    }
}
