//! Runs the built program.

use std::process::{Child, Command, Stdio};

/// What a run printed and how it ended.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    /// The lines of JSON it printed.
    pub(crate) fn json(&self) -> Vec<serde_json::Value> {
        self.out
            .lines()
            .map(|line| {
                serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}\n{self:?}"))
            })
            .collect()
    }
}

/// Runs `ctl` with nothing of this process's environment that concerns it.
pub(crate) fn ctl(environment: &[(&str, &str)], args: &[&str]) -> Ran {
    let child = command(environment, args).spawn().expect("ctl runs");
    ended(child)
}

/// `ctl` as [`ctl`] runs it, its outputs to be read.
pub(crate) fn command(environment: &[(&str, &str)], args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ctl"));
    for name in [
        "CTRL_DATABASE",
        "CTRL_INGRESS",
        "CTRL_ADMIN",
        "CTRL_API_KEY",
        "CTRL_APP",
        "CTRL_CLICKHOUSE",
        "CTRL_CLICKHOUSE_HTTP",
    ] {
        command.env_remove(name);
    }
    command
        .envs(environment.iter().copied())
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// What a started one printed and how it ended.
pub(crate) fn ended(child: Child) -> Ran {
    let output = child.wait_with_output().expect("ctl ends");
    Ran {
        code: output.status.code().expect("ended by itself"),
        out: String::from_utf8(output.stdout).expect("text"),
        err: String::from_utf8(output.stderr).expect("text"),
    }
}
