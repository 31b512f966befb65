//! A server process that cannot outlive us: a small shell stands between, and ends the server and
//! removes its folder as soon as our end of a pipe is closed, even by `kill -9`.
//!
//! Not for choosing what is started or how: see `restate` and `mariadb`.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::Duration;

use tokio::sync::{mpsc, watch};

use crate::StartError;

/// Runs `$@` in the background, obeys signal names on stdin, and cleans up at its end.
/// Signals are ignored only after the start, for an ignored signal is inherited.
const SCRIPT: &str = r#"
dir=$1; shift
"$@" 2>&1 </dev/null &
p=$!
echo "guarded pid $p"
exec >/dev/null 2>&1
trap '' INT TERM HUP
while read -r word; do
  case $word in
    leave) dir= ;;
    *) kill -s "$word" $p ;;
  esac
done
kill -s KILL $p
wait $p
if [ -n "$dir" ] && [ ! -e "${dir%/*}/keep" ]; then rm -rf "$dir"; rmdir "${dir%/*}"; fi
"#;

/// How long a server may take to end after it was asked to.
const STOP_WITHIN: Duration = Duration::from_secs(20);

/// A running server with its guard.
#[derive(Debug)]
pub struct Guarded {
    shell: Child,
    words: Option<ChildStdin>,
    pid: u32,
    ended: watch::Receiver<bool>,
}

/// What to run, and what belongs to it.
#[derive(Debug)]
pub struct Spec<'a> {
    /// The program's path.
    pub program: &'a Path,
    /// Its arguments.
    pub args: Vec<String>,
    /// Its whole environment, `PATH` apart.
    pub env: Vec<(String, String)>,
    /// Where `log` goes.
    pub dir: &'a Path,
    /// Whether `dir` goes with the server, unless the folder above holds a file `keep`.
    pub remove: bool,
}

impl Guarded {
    /// Starts the server. Its output goes to `<dir>/log` and, line by line, to the receiver.
    pub async fn start(
        spec: Spec<'_>,
    ) -> Result<(Self, mpsc::UnboundedReceiver<String>), StartError> {
        let log = spec.dir.join("log");
        let failed = |source| StartError::Spawn {
            program: spec.program.to_owned(),
            source,
        };
        let mut shell = Command::new("/bin/sh")
            .args(["-c", SCRIPT, "guard"])
            .arg(if spec.remove { spec.dir } else { Path::new("") })
            .arg(spec.program)
            .args(&spec.args)
            .env_clear()
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .envs(spec.env)
            // a Ctrl-C at the terminal must not reach the guard before its server is gone
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(failed)?;
        let words = shell.stdin.take();
        let output = shell.stdout.take().expect("stdout is piped");
        let file = File::options()
            .create(true)
            .append(true)
            .open(log)
            .map_err(failed)?;
        let (lines_in, mut lines) = mpsc::unbounded_channel();
        let (ended_in, ended) = watch::channel(false);
        std::thread::spawn(move || drain(output, file, lines_in, ended_in));
        let pid = loop {
            let line = lines
                .recv()
                .await
                .ok_or_else(|| StartError::Died(spec.dir.join("log")))?;
            if let Some(pid) = line
                .strip_prefix("guarded pid ")
                .and_then(|p| p.parse().ok())
            {
                break pid;
            }
        };
        Ok((
            Self {
                shell,
                words,
                pid,
                ended,
            },
            lines,
        ))
    }

    /// The server's process id.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Whether it has not ended.
    pub fn is_running(&self) -> bool {
        !*self.ended.borrow()
    }

    /// Sends a signal by its short name (`STOP`, `CONT`, …).
    pub fn signal(&mut self, name: &str) {
        if let Some(words) = &mut self.words {
            // a guard that is gone has already ended the server
            let _ = writeln!(words, "{name}");
        }
    }

    /// Ends the server with `signal`, leaving its folder, and waits until it is gone.
    pub async fn end(mut self, signal: &str) {
        self.signal("leave");
        self.signal(signal);
        let gone = tokio::time::timeout(STOP_WITHIN, self.ended.wait_for(|ended| *ended)).await;
        if gone.is_err() {
            eprintln!("process {} ignored {signal}, killing it", self.pid);
        }
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        drop(self.words.take());
        let _ = self.shell.wait();
    }
}

fn drain(
    output: impl std::io::Read,
    mut file: File,
    lines: mpsc::UnboundedSender<String>,
    ended: watch::Sender<bool>,
) {
    for line in BufReader::new(output).split(b'\n') {
        let Ok(mut line) = line else { break };
        // the receiver goes away once the server is ready; the log stays
        let _ = lines.send(String::from_utf8_lossy(&line).into_owned());
        line.push(b'\n');
        let _ = file.write_all(&line);
    }
    let _ = ended.send(true);
}

/// The last lines of a server's log, for an error message.
pub(crate) fn tail(log: &PathBuf) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(8)..].join("\n")
}
