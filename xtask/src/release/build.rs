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

    /// What [`Built::new`] has left in `dir`, if that is of the commit checked out.
    fn existing(dir: &Path) -> Option<Self> {
        let commit = |of: &Path| {
            let mut git = Command::new("git");
            // a folder that is no clone would answer for the repository around it
            git.args(["rev-parse", "--show-toplevel", "HEAD"])
                .current_dir(of);
            let told = output(&mut git).ok()?;
            let (top, commit) = told.trim().split_once('\n')?;
            let whole = of.canonicalize().ok()? == Path::new(top);
            whole.then(|| commit.to_owned())
        };
        let built = Self {
            dir: dir.to_owned(),
        };
        let there = PROGRAMS.iter().all(|name| built.program(name).is_file());
        (there && commit(dir)? == commit(&root())?).then_some(built)
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

/// Builds twice, in folders of different length, and compares; the programs of a release that was made of this very commit
/// are taken for the first.
pub(crate) fn check_reproducible(released: &Path, dir: &Path) -> Result<()> {
    let first = match Built::existing(released) {
        Some(built) => built,
        None => Built::new(&dir.join("a"))?,
    };
    println!("the first is in {}", first.dir().display());
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
        "not the same twice: {}; compare the programs below {} and {}",
        differ.join(", "),
        first.dir().display(),
        second.dir().display()
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
    fn only_a_whole_build_of_this_commit_counts_as_built() {
        let dir = std::env::temp_dir().join(format!("xtask-built-{}", std::process::id()));
        let built = Built { dir: dir.clone() };
        let git = |args: &[&str], at: &Path| {
            output(Command::new("git").args(args).current_dir(at)).map_err(|e| e.0)
        };
        let from = root().display().to_string();
        let to = dir.display().to_string();
        git(
            &["clone", "--quiet", "--shared", "--no-checkout", &from, &to],
            &root(),
        )
        .expect("a clone");
        assert!(Built::existing(&dir).is_none(), "nothing is built");
        std::fs::create_dir_all(dir.join("target/release")).expect("a folder");
        for name in PROGRAMS {
            std::fs::write(built.program(name), "").expect("a file");
        }
        let whole = Built::existing(&dir).is_some();
        let within = Built::existing(&dir.join("target")).is_some();
        git(
            &[
                "-c",
                "user.name=test",
                "-c",
                "user.email=test@example.com",
                "commit-tree",
                "HEAD^{tree}",
                "-m",
                "another",
            ],
            &dir,
        )
        .and_then(|other| git(&["update-ref", "HEAD", other.trim()], &dir))
        .expect("another commit");
        let other = Built::existing(&dir).is_some();
        std::fs::remove_dir_all(&dir).expect("removed");
        assert_eq!((whole, within, other), (true, false, false));
    }

    #[test]
    fn folders_become_names() {
        let names = names(Path::new("/a/b"), Path::new("/c"));
        assert_eq!(
            flags("-ffile-prefix-map", &names),
            "-ffile-prefix-map=/a/b=/worker -ffile-prefix-map=/c=/cargo"
        );
    }
}
