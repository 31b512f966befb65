//! `cargo xtask image`: builds the container image, runs it, asks its health, stops it, and says what it weighs and takes.
//!
//! Needs root and Debian. Not for publishing: `cargo xtask release` makes the files.

mod load;
mod oci;
mod report;
mod stage;
mod trial;

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;

pub(crate) use oci::Image;
pub(crate) use report::ROWS;
pub(crate) use stage::Package;

use crate::run::{Because, Failure, Result, cargo, check, output, revision, root, target_dir};
use crate::setup;

/// What to build and run.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Around the debug build: started once, nothing measured, no limits.
    #[arg(long)]
    quick: bool,
    /// Around this worker instead of building one.
    #[arg(long, conflicts_with = "quick")]
    binary: Option<PathBuf>,
}

/// Builds, runs, stops and reports.
pub(crate) fn run(options: &Options) -> Result<()> {
    setup::servers()?;
    setup::containers::all()?;
    build(options)?;
    let target = target_dir()?;
    let dir = fresh(&target)?;
    let profile = if options.quick { "debug" } else { "release" };
    let built = target.join(profile).join("worker");
    let worker = options.binary.clone().unwrap_or(built);
    let (image, _) = make(
        &dir,
        &worker,
        &workspace_version()?,
        &revision(),
        &time(&root())?,
        options.quick,
    )?;
    let extent = if options.quick {
        trial::Extent {
            starts: 1,
            idle: Duration::ZERO,
            load: Duration::from_secs(1),
        }
    } else {
        trial::Extent {
            starts: 10,
            idle: Duration::from_secs(10),
            load: Duration::from_secs(30),
        }
    };
    let figures = trial::run(&image, &target, &dir, extent)?;
    let report = report::Report::new(image.size, &figures);
    report.print();
    if options.quick {
        println!("image: built, run and stopped (debug build: no figure of it counts)");
        return Ok(());
    }
    if options.binary.is_none() {
        report.record(&revision())?;
    }
    report.judge()
}

/// Lays out the root file system of this worker and builds the image of it.
pub(crate) fn make(
    dir: &Path,
    worker: &Path,
    version: &str,
    revision: &str,
    time: &str,
    strip: bool,
) -> Result<(Image, Vec<Package>)> {
    let files = dir.join("root");
    let packages = stage::lay_out(&files, worker, strip)?;
    let image = Image::build(&dir.join("store"), &files, version, revision, time)?;
    Ok((image, packages))
}

/// A new folder for images below the build directory; what an earlier run left there goes.
pub(crate) fn fresh(target: &Path) -> Result<PathBuf> {
    let dir = target.join("image");
    if dir.exists() {
        std::fs::remove_dir_all(&dir).because(dir.display())?;
    }
    std::fs::create_dir_all(&dir).because(dir.display())?;
    Ok(dir)
}

/// The time of the commit checked out at `place`, in seconds since 1970: what is made of a commit carries no other.
pub(crate) fn time(place: &Path) -> Result<String> {
    let mut git = std::process::Command::new("git");
    let time = output(git.args(["log", "-1", "--format=%ct"]).current_dir(place))?;
    Ok(time.trim().to_owned())
}

/// What the workspace's manifest calls this version.
pub(crate) fn workspace_version() -> Result<String> {
    let metadata = crate::run::metadata()?;
    let worker = metadata
        .packages
        .iter()
        .find(|p| p.name.as_str() == "worker");
    worker
        .map(|p| p.version.to_string())
        .ok_or_else(|| Failure("the workspace has no worker".to_owned()))
}

/// The worker and the servers it is run on.
fn build(options: &Options) -> Result<()> {
    if options.quick {
        // what the tests are built as, so that after them there is nothing to build
        return check(&mut cargo(&["test", "--quiet", "--workspace", "--no-run"]));
    }
    let servers = ["build", "--quiet", "--package", "testbed", "--bins"];
    check(&mut cargo(&servers))?;
    if options.binary.is_none() {
        check(&mut cargo(&[
            "build",
            "--locked",
            "--release",
            "--package",
            "worker",
        ]))?;
    }
    Ok(())
}
