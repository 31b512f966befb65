//! Which keys are refilled, and which are left alone.

use crate::world::*;

#[test]
fn ref_1_a_daily_key_is_refilled_on_any_date() {
    testbed::scenario!("REF-1");
    testbed::run(async {
        let world = World::new().await;
        for date in ["2025-06-11", "2020-02-29", "2026-01-31"] {
            let key = world.key(&daily()).await;
            let before = world
                .count("SELECT CAST(UNIX_TIMESTAMP(UTC_TIMESTAMP(3)) * 1000 AS SIGNED)")
                .await;
            assert_eq!(world.run(&again(date)).await.expect("runs"), 1, "{date}");
            assert_eq!(world.remaining(&key).await, Some(1000));
            let sql = "SELECT CAST(UNIX_TIMESTAMP(last_refill_at) * 1000 AS SIGNED), updated_at_m FROM `keys` WHERE id = ?";
            let rows = world.rows(sql, [key.as_str().into()]).await;
            let at: i64 = rows[0].try_get_by_index(0).expect("last_refill_at is set");
            let updated: i64 = rows[0].try_get_by_index(1).expect("updated_at_m is set");
            let soon = before..before + 60_000;
            assert!(soon.contains(&at), "{at} is not just after {before}");
            let now = mysql::now_ms();
            assert!((now - 60_000..=now).contains(&updated), "{updated}");
            // consumed, so that the next date finds it due as well
            world.set_remaining(&key, 1000).await;
        }
    });
}

#[test]
fn ref_2_ref_3_a_monthly_key_is_refilled_on_its_day_alone() {
    testbed::scenario!("REF-2", "REF-3");
    testbed::run(async {
        let world = World::new().await;
        let (on, after, before) = (monthly(14), monthly(15), monthly(13));
        let (on, after, before) = (
            world.key(&on).await,
            world.key(&after).await,
            world.key(&before).await,
        );
        assert_eq!(world.run(&again("2025-06-14")).await.expect("runs"), 1);
        assert_eq!(world.remaining(&on).await, Some(1000));
        for untouched in [&after, &before] {
            assert_eq!(world.remaining(untouched).await, Some(100));
            assert_eq!(world.audits_of(untouched).await, 0);
        }
    });
}

#[test]
fn ref_4_a_key_that_is_full_is_left_alone() {
    testbed::scenario!("REF-4");
    testbed::run(async {
        let world = World::new().await;
        let mut full = Vec::new();
        for remaining in [1000, 1500] {
            let key = Key {
                remaining: Some(remaining),
                ..daily()
            };
            full.push((world.key(&key).await, remaining));
        }
        assert_eq!(world.run(&again("2025-06-14")).await.expect("runs"), 0);
        for (key, remaining) in full {
            assert_eq!(world.remaining(&key).await, Some(remaining));
        }
        assert_eq!(world.count("SELECT COUNT(*) FROM audit_log").await, 0);
        assert_eq!(
            world.count("SELECT COUNT(*) FROM audit_log_target").await,
            0
        );
        assert_eq!(
            world
                .count("SELECT COUNT(*) FROM `keys` WHERE updated_at_m IS NOT NULL")
                .await,
            0
        );
    });
}

#[test]
fn an_unlimited_key_is_never_limited() {
    testbed::run(async {
        let world = World::new().await;
        let unlimited = Key {
            remaining: None,
            ..daily()
        };
        let key = world.key(&unlimited).await;
        assert_eq!(world.run(&again("2025-06-14")).await.expect("runs"), 0);
        assert_eq!(world.remaining(&key).await, None);
        assert_eq!(world.audits_of(&key).await, 0);
    });
}

#[test]
fn ref_6_ref_7_a_deleted_key_and_one_without_amount_are_left_alone() {
    testbed::scenario!("REF-6", "REF-7");
    testbed::run(async {
        let world = World::new().await;
        let deleted = Key {
            deleted: true,
            ..daily()
        };
        let without = Key {
            amount: None,
            ..monthly(14)
        };
        let (deleted, without) = (world.key(&deleted).await, world.key(&without).await);
        let due = world.key(&daily()).await;
        assert_eq!(world.run(&again("2025-06-14")).await.expect("runs"), 1);
        assert_eq!(world.remaining(&due).await, Some(1000));
        for untouched in [&deleted, &without] {
            assert_eq!(world.remaining(untouched).await, Some(100));
            assert_eq!(world.audits_of(untouched).await, 0);
        }
    });
}

#[test]
fn rows_far_apart_are_found_by_small_looks() {
    testbed::run(async {
        let settings = key_refill::Settings {
            window: 2,
            ..small()
        };
        let world = World::with(settings, faults::http::Script::new().answer(200, "ok")).await;
        world.keys(&daily(), 4).await;
        let sql = "UPDATE `keys` SET pk = pk + 5000000000 * (pk % 3) ORDER BY pk DESC";
        execute(world.db.primary(), sql, []).await;
        let full = Key {
            remaining: Some(1000),
            ..daily()
        };
        world.keys(&full, 7).await;
        world.keys(&daily(), 5).await;
        assert_eq!(world.run(&again("2025-06-14")).await.expect("runs"), 9);
        let left = "SELECT COUNT(*) FROM `keys` WHERE remaining_requests < refill_amount";
        assert_eq!(world.count(left).await, 0);
    });
}
