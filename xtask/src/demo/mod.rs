//! `cargo xtask demo`: the main job on real servers, for a person to watch and for CI to check.
//!
//! Starts `stack`, `worker` and `ctl` as processes, tells the story (see `story`), and holds what
//! the stores say afterwards against what should have happened (see `expect`). Not a test of
//! details: those are in the crates.

mod beside;
mod command;
mod domain;
mod end;
mod expect;
mod hold;
pub(crate) mod http;
mod push;
mod story;
mod worker;
mod world;

use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use crate::run::{Failure, Result, cargo, check, target_dir};
use crate::setup;
use end::End;
use expect::Expectation;
use story::Told;
use world::World;

/// How the demo runs.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Stop after the story; the last line is JSON, read back from the stores, and an expectation
    /// that does not hold is named and fails.
    #[arg(long)]
    once: bool,
    /// Break something before the second deployment, to see it noticed; implies --once.
    #[arg(long = "break", value_name = "WHAT")]
    broken: Option<Break>,
}

/// What can be broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Break {
    /// The agents of every region stop.
    Edge,
    /// MariaDB stops.
    Database,
    /// Restate stops.
    Restate,
}

/// Runs the demo. It first runs itself once more, behind a shell that turns Ctrl-C into the end of
/// our input: see `end`.
pub(crate) fn run(options: &Options) -> Result<()> {
    if !end::is_watched() {
        println!("Images and a push become live, routed deployments.\n\n== setup");
        setup::demo()?;
        build()?;
        return Err(end::run_watched());
    }
    let end = End::of_input();
    let begin = Instant::now();
    let told = stage(options, &end, begin)?;
    let Some(told) = told else {
        println!("\nstopped, nothing is left running");
        return Ok(());
    };
    let expectations = expect::judge(&told);
    let broken: Vec<&Expectation> = expectations.iter().filter(|e| !e.held).collect();
    let result = if broken.is_empty() {
        println!("\nall {} expectations hold", expectations.len());
        Ok(())
    } else {
        let names: Vec<String> = broken.iter().map(ToString::to_string).collect();
        let list = format!("broken expectations:\n  {}", names.join("\n  "));
        Err(Failure(list))
    };
    println!("{}", summary(&told, &expectations, begin));
    result
}

/// Servers, worker and story; everything is stopped again when it returns. `None` when it was held
/// up for a person, who has had enough.
fn stage(options: &Options, end: &End, begin: Instant) -> Result<Option<Told>> {
    let once = options.once || options.broken.is_some();
    let mut world = World::start(&target_dir()?, once, options.broken, end, begin)?;
    let told = match story::tell(&mut world, options.broken, end) {
        Ok(told) => told,
        Err(failure) => {
            // who interrupts does not look for a fault
            if end.pause(Duration::ZERO).is_ok() {
                world.keep();
            }
            return Err(failure);
        }
    };
    let good = expect::judge(&told).iter().all(|e| e.held);
    if good && !once {
        hold::up(&mut world, &told, end)?;
        world.stop(false);
        return Ok(None);
    }
    world.headline("everything stops");
    if !good && options.broken.is_none() {
        world.keep();
    }
    world.stop(!good);
    Ok(Some(told))
}

fn build() -> Result<()> {
    println!("\n== build (the first time takes some minutes)");
    let begin = Instant::now();
    let mut build = cargo(&["build", "--quiet", "--bins"]);
    build.args(["--package", "testbed", "--package", "worker"]);
    build.args(["--package", "ctl", "--package", "clickhouse-engine"]);
    build.args(["--package", "build-testbed", "--package", "github-fake"]);
    check(&mut build)?;
    println!("built in {} s", begin.elapsed().as_secs());
    Ok(())
}

/// The last line: what the stores said, and what was expected of it.
fn summary(told: &Told, expectations: &[Expectation], begin: Instant) -> Value {
    let broken: Vec<String> = expectations
        .iter()
        .filter(|e| !e.held)
        .map(ToString::to_string)
        .collect();
    let routes = |when: &str| match (when, &told.cut_short) {
        // what was read last was no rollback then
        (story::ROLLED_BACK, Some(_)) => Value::Null,
        _ => told.read(when)["database"]["routes"].clone(),
    };
    let last = told.read(story::ROLLED_BACK);
    json!({
        "ok": broken.is_empty(),
        "seconds": begin.elapsed().as_secs(),
        "app": { "name": told.app, "row": last["database"]["app"] },
        "jobs": { "due_keys": told.due_keys, "refills": told.refills, "keys": last["database"]["keys"] },
        "deployments": last["database"]["deployments"],
        "promote": { "routes_before": routes(story::SECOND), "routes_after": routes(story::PROMOTED) },
        "rollback": { "routes_before": routes(story::PROMOTED), "routes_after": routes(story::ROLLED_BACK) },
        "http": told.answers,
        "domain": told.domain,
        "issuer": told.domain["https_after"]["issuer"],
        "builds": match &told.no_builds {
            None => json!({ "by": "buildkit" }),
            Some(why) => json!({ "by": null, "images_only_because": why }),
        },
        "push": told.push,
        "restate": last["restate"],
        "expectations": expectations.iter().map(|e| e.what.as_str()).collect::<Vec<_>>(),
        "broken": broken,
    })
}
