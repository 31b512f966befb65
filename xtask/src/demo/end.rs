//! How the demo is told to end: Ctrl-C, SIGTERM or a closed terminal become the end of its input.
//!
//! The standard library knows no signals, and one that is not caught would end this process before
//! what it started. So a shell stands in front, takes the signal, and waits until all is stopped.
//! Should it be killed itself, our input ends as well. Not for how the parts are stopped.

use std::io::Read as _;
use std::os::unix::process::CommandExt as _;
use std::process::Command;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use crate::run::Failure;

/// Set for the run behind the shell.
const WATCHED: &str = "XTASK_DEMO_WATCHED";

/// A background command of a script does not see the terminal's Ctrl-C.
const SCRIPT: &str = r#"
dir=$(mktemp -d) && mkfifo "$dir/input" || exit 1
"$@" <"$dir/input" &
demo=$!
exec 3>"$dir/input"
rm -r "$dir"
trap 'exec 3>&-' INT TERM HUP
code=1
while kill -0 $demo 2>/dev/null; do wait $demo; code=$?; done
exit $code
"#;

/// Whether the shell is in front already.
pub(crate) fn is_watched() -> bool {
    std::env::var_os(WATCHED).is_some()
}

/// Becomes the shell, with this very command behind it. Returns only when that is impossible.
pub(crate) fn run_watched() -> Failure {
    let program = match std::env::current_exe() {
        Ok(program) => program,
        Err(e) => return Failure(format!("this program: {e}")),
    };
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", SCRIPT, "demo"]).arg(program);
    shell.args(std::env::args_os().skip(1)).env(WATCHED, "1");
    Failure(format!("/bin/sh: {}", shell.exec()))
}

/// The wish to end.
pub(crate) struct End(Receiver<()>);

impl End {
    /// Comes true when standard input ends.
    pub(crate) fn of_input() -> Self {
        let (open, ended) = channel();
        std::thread::spawn(move || {
            let mut rest = Vec::new();
            // an input that cannot be read has ended as well
            let _ = std::io::stdin().read_to_end(&mut rest);
            drop(open);
        });
        Self(ended)
    }

    /// Waits; a failure as soon as the demo shall end.
    pub(crate) fn pause(&self, time: Duration) -> Result<(), Failure> {
        match self.0.recv_timeout(time) {
            Err(RecvTimeoutError::Timeout) => Ok(()),
            _ => Err(Failure("interrupted".to_owned())),
        }
    }
}
