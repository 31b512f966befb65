//! `cargo xtask release <version>`: programs, image, bill of materials, checksums, and notes with what the differences
//! between the services mean for work in flight.
//!
//! Files go below the build directory; the notes and the manifest, which the next release is compared with, go to
//! docs/releases and are for a person to commit. Nothing is published. docs/releases.md has the whole of it.

mod build;
mod changes;
mod manifest;
mod sbom;

use std::path::{Path, PathBuf};
use std::process::Command;

use clap::Args;
use serde_json::Value;

use self::build::{Built, PROGRAMS};
use self::manifest::Weight;
use crate::image;
use crate::run::{Because, Failure, Result, cargo, output, revision, root, target_dir};
use crate::setup;

/// Where the programs of a release are built, below the build directory.
const BUILD: &str = "release-build";
const RELEASES: &str = "docs/releases";
const SUMMARY: &str = "docs/SUMMARY.md";
/// The line of the book's summary below which each release has its own.
const CHAPTER: &str = "- [Releases](releases.md)\n";

/// What to make.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The version, which the workspace's manifest must have already.
    #[arg(required_unless_present = "check_reproducible")]
    version: Option<String>,
    /// Show notes and differences; build the debug worker for its manifest, write nothing.
    #[arg(long)]
    dry_run: bool,
    /// Release although work that has not begun would be lost or Restate refuses the registration.
    #[arg(long)]
    breaking: bool,
    /// Build the programs twice, in two folders, and fail if they differ.
    #[arg(long, conflicts_with_all = ["version", "dry_run", "breaking"])]
    check_reproducible: bool,
}

/// Makes it, shows it, or builds twice.
pub(crate) fn run(options: &Options) -> Result<()> {
    let target = target_dir()?;
    match &options.version {
        Some(version) if options.dry_run => dry_run(version, options.breaking),
        Some(version) => release(version, options.breaking, &target),
        None => build::check_reproducible(&target.join(BUILD), &target.join("reproducible")),
    }
}

/// Everything of a release that needs no release build.
struct Plan {
    entries: Vec<changes::Entry>,
    last: Option<(String, Value)>,
    date: String,
    revision: String,
}

impl Plan {
    fn new(version: &str) -> Result<Self> {
        let said = image::workspace_version()?;
        if parts(version).is_none() || said != version {
            return Err(Failure(format!(
                "Cargo.toml says {said}: set `workspace.package.version` to the version to release, three numbers, and commit"
            )));
        }
        let entries = changes::entries(&root().join(changes::UNRELEASED))?;
        if entries.is_empty() {
            return Err(Failure(format!(
                "{} is empty: nothing to release",
                changes::UNRELEASED
            )));
        }
        let last = last(&root().join(RELEASES))?;
        if let Some((last, _)) = &last
            && parts(last) >= parts(version)
        {
            return Err(Failure(format!(
                "{last} is released already: {version} is not newer"
            )));
        }
        let time = image::time(&root())?;
        let mut date = Command::new("date");
        date.args([
            "--utc",
            "--date",
            &format!("@{time}"),
            "+%Y-%m-%dT%H:%M:%SZ",
        ]);
        Ok(Self {
            entries,
            last,
            date: output(&mut date)?.trim().to_owned(),
            revision: revision(),
        })
    }

    /// The notes, and whether something breaks.
    fn notes(&self, version: &str, manifest: &Value) -> (String, bool) {
        let last = self.last.as_ref();
        let differences =
            last.map_or_else(Vec::new, |(_, old)| manifest::differences(old, manifest));
        let day = self.date.split('T').next().unwrap_or_default();
        let notes = changes::notes(version, day, &self.revision, &self.entries);
        let chapter = manifest::chapter(last.map(|(version, _)| version.as_str()), &differences);
        let breaks = differences.iter().any(|d| d.weight == Weight::Breaking);
        (format!("{notes}\n{chapter}"), breaks)
    }
}

