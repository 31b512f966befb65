//! `cargo xtask image`: builds the container image, runs it, asks its health, stops it, and says what it weighs and takes.
//!
//! Needs root and Debian. Not for publishing: `cargo xtask release` makes the files.

mod load;
mod oci;
mod stage;
mod trial;

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;

pub(crate) use oci::Image;
pub(crate) use stage::Package;

use crate::run::{Because, Failure, Result, cargo, check, output, revision, root, target_dir};
use crate::setup;

/// Most the image may weigh.
const LARGEST: u64 = 40_000_000;
/// What a release build is to stay below.
const READY: Duration = Duration::from_millis(300);
const IDLE_KIB: u64 = 20 * 1024;

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
    println!("{}", report(&image, &figures));
    if options.quick {
        println!("image: built, run and stopped (debug build: no figure of it counts)");
        Ok(())
    } else {
        limits(&image, &figures)
    }
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

/// Nothing runs in this thread beside it.
#[expect(clippy::disallowed_methods, reason = "no async runtime here")]
fn pause(long: Duration) {
    std::thread::sleep(long);
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

fn report(image: &Image, figures: &trial::Figures) -> String {
    let mut ready = figures.ready.clone();
    ready.sort();
    let longest = |all: &[Duration]| all.iter().max().map_or(0, Duration::as_millis);
    format!(
        "image {}: {:.1} MB; run as {}\n\
         container asked for → ready: median {} ms, longest {} ms of {}\n\
         SIGTERM → exit code 0: longest {} ms\n\
         resident without work: {:.1} MiB\n\
         at {} handler calls a second ({} calls, each answered): {:.1} MiB, {:.0} % of one core",
        image.name,
        megabytes(image.size),
        image.text("User"),
        ready.get(ready.len() / 2).map_or(0, Duration::as_millis),
        longest(&ready),
        ready.len(),
        longest(&figures.stopped),
        mebibytes(figures.idle),
        trial::CALLS,
        figures.calls,
        mebibytes(figures.busy),
        figures.cpu * 100.0,
    )
}

fn limits(image: &Image, figures: &trial::Figures) -> Result<()> {
    let longest = figures.ready.iter().max().copied().unwrap_or_default();
    let missed: Vec<String> = [
        (
            image.size >= LARGEST,
            format!(
                "the image weighs {:.1} MB, the aim is less than 40",
                megabytes(image.size)
            ),
        ),
        (
            longest >= READY,
            format!(
                "a start took {} ms, the aim is less than 300",
                longest.as_millis()
            ),
        ),
        (
            figures.idle >= IDLE_KIB,
            format!(
                "{:.1} MiB without work, the aim is less than 20",
                mebibytes(figures.idle)
            ),
        ),
    ]
    .into_iter()
    .filter_map(|(missed, text)| missed.then_some(text))
    .collect();
    if missed.is_empty() {
        println!(
            "image: built, run and stopped; under 40 MB, ready under 300 ms, idle under 20 MiB"
        );
        Ok(())
    } else {
        Err(Failure(missed.join("\n")))
    }
}

#[expect(clippy::cast_precision_loss, reason = "for people")]
fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

#[expect(clippy::cast_precision_loss, reason = "for people")]
fn mebibytes(kib: u64) -> f64 {
    kib as f64 / 1024.0
}
