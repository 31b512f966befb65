//! The worker is killed at any journal command of a deployment, and another one brings the deployment to its end.
//!
//! `KILL_SEED=<number>` repeats a run.

mod world;

use std::collections::BTreeSet;
use std::time::Instant;

use rand::SeedableRng as _;
use rand::rngs::StdRng;

use world::World;

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

        let dry = world.deploy(None).await;
        let commands = dry.commands;
        println!("the dry run has {} commands:", commands.len());
        for (k, command) in commands.iter().enumerate() {
            println!("  {:2} {command}", k + 1);
        }
        let of = |service: &str| commands.iter().filter(|c| c.service == service).count();
        assert!(of(world::DEPLOY) >= KILLS, "no real deployment");
        assert!(of(world::ROUTING) >= 4, "routing has no journal");

        let mut rng = StdRng::seed_from_u64(seed);
        let drawn = rand::seq::index::sample(&mut rng, commands.len(), KILLS);
        let mut hit = BTreeSet::new();
        for (number, k) in drawn.iter().enumerate() {
            let began = Instant::now();
            let wanted = &commands[k];
            let run = world.deploy(Some(wanted)).await;
            let death = run.death.expect("the worker was killed");
            println!(
                "kill {:2}: k = {:2} of {}, {wanted}; then {}, row {}; pid {} → {}; over after {:.1} s",
                number + 1,
                k + 1,
                commands.len(),
                death.invocation,
                death.deployment,
                death.killed,
                death.successor,
                began.elapsed().as_secs_f32()
            );
            assert_eq!(
                death.at, *wanted,
                "killed where it was to be, at the first attempt"
            );
            assert_ne!(death.killed, death.successor);
            assert_ne!(death.invocation, "completed", "unfinished at the kill");
            assert_eq!(
                run.shape, dry.shape,
                "the rows are those of an undisturbed deployment"
            );
            hit.insert(wanted.to_string());
        }
        assert!(hit.len() >= 8, "only {hit:?}");
        world.end().await;
    });
}
