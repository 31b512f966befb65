//! The testbed's program `stack`, running beside us; it ends when our end of its input closes.
//!
//! Not for what runs in it: see `crates/testbed`.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::Value;

use crate::run::{Because, Failure, Result};

/// A running stack.
#[derive(Debug)]
pub(crate) struct Stack {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    /// What it printed: addresses of its servers.
    pub(crate) addresses: Value,
}

impl Stack {
    /// Starts `<build directory>/debug/stack`, which must have been built.
    pub(crate) fn start(target: &Path, args: &[&str]) -> Result<Self> {
        let program = target.join("debug/stack");
        let mut child = Command::new(&program)
            .args(args)
            // a Ctrl-C at the terminal is for us; it ends when we do
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .because(program.display())?;
        let input = child.stdin.take();
        let output = BufReader::new(child.stdout.take().expect("stdout is piped"));
        let mut stack = Self {
            child,
            input,
            output,
            addresses: Value::Null,
        };
        stack.addresses = stack.read()?;
        Ok(stack)
    }

    /// Gives it a command, such as `stop mysql`, and waits until it is done.
    pub(crate) fn tell(&mut self, line: &str) -> Result<()> {
        if let Some(input) = &mut self.input {
            writeln!(input, "{line}").because("stack")?;
        }
        match self.read()?.get("error") {
            Some(error) => Err(Failure(format!("stack, {line}: {error}"))),
            None => Ok(()),
        }
    }

    /// Stops everything and waits.
    pub(crate) fn stop(mut self) -> Result<()> {
        drop(self.input.take());
        let status = self.child.wait().because("stack")?;
        if status.success() {
            Ok(())
        } else {
            Err(Failure(format!("stack: {status}")))
        }
    }

    fn read(&mut self) -> Result<Value> {
        let mut line = String::new();
        if self.output.read_line(&mut line).because("stack")? == 0 {
            return Err(Failure("stack ended before it answered".to_owned()));
        }
        serde_json::from_str(&line).because("stack said something else than JSON")
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        drop(self.input.take());
        let _ = self.child.wait();
    }
}
