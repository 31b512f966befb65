//! The root file system of the image: the worker, exactly the libraries it is linked with, the public certificate
//! authorities, a user, and the licences of all of them.
//!
//! What lies there depends on the program and on the Debian packages it was linked with, and on nothing else: times,
//! owners and modes are set. Not for the image's settings: `deploy/Containerfile`.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::run::{Because, Failure, Result, check, output, root};

/// Nobody else's number, and the one that images without a distribution use by custom.
pub(crate) const USER: u32 = 65532;

const AUTHORITIES: &str = "/etc/ssl/certs/ca-certificates.crt";
/// Where Debian keeps what a package may be used under.
const COPYRIGHTS: &str = "usr/share/doc";

/// A Debian package of which something is in the image.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) architecture: String,
}

/// Lays it out in `dir`, which is made anew, and says which Debian packages went in.
pub(crate) fn lay_out(dir: &Path, worker: &Path, strip: bool) -> Result<Vec<Package>> {
    if dir.exists() {
        std::fs::remove_dir_all(dir).because(dir.display())?;
    }
    let mut files = BTreeMap::from([("usr/bin/worker".to_owned(), worker.to_owned())]);
    for library in libraries(worker)? {
        let place = library.trim_start_matches('/').to_owned();
        files.insert(place, PathBuf::from(library));
    }
    let mut packages = packages(files.values().filter(|p| *p != worker))?;
    packages.extend(named("ca-certificates")?);
    files.insert(
        AUTHORITIES.trim_start_matches('/').to_owned(),
        PathBuf::from(AUTHORITIES),
    );
    for package in &packages {
        let place = format!("{COPYRIGHTS}/{}/copyright", package.name);
        files.insert(place.clone(), Path::new("/").join(place));
    }
    for licence in ["LICENSE-APACHE", "LICENSE-MIT"] {
        files.insert(
            format!("{COPYRIGHTS}/worker/{licence}"),
            root().join(licence),
        );
    }
    for (place, from) in &files {
        let to = dir.join(place);
        put(&to, |to| std::fs::copy(from, to).map(drop))?;
        let mode = if place.contains("/bin/") || place.contains("ld-linux") {
            0o755
        } else {
            0o644
        };
        std::fs::set_permissions(&to, std::fs::Permissions::from_mode(mode)).because(place)?;
    }
    if strip {
        check(Command::new("strip").arg(dir.join("usr/bin/worker")))?;
    }
    for (place, text) in texts() {
        put(&dir.join(place), |to| std::fs::write(to, text))?;
    }
    // where the configuration is mounted
    std::fs::create_dir_all(dir.join("etc/worker")).because("etc/worker")?;
    open_folders(dir)?;
    packages.sort();
    packages.dedup();
    Ok(packages)
}

fn put(to: &Path, write: impl FnOnce(&Path) -> std::io::Result<()>) -> Result<()> {
    let parent = to.parent().unwrap_or(to);
    std::fs::create_dir_all(parent).because(parent.display())?;
    write(to).because(to.display())
}

/// Every user may look into every folder, whatever the mask of whoever runs this.
fn open_folders(dir: &Path) -> Result<()> {
    std::fs::set_permissions(dir, std::fs::Permissions::from_mode(0o755)).because(dir.display())?;
    for entry in std::fs::read_dir(dir).because(dir.display())? {
        let path = entry.because(dir.display())?.path();
        if path.is_dir() {
            open_folders(&path)?;
        }
    }
    Ok(())
}

fn texts() -> [(&'static str, String); 3] {
    [
        (
            "etc/passwd",
            format!(
                "root:x:0:0:root:/:/nonexistent\nworker:x:{USER}:{USER}:worker:/:/nonexistent\n"
            ),
        ),
        ("etc/group", format!("root:x:0:\nworker:x:{USER}:\n")),
        // the C library would ask for more than it has here
        (
            "etc/nsswitch.conf",
            "passwd: files\ngroup: files\nhosts: files dns\n".to_owned(),
        ),
    ]
}

/// Every library the program needs, the loader too, where the loader looks for it.
fn libraries(program: &Path) -> Result<Vec<String>> {
    let text = output(Command::new("ldd").arg(program))?;
    let found = named_by_loader(&text)?;
    if found.is_empty() {
        return Err(Failure(format!(
            "{} is linked with nothing: {text}",
            program.display()
        )));
    }
    Ok(found)
}

fn named_by_loader(text: &str) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for line in text.lines().map(str::trim) {
        if line.contains("not found") {
            return Err(Failure(format!("a library is missing: {line}")));
        }
        let place = line.split("=>").last().unwrap_or(line).trim();
        let place = place.split(" (").next().unwrap_or(place);
        // the kernel's own part of every program has no place
        if place.starts_with('/') {
            found.push(place.to_owned());
        }
    }
    Ok(found)
}

/// The packages these files came from.
fn packages<'a>(files: impl Iterator<Item = &'a PathBuf>) -> Result<Vec<Package>> {
    let mut found = Vec::new();
    for file in files {
        // Debian may list a file where a link to its folder leads
        let real = std::fs::canonicalize(file).because(file.display())?;
        let real = real.to_string_lossy();
        let listed = real.strip_prefix("/usr").unwrap_or(&real).to_owned();
        let asked = |path: &str| output(Command::new("dpkg-query").args(["--search", path]));
        let line = asked(&real).or_else(|_| asked(&listed))?;
        let name = line.split(": ").next().unwrap_or_default().to_owned();
        found.extend(named(&name)?);
    }
    Ok(found)
}

fn named(name: &str) -> Result<Vec<Package>> {
    let mut query = Command::new("dpkg-query");
    query.args([
        "--show",
        "--showformat=${Package} ${Version} ${Architecture}\n",
        name,
    ]);
    let text = output(&mut query)?;
    let package = |line: &str| {
        let mut words = line.split(' ').map(str::to_owned);
        Some(Package {
            name: words.next()?,
            version: words.next()?,
            architecture: words.next()?,
        })
    };
    Ok(text.lines().filter_map(package).collect())
}

#[cfg(test)]
mod tests {
    use super::named_by_loader;

    #[test]
    fn the_loader_names_libraries_and_what_is_missing() {
        let text = "\tlinux-vdso.so.1 (0x00007ffd)\n\tlibc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x00007f)\n\
                    \t/lib64/ld-linux-x86-64.so.2 (0x00007f)\n";
        let found = named_by_loader(text).map_err(|e| e.0);
        assert_eq!(
            found.as_deref(),
            Ok([
                "/lib/x86_64-linux-gnu/libc.so.6",
                "/lib64/ld-linux-x86-64.so.2"
            ]
            .map(str::to_owned)
            .as_slice())
        );
        assert!(named_by_loader("\tlibz.so.1 => not found\n").is_err());
    }
}
