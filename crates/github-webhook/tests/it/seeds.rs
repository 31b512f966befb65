//! Deliveries in any order, several times, at once and by different ways, drawn from seeds: each commit has one
//! deployment for each app, Deploy is sent for it at most once, and the branch ends where it was pushed to last.

use github_webhook::Settings;
use github_webhook_client::SERVICE;
use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;
use rand::{Rng as _, SeedableRng as _};
use std::collections::BTreeSet;

use crate::neighbours::deploys;
use crate::world::*;

const COMMITS: &str = "abcd";
const SEEDS: u64 = 8;

async fn play(seed: u64, github_knows: bool) {
    println!("seed {seed}, GitHub knows: {github_knows}");
    let mut rng = StdRng::seed_from_u64(seed);
    let world = World::with(Settings {
        // as nobody in particular it is told of no repository here
        allow_unauthenticated: !github_knows,
        ..Settings::default()
    })
    .await;
    let apps = [world.app().await, world.app().await];
    let commits: Vec<char> = COMMITS.chars().collect();
    let newest = *commits.last().expect("some");
    world.fake.head("feature", &sha(newest));
    let mut deliveries = Vec::new();
    for (at, after) in commits.iter().enumerate() {
        for earlier in &commits[..at] {
            let (a, b) = (sha(*earlier), sha(*after));
            world.fake.comparison(&format!("{a}...{b}"), "ahead", &[]);
            world.fake.comparison(&format!("{b}...{a}"), "behind", &[]);
        }
        let before = at.checked_sub(1).map_or('0', |at| commits[at]);
        for copy in 0..rng.random_range(1..=3) {
            // the same delivery again, or the same event with an id of its own
            let id = match rng.random_bool(0.5) {
                true => format!("{seed}-{after}"),
                false => format!("{seed}-{after}-{copy}"),
            };
            let mut push = world.push("feature", &sha(*after), &id);
            push["before"] = sha(before).into();
            push["commitTimestamp"] = (1_700_000_000_000_i64 + at as i64).to_string().into();
            // not every caller tells the key that orders them
            let key = match rng.random_bool(0.8) {
                true => world.key(),
                false => format!("{}:again", world.key()),
            };
            deliveries.push((key, push));
        }
    }
    deliveries.shuffle(&mut rng);
    let ingress = testbed::ingress().await;
    let calls = deliveries.iter().map(|(key, push)| {
        let ingress = &ingress;
        async move {
            ingress
                .call(SERVICE, key.as_str(), "HandlePush", push)
                .await
        }
    });
    for handled in futures::future::join_all(calls).await {
        handled.unwrap_or_else(|e| panic!("seed {seed}: {e}"));
    }
    for app in &apps {
        world.quiet(app).await;
        let rows = world.rows(app).await;
        let found: BTreeSet<&str> = rows.iter().filter_map(|r| r.sha.as_deref()).collect();
        assert_eq!(
            (rows.len(), found.len()),
            (commits.len(), commits.len()),
            "seed {seed}: {rows:#?}"
        );
        for row in &rows {
            let is_newest = row.sha.as_deref() == Some(sha(newest).as_str());
            let status = if is_newest { "pending" } else { "skipped" };
            assert_eq!(row.status, status, "seed {seed}: {rows:#?}");
            let sent = deploys(&row.id).len();
            assert!(
                sent <= 1 && (!is_newest || sent == 1),
                "seed {seed}: sent {sent}, {row:?}"
            );
        }
    }
}

#[test]
fn deliveries_in_any_order_make_each_commit_one_deployment() {
    testbed::run(async {
        for seed in 0..SEEDS {
            play(seed, seed % 2 == 0).await;
        }
    });
}
