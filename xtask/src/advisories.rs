//! The part of `cargo xtask verify` that asks a database of advisories about Cargo.lock.
//!
//! Not for what else deny.toml forbids: that needs nobody, and is asked in `verify`.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::run::{Because, Failure, Result, check, root, shown};

/// Where the advisories are by default.
const PUBLIC: &str = "https://github.com/rustsec/advisory-db";

/// Asks the database at `ADVISORY_DB`, a git address, or the public one; that one alone may be out of reach.
pub(crate) fn checked(cargo_deny: &Path, dir: &Path) -> Result<()> {
    let given = std::env::var("ADVISORY_DB").ok().filter(|v| !v.is_empty());
    let ours = std::fs::read_to_string(root().join("deny.toml")).because("deny.toml")?;
    let database = given.as_deref().unwrap_or(PUBLIC);
    let deny = Deny::new(cargo_deny, dir, &ours, database)?;
    match (deny.fetch(), given) {
        (Err(e), None) => {
            println!(
                "advisories not checked: no database ({e}); ADVISORY_DB may name a git address in reach"
            );
            Ok(())
        }
        (fetched, _) => {
            fetched?;
            check(&mut deny.checking())
        }
    }
}

/// cargo-deny with deny.toml and an address of a database.
struct Deny<'a> {
    program: &'a Path,
    config: PathBuf,
}

impl<'a> Deny<'a> {
    /// cargo-deny takes the address from its file only.
    fn new(program: &'a Path, dir: &Path, ours: &str, database: &str) -> Result<Self> {
        std::fs::create_dir_all(dir).because(dir.display())?;
        let section = format!(
            "[advisories]\ndb-path = {}\ndb-urls = [{}]",
            serde_json::json!(dir.join("databases")),
            serde_json::json!(database)
        );
        let config = dir.join("deny.toml");
        std::fs::write(&config, ours.replacen("[advisories]", &section, 1))
            .because(config.display())?;
        Ok(Self { program, config })
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(self.program);
        command.args(["--locked", "--config"]).arg(&self.config);
        command.args(words).current_dir(root()).stdin(Stdio::null());
        // an address that wants a password is one that is not served
        command.env("GIT_TERMINAL_PROMPT", "0");
        command
    }

    fn fetch(&self) -> Result<()> {
        let mut command = self.command(&["fetch", "db"]);
        let shown = shown(&command);
        let output = command.output().because(&shown)?;
        if output.status.success() {
            return Ok(());
        }
        let errors = String::from_utf8_lossy(&output.stderr);
        let why = errors.lines().find(|l| l.starts_with("fatal:"));
        Err(Failure(
            why.map_or_else(|| errors.trim().to_owned(), str::to_owned),
        ))
    }

    fn checking(&self) -> Command {
        self.command(&["check", "advisories"])
    }
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};
    use std::process::{Child, Stdio};
    use std::time::{Duration, Instant};

    use super::*;
    use crate::run::pause;

    /// A database with one advisory, served by git.
    struct Database {
        daemon: Child,
        address: String,
        dir: PathBuf,
    }

    impl Database {
        fn of(package: &str) -> Self {
            let dir = std::env::temp_dir()
                .join(format!("xtask-advisories-{package}-{}", std::process::id()));
            let advisory = dir.join("db/crates").join(package);
            std::fs::create_dir_all(&advisory).expect("a folder");
            let text = format!(
                "```toml\n[advisory]\nid = \"RUSTSEC-2099-0001\"\npackage = \"{package}\"\ndate = \"2099-01-01\"\n\n\
                 [versions]\npatched = []\n```\n\n# Planted\n\nIn every version.\n"
            );
            std::fs::write(advisory.join("RUSTSEC-2099-0001.md"), text).expect("a file");
            let git = |args: &[&str]| {
                let mut git = Command::new("git");
                git.args(["-c", "user.name=test", "-c", "user.email=test@example.com"]);
                let done = git.args(args).current_dir(dir.join("db")).output();
                assert!(done.expect("git runs").status.success(), "{args:?}");
            };
            git(&["init", "--quiet", "--initial-branch=main"]);
            git(&["add", "--all"]);
            git(&["commit", "--quiet", "--message=one advisory"]);
            let port = TcpListener::bind("127.0.0.1:0")
                .and_then(|l| l.local_addr())
                .expect("a port")
                .port();
            // git itself, not `git daemon`: that would leave its child behind
            let programs = Command::new("git").arg("--exec-path").output();
            let programs = String::from_utf8(programs.expect("git runs").stdout).expect("a path");
            let daemon = Command::new(Path::new(programs.trim()).join("git-daemon"))
                .args(["--export-all", "--reuseaddr", "--listen=127.0.0.1"])
                .arg(format!("--port={port}"))
                .arg(format!("--base-path={}", dir.display()))
                .stdin(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .expect("git daemon");
            let database = Self {
                daemon,
                address: format!("git://localhost:{port}/db"),
                dir,
            };
            let begin = Instant::now();
            while TcpStream::connect(("127.0.0.1", port)).is_err() {
                assert!(begin.elapsed() < Duration::from_secs(10), "no git daemon");
                pause(Duration::from_millis(20));
            }
            database
        }

        /// Whether the check passes and what it says, with our own deny.toml but for what is asked of the registry.
        fn verdict(&self) -> Result<(bool, String)> {
            let program = crate::setup::cargo_deny()?;
            let ours = std::fs::read_to_string(root().join("deny.toml")).because("deny.toml")?;
            let ours = ours.replace("yanked = \"deny\"", "yanked = \"allow\"");
            let deny = Deny::new(&program, &self.dir.join("deny"), &ours, &self.address)?;
            deny.fetch()?;
            let said = deny.checking().output().because("cargo-deny")?;
            let text = String::from_utf8_lossy(&said.stderr).into_owned();
            Ok((said.status.success(), text))
        }
    }

    impl Drop for Database {
        fn drop(&mut self) {
            let _killed = self.daemon.kill();
            let _ended = self.daemon.wait();
            let _removed = std::fs::remove_dir_all(&self.dir);
        }
    }

    #[test]
    fn an_advisory_against_what_we_use_fails_and_another_does_not() {
        let verdict = |package| {
            let found = Database::of(package).verdict().map_err(|e| e.0);
            found.expect("an answer")
        };
        let (passed, said) = verdict("toml");
        assert!(!passed && said.contains("RUSTSEC-2099-0001"), "{said}");
        let (passed, said) = verdict("left-pad");
        assert!(passed && !said.contains("RUSTSEC-2099-0001"), "{said}");
    }

    #[test]
    fn a_database_out_of_reach_is_told_from_a_finding() {
        let dir = std::env::temp_dir().join(format!("xtask-no-database-{}", std::process::id()));
        let program = crate::setup::cargo_deny()
            .map_err(|e| e.0)
            .expect("cargo-deny");
        let deny = Deny::new(&program, &dir, "[advisories]\n", "git://localhost:1/db");
        let fetched = deny.and_then(|d| d.fetch());
        std::fs::remove_dir_all(&dir).expect("removed");
        assert!(fetched.is_err_and(|e| e.0.starts_with("fatal:")));
    }
}