fn dry_run(version: &str, breaking: bool) -> Result<()> {
    let plan = Plan::new(version)?;
    let mut worker = cargo(&["run", "--quiet", "--package", "worker", "--", "manifest"]);
    let manifest: Value = serde_json::from_str(&output(&mut worker)?).because("worker manifest")?;
    let (notes, breaks) = plan.notes(version, &manifest);
    println!("{notes}");
    println!("release: would write {RELEASES}/{version}/notes.md and manifest.json, and remove:");
    for entry in &plan.entries {
        println!(
            "  {}",
            entry
                .file
                .strip_prefix(root())
                .unwrap_or(&entry.file)
                .display()
        );
    }
    allowed(breaks, breaking)
}

fn allowed(breaks: bool, breaking: bool) -> Result<()> {
    if breaks && !breaking {
        return Err(Failure(
            "a difference is breaking, see above; `--breaking` releases nevertheless".to_owned(),
        ));
    }
    Ok(())
}

fn release(version: &str, breaking: bool, target: &Path) -> Result<()> {
    let plan = Plan::new(version)?;
    if plan.revision.ends_with('+') {
        return Err(Failure(format!(
            "commit first: tracked files differ from {}",
            plan.revision
        )));
    }
    setup::containers::all()?;
    let built = Built::new(&target.join(BUILD))?;
    let worker = built.program("worker");
    let told = output(Command::new(&worker).arg("--version"))?;
    if told.trim() != format!("worker {version}") {
        return Err(Failure(format!("the worker calls itself {}", told.trim())));
    }
    let manifest = output(Command::new(&worker).arg("manifest"))?;
    let services: Value = serde_json::from_str(&manifest).because("worker manifest")?;
    let (notes, breaks) = plan.notes(version, &services);
    println!("{notes}");
    allowed(breaks, breaking)?;

    let out = target.join("releases").join(version);
    if out.exists() {
        std::fs::remove_dir_all(&out).because(out.display())?;
    }
    std::fs::create_dir_all(&out).because(out.display())?;
    let arch = std::env::consts::ARCH;
    for program in PROGRAMS {
        let to = out.join(format!("{program}-{version}-{arch}-linux-gnu"));
        std::fs::copy(built.program(program), &to).because(to.display())?;
    }
    let (image, packages) = {
        let time = image::time(&root())?;
        image::make(
            &image::fresh(target)?,
            &worker,
            version,
            &plan.revision,
            &time,
            false,
        )?
    };
    image.save(&out.join(format!("control-plane-worker-{version}-{arch}.oci.tar")))?;
    let bill = sbom::bill(built.dir(), version, &plan.date, &packages)?;
    write(&out.join("sbom.cdx.json"), &format!("{bill:#}\n"))?;
    write(&out.join("notes.md"), &notes)?;
    sums(&out)?;
    record(version, &notes, &manifest, &plan.entries)?;
    println!("release: files are in {}", out.display());
    println!(
        "release: commit {RELEASES}/{version}, {SUMMARY} and what was removed, then tag v{version}"
    );
    Ok(())
}

/// What the repository keeps of a release.
fn record(version: &str, notes: &str, manifest: &str, entries: &[changes::Entry]) -> Result<()> {
    let dir = root().join(RELEASES).join(version);
    std::fs::create_dir_all(&dir).because(dir.display())?;
    write(&dir.join("notes.md"), notes)?;
    write(&dir.join("manifest.json"), manifest)?;
    let summary = root().join(SUMMARY);
    let text = std::fs::read_to_string(&summary).because(SUMMARY)?;
    write(&summary, &with_page(&text, version)?)?;
    for entry in entries {
        std::fs::remove_file(&entry.file).because(entry.file.display())?;
    }
    Ok(())
}

