//! buildah and runc: an image from a root file system, and a container of it on this machine's network.
//!
//! The container is what an engine would make of the image: its user, its entry point, its variables, a root that cannot
//! be written to, no capability, no way to get one. Images are kept below the build directory, in folders, so that nothing
//! of the system is asked for. Not for what runs in it: see `trial`.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::run::{Because, Failure, Result, output, root};

const NAME: &str = "localhost/control-plane-worker";

/// Where images are kept, and under which name this one is.
#[derive(Debug)]
pub(crate) struct Image {
    store: PathBuf,
    /// Name and tag.
    pub(crate) name: String,
    /// What the image says of itself: entry point, user, variables.
    pub(crate) config: Value,
    /// Bytes of its layers, unpacked.
    pub(crate) size: u64,
}

impl Image {
    /// Builds `deploy/Containerfile` on this root file system. Files have the time given, so that the same files make the
    /// same image.
    pub(crate) fn build(
        store: &Path,
        files: &Path,
        version: &str,
        revision: &str,
        time: &str,
    ) -> Result<Self> {
        let name = format!("{NAME}:{version}");
        let containerfile = root().join("deploy/Containerfile");
        let mut build = buildah(store);
        build.args([
            "build",
            "--isolation",
            "chroot",
            "--pull-never",
            "--layers=false",
        ]);
        build.args(["--timestamp", time, "--tag", &name]);
        build.args(["--build-arg", &format!("VERSION={version}")]);
        build.args(["--build-arg", &format!("REVISION={revision}")]);
        output(build.arg("--file").arg(containerfile).arg(files))?;
        let told = output(buildah(store).args(["inspect", "--type", "image", &name]))?;
        let mut told: Value = serde_json::from_str(&told).because("buildah inspect")?;
        Ok(Self {
            store: store.to_owned(),
            config: told["OCIv1"]["config"].take(),
            size: weight(files)?,
            name,
        })
    }

    /// Writes it to one file, as `podman load` and registries' tools read it.
    pub(crate) fn save(&self, file: &Path) -> Result<()> {
        if file.exists() {
            std::fs::remove_file(file).because(file.display())?;
        }
        let to = format!("oci-archive:{}:{}", file.display(), self.name);
        output(buildah(&self.store).args(["push", "--quiet", &self.name, &to])).map(drop)
    }

    /// Its files in a folder of their own, to run it from.
    pub(crate) fn unpack(&self) -> Result<Unpacked> {
        let id = output(buildah(&self.store).args(["from", "--pull-never", &self.name]))?;
        let id = id.trim().to_owned();
        let place = output(buildah(&self.store).args(["mount", &id]))?;
        Ok(Unpacked {
            store: self.store.clone(),
            place: PathBuf::from(place.trim()),
            id,
        })
    }

    /// A text of its configuration.
    pub(crate) fn text(&self, key: &str) -> &str {
        self.config[key].as_str().unwrap_or_default()
    }

    fn words(&self, key: &str) -> Vec<String> {
        let list = self.config[key].as_array().map_or(&[][..], Vec::as_slice);
        list.iter()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect()
    }

    /// Starts a container named `id`: the image's entry point with these arguments, or with its own. `folder` holds what
    /// runc wants to know, `mounted` is seen as `/etc/worker`, what it writes goes to `log`.
    pub(crate) fn start(
        &self,
        unpacked: &Unpacked,
        id: &str,
        folder: &Path,
        mounted: &Path,
        args: &[&str],
        log: File,
    ) -> Result<Container> {
        let mut words = self.words("Entrypoint");
        if args.is_empty() {
            words.extend(self.words("Cmd"));
        }
        words.extend(args.iter().map(|&a| a.to_owned()));
        let (user, group) = numbers(self.text("User"))?;
        let bundle = json!({
            "ociVersion": "1.0.2",
            "process": {
                "user": { "uid": user, "gid": group },
                "args": words,
                "env": self.words("Env"),
                "cwd": "/",
                "capabilities": {},
                "noNewPrivileges": true,
            },
            "root": { "path": unpacked.place, "readonly": true },
            "mounts": [
                mount("/proc", "proc", "proc", &[]),
                mount("/dev", "tmpfs", "tmpfs", &["nosuid", "strictatime", "mode=755", "size=65536k"]),
                mount("/etc/hosts", "bind", "/etc/hosts", &["bind", "ro"]),
                mount("/etc/resolv.conf", "bind", "/etc/resolv.conf", &["bind", "ro"]),
                mount("/etc/worker", "bind", &mounted.to_string_lossy(), &["bind", "ro"]),
            ],
            "linux": { "namespaces": [
                { "type": "pid" }, { "type": "ipc" }, { "type": "uts" }, { "type": "mount" },
            ] },
        });
        std::fs::create_dir_all(folder).because(folder.display())?;
        let file = folder.join("config.json");
        std::fs::write(&file, bundle.to_string()).because(file.display())?;
        let errors = log.try_clone().because("a log")?;
        let mut run = Command::new("runc");
        run.args(["run", "--bundle"]).arg(folder).arg(id);
        run.stdin(Stdio::null()).stdout(log).stderr(errors);
        Ok(Container {
            id: id.to_owned(),
            child: run.spawn().because("runc run")?,
        })
    }
}

