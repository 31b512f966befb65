//! What is ended: in Restate, in its row, its steps, its run and its topology.

use cancellation::{cancel, supersede};

use crate::world::*;

#[test]
fn one_that_nobody_has_taken_is_superseded_and_never_taken() {
    testbed::run(async {
        let world = World::new().await;
        for status in ["pending", "awaiting_approval"] {
            let older = world.deployment(status).await;
            let newer = world.deployment("pending").await;
            for _ in 0..2 {
                let done = supersede(&world.db, &world.admin, &older, &newer).await;
                assert!(done.expect("ended"), "{status}");
                let text = format!("superseded by {newer}");
                world.ended(&older, "skipped", &text, "superseded").await;
            }
            assert_eq!(world.state(&newer).await.status, "pending");
        }
    });
}

#[test]
fn one_that_is_being_built_is_cancelled_in_restate_and_superseded() {
    testbed::run(async {
        let world = World::new().await;
        let older = world.deployment("building").await;
        let invocation = world.taken(&older, "building").await;
        let newer = world.deployment("starting").await;
        let done = supersede(&world.db, &world.admin, &older, &newer).await;
        assert!(done.expect("ended"));
        let text = format!("superseded by {newer}");
        world.ended(&older, "skipped", &text, "superseded").await;
        world.gone(&invocation).await;
    });
}

#[test]
fn somebody_cancels_one_that_is_coming_up_and_its_topology_stops_with_a_new_version() {
    testbed::run(async {
        let world = World::new().await;
        for (at, status) in ["deploying", "network"].into_iter().enumerate() {
            let id = world.deployment(status).await;
            let invocation = world.taken(&id, status).await;
            let region = &world.app.regions[at].id;
            world
                .execute(
                    "INSERT INTO deployment_topology (workspace_id, deployment_id, region_id, version, desired_status, created_at) VALUES (?, ?, ?, 1, 'running', 1)",
                    [
                        world.app.workspace_id.as_str().into(),
                        id.as_str().into(),
                        region.as_str().into(),
                    ],
                )
                .await;
            let done = cancel(&world.db, &world.admin, &id, "mo").await;
            assert!(done.expect("ended"));
            world
                .ended(&id, "failed", "cancelled by mo", "cancelled")
                .await;
            world.gone(&invocation).await;
            #[derive(mysql::sea_orm::FromQueryResult)]
            struct Topology {
                desired_status: String,
                version: u64,
            }
            let row: Option<Topology> = mysql::sql::one(
                world.db.primary(),
                "SELECT CAST(desired_status AS CHAR) AS desired_status, version FROM deployment_topology WHERE deployment_id = ?",
                [id.as_str().into()],
            )
            .await
            .expect("read");
            let row = row.expect("a row");
            assert_eq!(row.desired_status, "stopped");
            assert!(row.version > 1, "{}", row.version);
        }
    });
}

#[test]
fn the_words_are_ours_where_the_undo_of_deploy_was_faster() {
    testbed::run(async {
        let world = World::new().await;
        let newer = |id: &str| format!("superseded by {id}");
        for user in [true, false] {
            let id = world.deployment("failed").await;
            world
                .step(&id, "building", Some("The deployment was cancelled."))
                .await;
            world
                .execute(
                    "INSERT INTO ctrl_worker_runs (deployment_id, invocation_id, claimed_at, ended_at, end_reason) VALUES (?, 'inv', 1, 2, 'cancelled')",
                    [id.as_str().into()],
                )
                .await;
            let by = world.deployment("pending").await;
            for _ in 0..2 {
                let done = match user {
                    true => cancel(&world.db, &world.admin, &id, "mo").await,
                    false => supersede(&world.db, &world.admin, &id, &by).await,
                };
                assert!(done.expect("ended"));
            }
            match user {
                true => {
                    world
                        .ended(&id, "failed", "cancelled by mo", "cancelled")
                        .await
                }
                false => world.ended(&id, "skipped", &newer(&by), "superseded").await,
            }
            // who came first is named
            let again = supersede(&world.db, &world.admin, &id, &by).await;
            assert_eq!(again.expect("looked"), !user);
        }
    });
}
