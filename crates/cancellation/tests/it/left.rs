//! What is left alone, and what happens while Restate cannot be asked.

use cancellation::{By, cancel, end, supersede};
use durable::Stop;
use restate_api::Admin;

use crate::world::*;

#[test]
fn what_is_past_its_point_is_left_alone() {
    testbed::run(async {
        let world = World::new().await;
        for status in ["finalizing", "ready", "failed", "skipped", "stopped"] {
            let id = world.deployment(status).await;
            let newer = world.deployment("pending").await;
            for by in [By::User { actor: "mo" }, By::Superseded { by_id: &newer }] {
                let done = end(&world.db, &world.admin, &id, by).await;
                assert!(!done.expect("looked"), "{status}");
                let state = world.state(&id).await;
                assert_eq!((state.status.as_str(), state.end_reason), (status, None));
            }
        }
        let built = world.deployment("deploying").await;
        let newer = world.deployment("pending").await;
        let done = supersede(&world.db, &world.admin, &built, &newer).await;
        assert!(!done.expect("looked"), "it is built");
    });
}

#[test]
fn only_a_newer_approved_one_supersedes_and_only_what_there_is() {
    testbed::run(async {
        let world = World::new().await;
        let older = world.deployment("pending").await;
        for status in ["awaiting_approval", "failed", "skipped"] {
            let newer = world.deployment(status).await;
            let done = supersede(&world.db, &world.admin, &older, &newer).await;
            assert!(!done.expect("looked"), "{status}");
        }
        let newest = world.deployment("pending").await;
        for (id, by) in [
            (newest.as_str(), older.as_str()),
            ("d_missing", older.as_str()),
            (older.as_str(), "d_missing"),
            (older.as_str(), older.as_str()),
        ] {
            let done = supersede(&world.db, &world.admin, id, by).await;
            assert!(!done.expect("looked"), "{id} by {by}");
        }
        assert_eq!(world.state(&older).await.status, "pending");
        assert_eq!(world.state(&newest).await.status, "pending");
    });
}

#[test]
fn the_row_stays_while_restate_cannot_be_asked_and_ends_once_the_invocation_is_unknown() {
    testbed::run(async {
        let world = World::new().await;
        let id = world.deployment("building").await;
        let invocation = world.taken(&id, "building").await;
        let nowhere = Admin::new("http://127.0.0.1:9", None).expect("an address");
        let lost = cancel(&world.db, &nowhere, &id, "mo").await;
        assert!(matches!(lost, Err(Stop::Retry(_))), "{lost:?}");
        let state = world.state(&id).await;
        assert_eq!((state.status.as_str(), state.open), ("building", 1));
        world.admin.kill(&invocation).await.expect("killed");
        world.gone(&invocation).await;
        let done = cancel(&world.db, &world.admin, &id, "mo").await;
        assert!(done.expect("ended"), "nobody else would");
        world
            .ended(&id, "failed", "cancelled by mo", "cancelled")
            .await;
    });
}
