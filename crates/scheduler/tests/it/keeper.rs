//! The task of every worker: it arms the jobs as soon as Restate knows them, and turns off what is configured so.

use crate::world::*;
use scheduler::keeper::{self, KeeperDeps};
use scheduler::{Job, Timings};
use serde_json::json;
use std::time::Duration;
use testbed::{Restate, RestateOptions};
use time::macros::datetime;
use tokio_util::sync::CancellationToken;

fn deps(world: &World, on: &[Job]) -> KeeperDeps {
    let off = |job: &Job| (!on.contains(job)).then(|| "clickhouse.url is not set".to_owned());
    KeeperDeps {
        db: world.db.clone(),
        ingress: world.ingress(),
        timings: Timings {
            clock: world.clock,
            rearm: Duration::from_millis(200),
            look: Duration::from_millis(50),
        },
        jobs: Job::ALL.iter().map(|job| (*job, off(job))).collect(),
    }
}

#[test]
fn jobs_are_armed_when_the_process_starts_and_again_when_an_object_forgot() {
    testbed::run(async {
        let world = World::new("keeper", clock(datetime!(2026-03-01 12:00 UTC), 1)).await;
        let stop = CancellationToken::new();
        let task = tokio::spawn(keeper::run(deps(&world, &[Job::KeyRefill]), stop.clone()));
        let enabled = async |job: Job| world.status(job).await["enabled"] == true;
        testbed::eventually(SOON, || enabled(Job::KeyRefill)).await;
        testbed::eventually(SOON, || async {
            world.status(Job::QuotaCheck).await["offBecause"] == "clickhouse.url is not set"
        })
        .await;
        assert!(!enabled(Job::QuotaCheck).await);
        // another configuration is taken over, and the keeper brings its own back
        world
            .call(Job::KeyRefill, "Arm", json!({ "enabled": false }))
            .await;
        testbed::eventually(SOON, || enabled(Job::KeyRefill)).await;
        stop.cancel();
        tokio::time::timeout(Duration::from_secs(5), task)
            .await
            .expect("it ends soon")
            .expect("no panic");
    });
}

#[test]
fn a_restate_that_does_not_know_the_service_yet_is_waited_for() {
    testbed::run(async {
        let world = World::new("waits", clock(datetime!(2026-03-01 12:00 UTC), 1)).await;
        let bare = Restate::start(RestateOptions::default())
            .await
            .expect("Restate");
        let mut deps = deps(&world, &[Job::KeyRefill]);
        deps.ingress = bare.ingress();
        let stop = CancellationToken::new();
        let task = tokio::spawn(keeper::run(deps, stop.clone()));
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert!(!task.is_finished());
        bare.admin()
            .register(&format!("http://{}", world.wire.addr()), true)
            .await
            .expect("register");
        testbed::eventually(SOON, || async {
            let status = bare
                .ingress()
                .call(
                    scheduler_client::SERVICE,
                    "key-refill",
                    "Status",
                    &json!({}),
                )
                .await;
            status.is_ok_and(|s| s["enabled"] == true)
        })
        .await;
        stop.cancel();
        task.await.expect("no panic");
    });
}
