//! The worker dies, answers are lost, the monitor fails: every key once, every entry once, and the count is right.

use crate::world::*;
use faults::Cut;
use faults::http::Script;
use key_refill::Settings;
use key_refill_client::SERVICE;
use mysql::sea_orm::{DbBackend, Statement};
use serde_json::json;

/// Ten keys in chunks of three.
async fn ten() -> World {
    let world = World::with(small(), Script::new().answer(200, "ok")).await;
    world.keys(&daily(), 10).await;
    world
}

/// Ten keys, each refilled once and with one entry.
async fn ten_are_refilled(world: &World) {
    for (sql, count) in [
        (
            "SELECT COUNT(*) FROM `keys` WHERE remaining_requests = 1000",
            10,
        ),
        ("SELECT COUNT(*) FROM audit_log", 10),
        ("SELECT COUNT(*) FROM audit_log_target", 20),
    ] {
        assert_eq!(world.count(sql).await, count, "{sql}");
    }
}

#[test]
fn ref_12_a_crash_mid_run_goes_on_behind_what_was_done() {
    testbed::scenario!("REF-12");
    testbed::run(async {
        let world = ten().await;
        // Input, clock, two states, plan, refill, state, refill, state: the next command is the third chunk's.
        let third_chunk = 9;
        let times = "SELECT GROUP_CONCAT(last_refill_at ORDER BY pk) FROM `keys` WHERE last_refill_at IS NOT NULL";
        let db = world.db.clone();
        let (tell, told) = std::sync::mpsc::channel();
        let cut = Cut::command(SERVICE, "RunRefill", third_chunk).doing(move |_| {
            let (db, tell) = (db.clone(), tell.clone());
            async move {
                let statement = Statement::from_string(DbBackend::MySql, times);
                let row =
                    mysql::sea_orm::ConnectionTrait::query_one_raw(db.primary(), statement).await;
                let row = row.expect("asked").expect("a row");
                let _ = tell.send(row.try_get_by_index::<Option<String>>(0).expect("times"));
                // long enough that a second update would show in the times
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
        });
        let cut = world.proxy.cut(cut);
        let date = again("2025-06-14");
        assert_eq!(world.run(&date).await.expect("goes on"), 10);
        let seen = cut.wait(SOON).await.expect("the cut happened");
        assert_eq!(seen.step(), "Run refill");
        let before = told.recv().expect("looked").expect("two chunks were done");
        assert_eq!(before.split(',').count(), 6, "{before}");
        let after: Option<String> = world.rows(times, []).await[0]
            .try_get_by_index(0)
            .expect("times");
        let after = after.expect("all are done");
        assert!(
            after.starts_with(&before),
            "{before} is not how {after} begins"
        );
        ten_are_refilled(&world).await;
        assert_eq!(world.beats(), 1);
        testbed::assert_quiet(&[date]).await;
    });
}

#[test]
fn the_lost_answer_of_each_step_changes_neither_rows_nor_count() {
    testbed::run(async {
        for (step, times) in [
            ("plan", 1),
            ("refill", 1),
            ("refill", 3),
            ("finish", 1),
            ("send heartbeat", 1),
        ] {
            let world = ten().await;
            let cut = Cut::run_result(SERVICE, "RunRefill", step).times(times);
            let cut = world.proxy.cut(cut);
            let date = again("2025-06-14");
            assert_eq!(world.run(&date).await.expect("goes on"), 10, "{step}");
            assert!(cut.wait(SOON).await.is_some(), "{step} was not cut");
            ten_are_refilled(&world).await;
            let again = usize::from(step == "send heartbeat");
            assert_eq!(world.beats(), 1 + again, "{step}");
            assert_eq!(
                world
                    .count("SELECT COUNT(*) FROM ctrl_worker_refills")
                    .await,
                0
            );
            testbed::assert_quiet(&[date]).await;
        }
    });
}

#[test]
fn the_lost_answer_of_a_chunk_of_a_range_changes_neither_rows_nor_count() {
    testbed::run(async {
        let settings = Settings {
            range: 4,
            lanes: 2,
            ..small()
        };
        let world = World::with(settings, Script::new().answer(200, "ok")).await;
        world.keys(&daily(), 10).await;
        let cut = Cut::run_result(SERVICE, "RefillRange", "refill").times(2);
        let cut = world.proxy.cut(cut);
        let date = again("2025-06-14");
        assert_eq!(world.run(&date).await.expect("goes on"), 10);
        assert!(cut.wait(SOON).await.is_some(), "nothing was cut");
        ten_are_refilled(&world).await;
    });
}

#[test]
fn the_table_of_answers_can_be_lost_on_the_way() {
    testbed::run(async {
        let world = ten().await;
        let db = world.db.clone();
        let cut = Cut::run_result(SERVICE, "RunRefill", "refill").doing(move |_| {
            let db = db.clone();
            async move { execute(db.primary(), "DELETE FROM ctrl_worker_refills", []).await }
        });
        let cut = world.proxy.cut(cut);
        let count = world.run(&again("2025-06-14")).await.expect("goes on");
        assert!(cut.wait(SOON).await.is_some(), "nothing was cut");
        assert_eq!(
            count, 7,
            "the chunk whose answer and row were lost is not counted"
        );
        ten_are_refilled(&world).await;
    });
}

#[test]
fn a_run_after_a_killed_one_goes_on_where_that_was() {
    testbed::run(async {
        let world = ten().await;
        let date = again("2025-06-14");
        let pause = world.db.begin().await.expect("begin");
        execute(&pause, "UPDATE `keys` SET start = 'held' WHERE pk = 8", []).await;
        let ingress = testbed::ingress().await;
        let id = ingress
            .send(SERVICE, &*date, "RunRefill", &json!({}), None)
            .await
            .expect("sent");
        testbed::eventually(SOON, || async {
            world.count("SELECT COUNT(*) FROM audit_log").await == 6
        })
        .await;
        testbed::eventually(SOON, || async {
            let state = world.state(&date).await;
            state.iter().any(|row| {
                row["value_utf8"]
                    .as_str()
                    .is_some_and(|text| text.contains("\"refilled\":6"))
            })
        })
        .await;
        testbed::admin().await.kill(&id).await.expect("killed");
        ingress.attach(&id).await.expect_err("killed");
        pause.rollback().await.expect("rollback");

        world.proxy.forget();
        assert_eq!(
            world.run(&date).await.expect("goes on"),
            10,
            "what the killed one did is counted"
        );
        let commands = world.proxy.commands(SERVICE, "RunRefill");
        assert!(
            commands.iter().all(|c| c.step() != "Run plan"),
            "it begins where the killed one was"
        );
        let steps = commands.iter().filter(|c| c.step() == "Run refill").count();
        assert_eq!(steps, 2);
        ten_are_refilled(&world).await;
        assert!(world.state(&date).await.is_empty());
    });
}

#[test]
fn ref_15_a_monitor_that_fails_once_is_told_again_and_nothing_else_is_repeated() {
    testbed::scenario!("REF-15");
    testbed::run(async {
        let script = Script::new().answer(500, "down").answer(200, "ok");
        let world = World::with(small(), script).await;
        world.keys(&daily(), 10).await;
        let date = again("2025-06-14");
        assert_eq!(world.run(&date).await.expect("runs"), 10);
        assert_eq!(world.beats(), 2);
        let commands = world.proxy.commands(SERVICE, "RunRefill");
        let steps = commands.iter().filter(|c| c.step() == "Run refill").count();
        assert_eq!(steps, 4);
        ten_are_refilled(&world).await;
    });
}

#[test]
fn a_monitor_that_refuses_for_good_does_not_undo_the_refill() {
    testbed::run(async {
        let world = World::with(small(), Script::new().answer(404, "no such check")).await;
        world.keys(&daily(), 10).await;
        assert_eq!(world.run(&again("2025-06-14")).await.expect("runs"), 10);
        assert_eq!(world.beats(), 1);
        ten_are_refilled(&world).await;
    });
}
