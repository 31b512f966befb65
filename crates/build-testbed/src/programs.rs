//! Which programs there are, and whether builds can run here at all.
//!
//! Not for installing them: `cargo xtask setup` does.

use std::path::{Path, PathBuf};

use testbed::StartError;

/// Set to anything, it lets tests of builds pass without having run where builds cannot run.
pub const ALLOW_NONE: &str = "ALLOW_NO_BUILDKIT";

/// What is searched for programs, the unpacked packages first.
pub(crate) fn search_path() -> String {
    let root = testbed::repository().join(".stack/trixie/usr");
    format!(
        "{0}/bin:{0}/sbin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        root.display()
    )
}

fn find(program: &str) -> Option<PathBuf> {
    search_path()
        .split(':')
        .map(|dir| Path::new(dir).join(program))
        .find(|path| path.is_file())
}

/// The program an environment variable names, or the first of that name.
pub(crate) fn program(what: &'static str, variable: &str) -> Result<PathBuf, StartError> {
    let given = std::env::var_os(variable).filter(|v| !v.is_empty());
    let missing = |looked| StartError::Missing { what, looked };
    match given.map(PathBuf::from) {
        Some(path) if path.is_file() => Ok(path),
        Some(path) => Err(missing(path)),
        None => find(what).ok_or_else(|| missing(PathBuf::from(what))),
    }
}

/// Why builds cannot run here, if they cannot.
pub(crate) fn obstacle() -> Option<String> {
    for (what, variable) in [
        ("dockerd", "DOCKERD"),
        ("docker-registry", "DOCKER_REGISTRY"),
        ("containerd", ""),
        ("runc", ""),
        ("git", ""),
        ("unshare", ""),
    ] {
        if let Err(e) = program(what, variable) {
            return Some(e.to_string());
        }
    }
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let user = status.lines().find_map(|line| line.strip_prefix("Uid:"));
    let root = user.is_some_and(|ids| ids.split_whitespace().nth(1) == Some("0"));
    (!root).then(|| "dockerd runs as root only".to_owned())
}

/// A static shell with its tools, to be copied into images that start from nothing: `/busybox sh -c …`.
///
/// # Panics
/// It is not installed.
pub fn busybox() -> Vec<u8> {
    let path = find("busybox").expect("busybox-static; `cargo xtask setup` installs it");
    std::fs::read(path).expect("a readable program")
}