/// The book's summary with this release's notes, the newest first.
fn with_page(summary: &str, version: &str) -> Result<String> {
    let Some((before, after)) = summary.split_once(CHAPTER) else {
        return Err(Failure(format!(
            "{SUMMARY} has no line `{}`",
            CHAPTER.trim()
        )));
    };
    Ok(format!(
        "{before}{CHAPTER}  - [{version}](releases/{version}/notes.md)\n{after}"
    ))
}

fn sums(dir: &Path) -> Result<()> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(dir)
        .because(dir.display())?
        .filter_map(|e| Some(e.ok()?.path()))
        .collect();
    files.sort();
    let mut text = String::new();
    for file in files {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        text.push_str(&format!("{}  {name}\n", build::hash(&file)?));
    }
    write(&dir.join("SHA256SUMS"), &text)
}

fn write(path: &Path, text: &str) -> Result<()> {
    std::fs::write(path, text).because(path.display())
}

/// The newest release that has a manifest, and that.
fn last(releases: &Path) -> Result<Option<(String, Value)>> {
    let mut found: Vec<String> = std::fs::read_dir(releases)
        .into_iter()
        .flatten()
        .filter_map(|e| Some(e.ok()?.file_name().to_string_lossy().into_owned()))
        .filter(|name| parts(name).is_some() && releases.join(name).join("manifest.json").is_file())
        .collect();
    found.sort_by_key(|name| parts(name));
    let Some(version) = found.pop() else {
        return Ok(None);
    };
    let file = releases.join(&version).join("manifest.json");
    let text = std::fs::read_to_string(&file).because(file.display())?;
    let manifest = serde_json::from_str(&text).because(file.display())?;
    Ok(Some((version, manifest)))
}

/// Three numbers.
fn parts(version: &str) -> Option<[u64; 3]> {
    let numbers: Option<Vec<u64>> = version.split('.').map(|n| n.parse().ok()).collect();
    numbers?.try_into().ok()
}

/// What `cargo xtask tidy` has to say of the changes that wait.
pub(crate) fn problems() -> Vec<String> {
    match changes::entries(&root().join(changes::UNRELEASED)) {
        Ok(_) => Vec::new(),
        Err(wrong) => wrong.0.lines().map(str::to_owned).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_release_is_the_newest_by_number() {
        let dir = std::env::temp_dir().join(format!("xtask-releases-{}", std::process::id()));
        for version in ["0.9.0", "0.10.0", "not-a-release", "0.11.0"] {
            std::fs::create_dir_all(dir.join(version)).expect("a folder");
            if version != "0.11.0" {
                std::fs::write(dir.join(version).join("manifest.json"), "{}").expect("a file");
            }
        }
        let found = last(&dir).map_err(|e| e.0);
        std::fs::remove_dir_all(&dir).expect("removed");
        assert_eq!(
            found.ok().flatten().map(|(version, _)| version),
            Some("0.10.0".to_owned())
        );
        assert_eq!(last(&dir).map_err(|e| e.0), Ok(None));
    }

    #[test]
    fn a_release_is_a_page_of_the_book() {
        let text = format!(
            "# Summary\n{CHAPTER}  - [0.1.0](releases/0.1.0/notes.md)\n- [Metrics](metrics.md)\n"
        );
        let new = with_page(&text, "0.2.0").map_err(|e| e.0);
        assert_eq!(
            new.as_deref().map(|t| t.lines().nth(2)),
            Ok(Some("  - [0.2.0](releases/0.2.0/notes.md)"))
        );
        assert!(with_page("# Summary\n", "0.2.0").is_err());
    }

    #[test]
    fn a_version_is_three_numbers() {
        assert_eq!(parts("1.20.3"), Some([1, 20, 3]));
        for bad in ["1.2", "1.2.3.4", "v1.2.3", "1.2.x", ""] {
            assert_eq!(parts(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_breaking_release_has_to_be_meant() {
        assert!(allowed(true, false).is_err());
        assert!(allowed(true, true).is_ok() && allowed(false, false).is_ok());
    }
}
