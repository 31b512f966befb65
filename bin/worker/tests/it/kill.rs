//! The worker is killed anywhere in a deployment, and another one brings the deployment to its end.
//!
//! `KILL_SEED=<number>` repeats a run.

mod rows;
mod world;

use std::collections::BTreeSet;
use std::time::Instant;

use faults::Kind;
use rand::SeedableRng as _;
use rand::rngs::StdRng;

use world::{Message, Run, World};

const KILLS: usize = 10;

#[test]
fn kill_anywhere_during_a_deployment_it_always_goes_live() {
    testbed::run(async {
        let seed = match std::env::var("KILL_SEED") {
            Ok(text) => text.parse().expect("KILL_SEED is a number"),
            Err(_) => rand::random(),
        };
        println!("KILL_SEED={seed}");
        let mut world = World::start().await;

        let mut dry = world.deploy(None).await;
        dry.messages.retain(|m| m.kind.is_command());
        println!("the dry run has {} commands:", dry.messages.len());
        for (k, command) in dry.messages.iter().enumerate() {
            println!("  {:2} {command}", k + 1);
        }
        let of = |service: &str| dry.messages.iter().filter(|c| c.service == service).count();
        assert!(of(world::DEPLOY) >= KILLS, "no real deployment");
        assert!(of(world::ROUTING) >= 4, "routing has no journal");

        let mut rng = StdRng::seed_from_u64(seed);
        let drawn = rand::seq::index::sample(&mut rng, dry.messages.len(), KILLS);
        let mut hit = BTreeSet::new();
        for (number, k) in drawn.iter().enumerate() {
            let label = format!(
                "kill {:2}: k = {:2} of {}",
                number + 1,
                k + 1,
                dry.messages.len()
            );
            killed_at(&mut world, &dry, &dry.messages[k], &label).await;
            hit.insert(dry.messages[k].to_string());
        }
        assert!(hit.len() >= 8, "only {hit:?}");
        world.end().await;
    });
}

#[test]
fn dep_18_19_killed_after_an_effect_and_before_its_record_nothing_is_done_twice() {
    testbed::scenario!("DEP-18", "DEP-19");
    testbed::run(async {
        let mut world = World::start().await;
        let mut dry = world.deploy(None).await;
        dry.messages.retain(|m| m.kind == Kind::RUN_RESULT);
        let steps: Vec<String> = dry.messages.iter().map(Message::to_string).collect();
        for step in [
            "Deploy #3 RunResult provision",
            "UpsertRoutes #1 RunResult upsert",
        ] {
            assert!(
                steps.iter().any(|s| s.ends_with(step)),
                "no {step} in {steps:#?}"
            );
        }
        for (message, step) in dry.messages.iter().zip(&steps) {
            let run = killed_at(&mut world, &dry, message, "kill").await;
            let (death, _) = run.death.expect("there was a kill");
            if step.ends_with("provision") {
                assert_eq!(
                    death.versions.len(),
                    2,
                    "the rows were there before the kill"
                );
            }
        }
        world.end().await;
    });
}

/// A deployment with one kill: it happened where it should, and nothing shows it afterwards.
async fn killed_at(world: &mut World, dry: &Run, wanted: &Message, label: &str) -> Run {
    let began = Instant::now();
    let run = world.deploy(Some(wanted)).await;
    let (death, successor) = run.death.as_ref().expect("the worker was killed");
    println!(
        "{label}, {wanted}; then {}, row {}; pid {} → {successor}; over after {:.1} s",
        death.invocation,
        death.deployment,
        death.killed,
        began.elapsed().as_secs_f32()
    );
    assert_eq!(death.at, *wanted);
    assert_ne!(death.killed, *successor);
    assert_ne!(death.invocation, "completed", "unfinished at the kill");
    assert_eq!(
        run.shape, dry.shape,
        "the rows of an undisturbed deployment"
    );
    if !death.versions.is_empty() {
        assert_eq!(run.versions, death.versions, "written once");
    }
    run
}
