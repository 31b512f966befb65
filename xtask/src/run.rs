//! Running other programs, and the places of the repository.
//!
//! Not for the stack, which runs beside us: see `stack`.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

/// Why a verb failed, in words for the person who ran it.
#[derive(Debug)]
pub(crate) struct Failure(pub(crate) String);

pub(crate) type Result<T> = std::result::Result<T, Failure>;

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Adds what was tried to an error.
pub(crate) trait Because<T> {
    fn because(self, what: impl fmt::Display) -> Result<T>;
}

impl<T, E: fmt::Display> Because<T> for std::result::Result<T, E> {
    fn because(self, what: impl fmt::Display) -> Result<T> {
        self.map_err(|e| Failure(format!("{what}: {e}")))
    }
}

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}

/// Where installed servers and tools go; not committed.
pub(crate) fn stack_dir() -> PathBuf {
    root().join(".stack")
}

/// What cargo knows of the workspace, without its dependencies.
pub(crate) fn metadata() -> Result<cargo_metadata::Metadata> {
    let mut command = cargo_metadata::MetadataCommand::new();
    command
        .current_dir(root())
        .no_deps()
        .exec()
        .because("cargo metadata")
}

/// The build directory.
pub(crate) fn target_dir() -> Result<PathBuf> {
    Ok(metadata()?.target_directory.into_std_path_buf())
}

/// A cargo command in the root of the repository.
pub(crate) fn cargo(args: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(args).current_dir(root()).stdin(Stdio::null());
    command
}

/// Runs with our output; an unsuccessful end is a failure.
pub(crate) fn check(command: &mut Command) -> Result<()> {
    let shown = shown(command);
    let status = command.status().because(&shown)?;
    if status.success() {
        Ok(())
    } else {
        Err(Failure(format!("{shown}: {status}")))
    }
}

/// Runs silently and returns standard output; an unsuccessful end is a failure.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let shown = shown(command);
    let output = command.stdin(Stdio::null()).output().because(&shown)?;
    if !output.status.success() {
        let errors = String::from_utf8_lossy(&output.stderr);
        return Err(Failure(format!(
            "{shown}: {}\n{}",
            output.status,
            errors.trim()
        )));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The command as one would type it.
pub(crate) fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let words: Vec<String> = words.map(|w| w.to_string_lossy().into_owned()).collect();
    match words[0].rsplit_once('/') {
        Some((_, "cargo")) => format!("cargo {}", words[1..].join(" ")),
        _ => words.join(" "),
    }
}

/// Waits; nothing runs in this thread beside it.
#[expect(clippy::disallowed_methods, reason = "no async runtime here")]
pub(crate) fn pause(long: Duration) {
    std::thread::sleep(long);
}

/// The commit checked out, with `+` when tracked files differ from it.
pub(crate) fn revision() -> String {
    let git = |args: &[&str]| output(Command::new("git").args(args).current_dir(root())).ok();
    let Some(commit) = git(&["rev-parse", "--short=12", "HEAD"]) else {
        return "unknown".to_owned();
    };
    let changed = git(&["status", "--porcelain", "--untracked-files=no"]);
    let mark = if changed.is_some_and(|c| !c.trim().is_empty()) {
        "+"
    } else {
        ""
    };
    format!("{}{mark}", commit.trim())
}

/// Files git knows or would add, relative to the root, that exist and whose path passes the test.
pub(crate) fn tracked(wanted: impl Fn(&str) -> bool) -> Result<Vec<String>> {
    let list = output(
        Command::new("git")
            .args([
                "ls-files",
                "-z",
                "--cached",
                "--others",
                "--exclude-standard",
            ])
            .current_dir(root()),
    )?;
    let exists = |path: &&str| root().join(path).is_file();
    let files = list.split('\0').filter(|p| wanted(p)).filter(exists);
    Ok(files.map(str::to_owned).collect())
}
