//! The testbeds' programs (`stack` and those of other crates), running beside us; they end when our end of their input
//! closes.
//!
//! Not for what runs in them: see `crates/testbed`, `build-testbed`, `clickhouse-engine`.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::Value;

use crate::run::{Because, Failure, Result};

/// A running stack.
#[derive(Debug)]
pub(crate) struct Stack {
    name: String,
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    /// What it printed: addresses of its servers.
    pub(crate) addresses: Value,
}

impl Stack {
    /// Starts `<build directory>/debug/stack`, which must have been built.
    pub(crate) fn start(target: &Path, args: &[&str]) -> Result<Self> {
        Self::program(target, "stack", args)
    }

    /// The same of another program that speaks as it does.
    pub(crate) fn program(target: &Path, name: &str, args: &[&str]) -> Result<Self> {
        let program = target.join("debug").join(name);
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
            name: name.to_owned(),
            child,
            input,
            output,
            addresses: Value::Null,
        };
        stack.addresses = stack.read()?;
        match stack.addresses["error"].as_str() {
            Some(reason) => Err(Failure(format!("{name}: {reason}"))),
            None => Ok(stack),
        }
    }

    /// Gives it a command, such as `stop mysql`, and waits until it is done.
    pub(crate) fn tell(&mut self, line: &str) -> Result<()> {
        self.ask(line).map(drop)
    }

    /// Gives it a command and returns what it answered.
    pub(crate) fn ask(&mut self, line: &str) -> Result<Value> {
        if let Some(input) = &mut self.input {
            writeln!(input, "{line}").because(&self.name)?;
        }
        let answer = self.read()?;
        match answer.get("error") {
            Some(error) => Err(Failure(format!("{}, {line}: {error}", self.name))),
            None => Ok(answer),
        }
    }

    /// Stops everything and waits.
    pub(crate) fn stop(mut self) -> Result<()> {
        drop(self.input.take());
        let status = self.child.wait().because(&self.name)?;
        if status.success() {
            Ok(())
        } else {
            Err(Failure(format!("{}: {status}", self.name)))
        }
    }

    fn read(&mut self) -> Result<Value> {
        let mut line = String::new();
        if self.output.read_line(&mut line).because(&self.name)? == 0 {
            return Err(Failure(format!("{} ended before it answered", self.name)));
        }
        serde_json::from_str(&line).because(format!("{} said something else than JSON", self.name))
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        drop(self.input.take());
        let _ = self.child.wait();
    }
}
