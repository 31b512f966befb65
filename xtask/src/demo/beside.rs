//! A program that runs beside us. A small shell ends it should this process be killed.
//!
//! Not for programs that end by themselves: see `command`.

use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};

use crate::run::{Because, Failure, Result};

/// Ends the program when our end of its input closes, and by force if it must.
const GUARD: &str = r#"
trap '' INT TERM HUP
read -r word
[ "$word" = leave ] && exit
kill -s TERM "$1"
for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do kill -0 "$1" || exit; sleep 1; done
kill -s KILL "$1"
"#;

/// A running program. Dropping it ends it, politely at first.
pub(crate) struct Beside {
    /// Its outputs, where they are piped, are to be taken.
    pub(crate) child: Child,
    guard: Child,
}

impl Beside {
    /// Starts it, without input and out of the terminal's reach.
    pub(crate) fn start(command: &mut Command) -> Result<Self> {
        let program = command.get_program().to_string_lossy().into_owned();
        let mut child = command
            // a Ctrl-C at the terminal is for us; it ends when we do
            .process_group(0)
            .stdin(Stdio::null())
            .spawn()
            .because(program)?;
        let guard = Command::new("/bin/sh")
            .args(["-c", GUARD, "guard", &child.id().to_string()])
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        match guard {
            Ok(guard) => Ok(Self { child, guard }),
            Err(e) => {
                // nobody else would end it
                let _ = child.kill();
                let _ = child.wait();
                Err(Failure(format!("/bin/sh: {e}")))
            }
        }
    }

    /// Whether it still runs.
    pub(crate) fn runs(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        let mut input = self.guard.stdin.take();
        if !self.runs() {
            // its process id may be somebody else's by now
            let _ = input.as_mut().map(|input| writeln!(input, "leave"));
        }
        drop(input);
        let _ = self.child.wait();
        let _ = self.guard.wait();
    }
}
