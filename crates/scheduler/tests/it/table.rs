//! The table can be lost, and so can the objects: neither loses a window while the other is there.

use crate::world::*;
use mysql::sea_orm::ConnectionTrait as _;
use scheduler::Job;
use serde_json::json;
use time::macros::datetime;

#[test]
fn without_its_table_the_clock_goes_on_and_the_rows_come_back() {
    testbed::run(async {
        // a minute a second
        let world = World::new("dropped", clock(datetime!(2026-03-01 12:00:30 UTC), 60)).await;
        world.arm(Job::KeyLastUsedSync).await;
        assert!(world.row(Job::KeyLastUsedSync).await.active);
        let drop = "DROP TABLE ctrl_worker_jobs";
        world
            .db
            .primary()
            .execute_unprepared(drop)
            .await
            .expect("dropped");
        testbed::eventually(SOON * 2, || async {
            let last = world.number(Job::KeyLastUsedSync, "/last/windowAtMs").await;
            last > ms(datetime!(2026-03-01 12:01 UTC))
        })
        .await;
        testbed::migrate(&world.database).await;
        world.arm(Job::KeyLastUsedSync).await;
        let row = world.row(Job::KeyLastUsedSync).await;
        assert!(row.active && row.last_success_at.is_some(), "{row:?}");
        world.call(Job::KeyLastUsedSync, "Pause", json!({})).await;
        let row = world.row(Job::KeyLastUsedSync).await;
        assert_eq!((row.active, row.paused, row.next_at), (false, true, None));
    });
}

#[test]
fn a_restate_without_state_goes_on_where_the_rows_were() {
    testbed::run(async {
        let world = World::new("rebuilt", clock(datetime!(2026-03-01 23:59 UTC), 60)).await;
        world.arm(Job::KeyRefill).await;
        world.ended(Job::KeyRefill, "2026-03-02").await;
        testbed::eventually(SOON, || async {
            world.row(Job::KeyRefill).await.done_until == Some(ms(datetime!(2026-03-02 00:00 UTC)))
        })
        .await;
        let World { database, .. } = world;
        // two days later, on a Restate that knows nothing
        let world = World::over(database, clock(datetime!(2026-03-04 08:00 UTC), 1)).await;
        world.arm(Job::KeyRefill).await;
        let status = world.ended(Job::KeyRefill, "2026-03-04").await;
        assert_eq!(
            world.fakes.calls(),
            ["refill 2026-03-03", "refill 2026-03-04"]
        );
        assert_eq!(
            number(&status, "/nextAtMs"),
            ms(datetime!(2026-03-05 00:00 UTC))
        );
        world.quiet().await;
    });
}

#[test]
fn without_rows_and_state_a_schedule_begins_with_the_next_window() {
    testbed::run(async {
        let world = World::new("first", clock(datetime!(2026-03-04 08:00 UTC), 1)).await;
        world.arm(Job::KeyRefill).await;
        world.quiet().await;
        assert_eq!(world.fakes.calls(), [""; 0]);
        let row = world.row(Job::KeyRefill).await;
        let now = world.now();
        assert!(
            row.armed_at
                .is_some_and(|at| (now - 60_000..=now).contains(&at)),
            "{row:?}"
        );
    });
}
