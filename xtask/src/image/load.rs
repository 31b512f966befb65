//! What a process takes, looked at through `/proc`, and a load to look at it under.
//!
//! Not for how fast the worker can be: `cargo xtask bench`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::run::{Because, Failure, Result, output};

/// Calls `url` with `body` so many times a second, for so long, with the program the testbed has for that. Gives the number
/// of calls, all of which were answered with success.
pub(crate) fn steady(
    target: &Path,
    url: &str,
    body: &str,
    a_second: u32,
    long: Duration,
) -> Result<u32> {
    let mut steady = Command::new(target.join("debug/steady"));
    steady.args([
        "--url",
        url,
        "--body",
        body,
        "--rate",
        &a_second.to_string(),
    ]);
    steady.args(["--seconds", &long.as_secs().to_string()]);
    let calls = output(&mut steady)?;
    calls.trim().parse().because("the number of calls")
}

/// A process, looked at through `/proc`.
#[derive(Debug, Clone)]
pub(crate) struct Process(PathBuf);

impl Process {
    /// The process of this number.
    pub(crate) fn new(pid: u32) -> Self {
        Self(PathBuf::from(format!("/proc/{pid}")))
    }

    /// A line of its status: `VmRSS`, `CapEff`.
    pub(crate) fn status(&self, name: &str) -> Result<String> {
        let text = self.text("status")?;
        let line = text
            .lines()
            .find_map(|l| l.strip_prefix(name)?.strip_prefix(':'));
        line.map(|l| l.trim().to_owned())
            .ok_or_else(|| Failure(format!("no {name} of {}", self.0.display())))
    }

    /// Resident memory in KiB.
    pub(crate) fn resident(&self) -> Result<u64> {
        let line = self.status("VmRSS")?;
        line.trim_end_matches(" kB").parse().because(line)
    }

    /// Whether what it sees as `/` can be written to.
    pub(crate) fn writable_root(&self) -> Result<bool> {
        let mounts = self.text("mountinfo")?;
        let root = mounts.lines().find(|l| l.split(' ').nth(4) == Some("/"));
        let options = root.and_then(|l| l.split(' ').nth(5)).unwrap_or_default();
        Ok(!options.split(',').any(|o| o == "ro"))
    }

    /// Processor time it has used.
    pub(crate) fn cpu(&self) -> Result<Duration> {
        let ticks: u32 = output(Command::new("getconf").arg("CLK_TCK"))?
            .trim()
            .parse()
            .because("CLK_TCK")?;
        let stat = self.text("stat")?;
        let used = used(&stat)
            .ok_or_else(|| Failure(format!("{} has no processor time", self.0.display())))?;
        Ok(Duration::from_secs(used) / ticks)
    }

    fn text(&self, file: &str) -> Result<String> {
        let path = self.0.join(file);
        std::fs::read_to_string(&path).because(path.display())
    }
}

/// User and system ticks; the name before them is in brackets and may hold blanks.
fn used(stat: &str) -> Option<u64> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace().skip(11);
    Some(fields.next()?.parse::<u64>().ok()? + fields.next()?.parse::<u64>().ok()?)
}

#[cfg(test)]
mod tests {
    use super::used;

    #[test]
    fn processor_time_is_user_and_system() {
        assert_eq!(
            used("7 (a (b) c) S 1 2 3 4 5 6 7 8 9 10 40 2 0 0"),
            Some(42)
        );
        assert_eq!(used("nonsense"), None);
    }
}
