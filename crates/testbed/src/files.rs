//! Where the testbed keeps things: one folder per process below the build directory, kept when a
//! test failed, removed otherwise.
//!
//! Not for files a test makes for itself.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::StartError;

static PROCESS_DIR: LazyLock<PathBuf> = LazyLock::new(|| {
    target_dir()
        .join("testbed")
        .join(format!("{}-{}", program_name(), std::process::id()))
});

/// The root of the repository.
pub fn repository() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_owned()
}

/// The build directory that holds the running program, or `<repository>/target`.
pub fn target_dir() -> PathBuf {
    let exe = std::env::current_exe().unwrap_or_default();
    let tagged = exe
        .ancestors()
        .skip(1)
        .find(|dir| dir.join("CACHEDIR.TAG").is_file());
    tagged.map_or_else(|| repository().join("target"), Path::to_owned)
}

/// The folder of this process: logs and data of every server it started.
pub fn process_dir() -> &'static Path {
    &PROCESS_DIR
}

/// Marks the folder of this process so that it stays when the process ends.
pub fn keep_evidence() {
    if PROCESS_DIR.is_dir() {
        let _ = std::fs::write(PROCESS_DIR.join("keep"), b"");
    }
}

/// Name of the running program without cargo's hash.
pub(crate) fn program_name() -> String {
    let exe = std::env::current_exe().unwrap_or_default();
    let stem = exe
        .file_stem()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    match stem.rsplit_once('-') {
        Some((name, hash)) if hash.len() == 16 && hash.bytes().all(|b| b.is_ascii_hexdigit()) => {
            name.to_owned()
        }
        _ => stem,
    }
}

/// A new folder for one server.
pub fn server_dir(name: &str) -> Result<PathBuf, StartError> {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let dir = PROCESS_DIR.join(format!("{name}-{number}"));
    create(&dir)?;
    Ok(dir)
}

pub(crate) fn create(dir: &Path) -> Result<(), StartError> {
    std::fs::create_dir_all(dir).map_err(|source| StartError::Files {
        what: format!("create {}", dir.display()),
        source,
    })
}

/// Removes the folder of a server that is not running any more, unless evidence is kept.
pub(crate) fn remove(dir: &Path) {
    if let Some(parent) = dir.parent()
        && !parent.join("keep").exists()
    {
        let _ = std::fs::remove_dir_all(dir);
        let _ = std::fs::remove_dir(parent);
    }
}

/// First existing file among an environment variable's value and the given places.
pub(crate) fn find_program(
    what: &'static str,
    variable: &str,
    places: &[PathBuf],
) -> Result<PathBuf, StartError> {
    let given = if variable.is_empty() {
        None
    } else {
        std::env::var_os(variable)
    };
    if let Some(path) = given.filter(|v| !v.is_empty()).map(PathBuf::from) {
        return if path.is_file() {
            Ok(path)
        } else {
            Err(StartError::Missing { what, looked: path })
        };
    }
    places
        .iter()
        .find(|p| p.is_file())
        .cloned()
        .ok_or_else(|| StartError::Missing {
            what,
            looked: places.last().cloned().unwrap_or_default(),
        })
}