fn mount(to: &str, kind: &str, from: &str, options: &[&str]) -> Value {
    json!({ "destination": to, "type": kind, "source": from, "options": options })
}

/// An image's files; gone with this value.
#[derive(Debug)]
pub(crate) struct Unpacked {
    store: PathBuf,
    id: String,
    /// The root of its file system.
    pub(crate) place: PathBuf,
}

impl Drop for Unpacked {
    fn drop(&mut self) {
        // a folder below the build directory is all that could stay
        let _ = output(buildah(&self.store).args(["rm", &self.id]));
    }
}

/// A running container; dropping it kills it.
#[derive(Debug)]
pub(crate) struct Container {
    id: String,
    child: Child,
}

impl Container {
    /// The number of its first process, as this machine counts, once there is one.
    pub(crate) fn pid(&self) -> Option<u32> {
        let state = output(Command::new("runc").args(["state", &self.id])).ok()?;
        let state: Value = serde_json::from_str(&state).ok()?;
        u32::try_from(state["pid"].as_u64()?)
            .ok()
            .filter(|pid| *pid > 0)
    }

    /// Whether it still runs.
    pub(crate) fn runs(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Sends the signal the image asks to be stopped by.
    pub(crate) fn signal(&self, name: &str) -> Result<()> {
        output(Command::new("runc").args(["kill", &self.id, name])).map(drop)
    }

    /// Waits for its end, which is that of its first process.
    pub(crate) fn wait(mut self, longest: Duration) -> Result<ExitStatus> {
        let until = Instant::now() + longest;
        loop {
            if let Some(status) = self.child.try_wait().because("runc")? {
                return Ok(status);
            }
            if Instant::now() > until {
                return Err(Failure(format!(
                    "{} did not end within {longest:?}",
                    self.id
                )));
            }
            crate::run::pause(Duration::from_millis(5));
        }
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        if self.runs() {
            let _ = self.signal("KILL");
            let _ = self.child.wait();
        }
    }
}

fn buildah(store: &Path) -> Command {
    let mut command = Command::new("buildah");
    command.arg("--root").arg(store.join("images"));
    command.arg("--runroot").arg(store.join("run"));
    command.args(["--storage-driver", "vfs"]);
    command
}

/// `user:group` as numbers: an engine that looks names up would need the image's own files.
fn numbers(user: &str) -> Result<(u32, u32)> {
    let pair = user
        .split_once(':')
        .and_then(|(u, g)| Some((u.parse().ok()?, g.parse().ok()?)));
    pair.ok_or_else(|| Failure(format!("the image's user is `{user}`, not two numbers")))
}

/// Bytes of all files below a folder.
fn weight(dir: &Path) -> Result<u64> {
    let mut sum = 0;
    for entry in std::fs::read_dir(dir).because(dir.display())? {
        let entry = entry.because(dir.display())?;
        let known = entry.metadata().because(dir.display())?;
        sum += if known.is_dir() {
            weight(&entry.path())?
        } else {
            known.len()
        };
    }
    Ok(sum)
}

#[cfg(test)]
mod tests {
    use super::numbers;

    #[test]
    fn a_user_is_two_numbers() {
        assert_eq!(numbers("65532:65532").ok(), Some((65532, 65532)));
        for bad in ["", "worker", "65532", "worker:worker"] {
            assert!(numbers(bad).is_err(), "{bad}");
        }
    }
}
