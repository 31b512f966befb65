//! A build that depends on the commit, the toolchain and the C compiler, and on nothing else: not on the folder, the
//! user, the time or what was built before.
//!
//! Done in a fresh clone with a build directory of its own. Folders that would get into the program are replaced by names
//! for Rust (`--remap-path-prefix`) and for C (`-ffile-prefix-map`). Not for what is made of the programs: `release`.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::image;
use crate::run::{Because, Failure, Result, cargo, check, output, root};

/// What is released.
pub(crate) const PROGRAMS: [&str; 2] = ["worker", "ctl"];

/// The programs of one build.
#[derive(Debug)]
pub(crate) struct Built {
    dir: PathBuf,
}

impl Built {
    /// Clones the commit checked out into `dir`, which is made anew, and builds there.
    pub(crate) fn new(dir: &Path) -> Result<Self> {
        if dir.exists() {
            std::fs::remove_dir_all(dir).because(dir.display())?;
        }
        let mut clone = Command::new("git");
        clone
            .args(["clone", "--quiet", "--no-hardlinks"])
            .arg(root())
            .arg(dir);
        check(&mut clone)?;
        let commit = output(
            Command::new("git")
                .args(["rev-parse", "HEAD"])
                .current_dir(root()),
        )?;
        let mut checkout = Command::new("git");
        checkout
            .args(["checkout", "--quiet", "--detach", commit.trim()])
            .current_dir(dir);
        check(&mut checkout)?;
        let mut build = cargo(&["build", "--release", "--locked"]);
        for program in PROGRAMS {
            build.args(["--package", program]);
        }
        build.current_dir(dir);
        // a version given to somebody's shell is not this commit's
        build
            .env_remove("UNKEY_BUILD_VERSION")
            .env_remove("CARGO_ENCODED_RUSTFLAGS");
        build
            .env("CARGO_TARGET_DIR", dir.join("target"))
            .env("CARGO_INCREMENTAL", "0");
        build.env("SOURCE_DATE_EPOCH", image::time(dir)?);
        build.env("LC_ALL", "C").env("TZ", "UTC");
        let names = names(dir, &cargo_home()?);
        build.env("RUSTFLAGS", flags("--remap-path-prefix", &names));
        for compiler in ["CFLAGS", "CXXFLAGS"] {
            build.env(compiler, flags("-ffile-prefix-map", &names));
        }
        check(&mut build)?;
        Ok(Self {
            dir: dir.to_owned(),
        })
    }

    /// The clone.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Where a program is.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.dir.join("target/release").join(name)
    }

    /// Its SHA-256.
    pub(crate) fn hash(&self, name: &str) -> Result<String> {
        hash(&self.program(name))
    }
}

/// Builds twice, in folders of different length, and compares.
pub(crate) fn check_reproducible(dir: &Path) -> Result<()> {
    let first = Built::new(&dir.join("a"))?;
    let second = Built::new(&dir.join("somewhere/else/entirely"))?;
    let mut differ = Vec::new();
    for program in PROGRAMS {
        let (one, two) = (first.hash(program)?, second.hash(program)?);
        println!("{program}: {one}\n{program}: {two}");
        if one != two {
            differ.push(program);
        }
    }
    if differ.is_empty() {
        println!("the same twice, built in two folders");
        return Ok(());
    }
    Err(Failure(format!(
        "not the same twice: {}; compare the programs below {}",
        differ.join(", "),
        dir.display()
    )))
}

/// The SHA-256 of a file.
pub(crate) fn hash(file: &Path) -> Result<String> {
    let text = output(Command::new("sha256sum").arg("--binary").arg(file))?;
    let hash = text.split(' ').next().unwrap_or_default();
    Ok(hash.trim_start_matches('\\').to_owned())
}

/// Folders and what stands for them.
fn names(dir: &Path, cargo_home: &Path) -> [(PathBuf, &'static str); 2] {
    [
        (dir.to_owned(), "/worker"),
        (cargo_home.to_owned(), "/cargo"),
    ]
}

fn flags(flag: &str, names: &[(PathBuf, &str)]) -> String {
    let each = names
        .iter()
        .map(|(dir, name)| format!("{flag}={}={name}", dir.display()));
    each.collect::<Vec<_>>().join(" ")
}

fn cargo_home() -> Result<PathBuf> {
    let given = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let usual = || Some(PathBuf::from(std::env::var_os("HOME")?).join(".cargo"));
    given
        .or_else(usual)
        .ok_or_else(|| Failure("neither CARGO_HOME nor HOME is set".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_become_names() {
        let names = names(Path::new("/a/b"), Path::new("/c"));
        assert_eq!(
            flags("-ffile-prefix-map", &names),
            "-ffile-prefix-map=/a/b=/worker -ffile-prefix-map=/c=/cargo"
        );
    }
}
