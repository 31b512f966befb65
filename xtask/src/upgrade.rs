//! `cargo xtask upgrade-rehearsal`: builds the release before this one beside it, and has the one replaced by the other in
//! the middle of every story.
//!
//! Not for what is looked at then: see `crates/proof/src/upgrade.rs` and docs/upgrades.md.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use clap::Args;

use crate::run::{
    Because, Failure, Result, cargo, check, output, revision, root, shown, target_dir,
};
use crate::setup;

/// What to rehearse.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Commit or tag of the build that is replaced; the last tag when absent, or without tags the commit before the last
    /// that changed what the worker serves or journals.
    #[arg(long)]
    from: Option<String>,
    /// Replace this build by itself, at another address: without building another one.
    #[arg(long, conflicts_with = "from")]
    same: bool,
    /// Only stories with this name; may be given several times.
    #[arg(long)]
    story: Vec<String>,
}

/// Where the book has the outcome.
const PAGE: &str = "docs/upgrade-rehearsal.md";

/// What a release promises to work in flight.
const PROMISES: [&str; 3] = [
    "proto",
    "bin/worker/src/services.rs",
    "crates/proof/journals",
];

/// Builds both, then runs in the foreground; its failure is ours.
pub(crate) fn run(options: &Options) -> Result<()> {
    setup::servers()?;
    setup::clickhouse()?;
    let mut words = vec!["upgrade".to_owned()];
    let from = match (&options.from, options.same) {
        (_, true) => None,
        (Some(from), false) => Some(resolve(from)?),
        (None, false) => Some(before()?),
    };
    if let Some(commit) = &from {
        println!("the build that is replaced: {commit}");
        words.push("--old".to_owned());
        words.push(build(commit)?.display().to_string());
    }
    for story in &options.story {
        words.push("--story".to_owned());
        words.push(story.clone());
    }
    check(&mut cargo(&["build", "--quiet", "--package", "proof"]))?;
    let mut rehearsal = cargo(&["run", "--quiet", "--package", "proof", "--"]);
    rehearsal.args(words).stderr(Stdio::inherit());
    let shown = shown(&rehearsal);
    let done = rehearsal.output().because(&shown)?;
    let table = String::from_utf8_lossy(&done.stdout);
    print!("{table}");
    if !done.status.success() {
        return Err(Failure(format!("{shown}: {}", done.status)));
    }
    if let (Some(from), true) = (&from, options.story.is_empty()) {
        let file = root().join(PAGE);
        std::fs::write(&file, page(from, &revision(), &table)).because(file.display())?;
        println!("written to {PAGE}");
    }
    Ok(())
}

/// What the book keeps of a rehearsal of every story.
fn page(from: &str, to: &str, table: &str) -> String {
    let from = &from[..from.len().min(12)];
    format!(
        "# The last rehearsal of an upgrade\n\n\
         From commit `{from}` to commit `{to}`, as [Upgrades](upgrades.md#the-rehearsal) describes it. `whole`: rows, versions, object\n\
         state and what outside systems were told are those of the story without an upgrade, and nothing is left of the old build's.\n\
         `not moved`: the two builds journal the handler differently, so its work ends where it began.\n\
         Written by `cargo xtask upgrade-rehearsal`.\n\n```text\n{}\n```\n",
        table
            .lines()
            .map(str::trim_end)
            .collect::<Vec<_>>()
            .join("\n")
    )
}

fn git(args: &[&str]) -> Result<String> {
    let mut git = Command::new("git");
    Ok(output(git.args(args).current_dir(root()))?
        .trim()
        .to_owned())
}

fn resolve(name: &str) -> Result<String> {
    git(&["rev-parse", "--verify", &format!("{name}^{{commit}}")])
}

/// The release before this one.
fn before() -> Result<String> {
    if let Ok(tag) = git(&["describe", "--tags", "--abbrev=0"]) {
        return resolve(&tag);
    }
    let mut log = vec!["log", "-1", "--format=%H", "--"];
    log.extend(PROMISES);
    let newest = git(&log)?;
    resolve(&format!("{newest}~1"))
}

/// The `proof` of a commit, built in a work tree and a target directory of its own.
fn build(commit: &str) -> Result<PathBuf> {
    let place = target_dir()?.join("upgrade");
    let tree = place.join("tree");
    std::fs::create_dir_all(&place).because("create target/upgrade")?;
    // a tree that was left behind, or removed by hand, is forgotten first
    let _removed = git(&["worktree", "remove", "--force", &tree.display().to_string()]);
    git(&["worktree", "prune"])?;
    git(&[
        "worktree",
        "add",
        "--detach",
        "--force",
        &tree.display().to_string(),
        commit,
    ])?;
    let target = place.join("build");
    let mut build = cargo(&["build", "--quiet", "--package", "proof"]);
    build
        .current_dir(&tree)
        .env("CARGO_TARGET_DIR", &target)
        .env("UNKEY_BUILD_VERSION", &commit[..commit.len().min(12)]);
    println!("{} in {}", shown(&build), tree.display());
    let built = check(&mut build);
    // the program alone is needed from here on
    git(&["worktree", "remove", "--force", &tree.display().to_string()])?;
    built?;
    Ok(target.join("debug/proof"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_names_both_builds_and_holds_the_table() {
        let page = page(
            &"a".repeat(40),
            "bbb",
            "story   at the old\ndeploy  whole   \n",
        );
        assert!(page.contains("From commit `aaaaaaaaaaaa` to commit `bbb`"));
        assert!(page.ends_with("```text\nstory   at the old\ndeploy  whole\n```\n"));
    }
}
