//! The date in the key: what is due at the end of a month, what is refused, what is waited for.

use crate::world::*;
use key_refill_client::SERVICE;
use restate_api::ApiError;
use serde_json::json;

#[test]
fn ref_5_short_months_take_the_days_they_do_not_have() {
    testbed::scenario!("REF-5");
    testbed::run(async {
        let world = World::new().await;
        for (date, refilled) in [
            ("2025-02-28", true),
            ("2024-02-28", false),
            ("2024-02-29", true),
            ("2025-04-30", true),
            ("2025-03-30", false),
        ] {
            let key = world.key(&monthly(31)).await;
            let count = world.run(&again(date)).await.expect("runs");
            assert_eq!(count, i64::from(refilled), "{date}");
            let expected = if refilled { 1000 } else { 100 };
            assert_eq!(world.remaining(&key).await, Some(expected), "{date}");
            // out of the way of the next date
            world.set_remaining(&key, 1000).await;
        }
    });
}

#[test]
fn ref_14_a_key_that_is_no_date_is_refused_at_once_and_reads_nothing() {
    testbed::scenario!("REF-14");
    testbed::run(async {
        let world = World::new().await;
        let key = world.key(&daily()).await;
        for bad in ["2026-02", "abc", "2026-13-01", "2026-02-30"] {
            let ingress = testbed::ingress().await;
            let id = ingress
                .send(SERVICE, bad, "RunRefill", &json!({}), None)
                .await
                .expect("sent");
            let error = ingress.attach(&id).await.expect_err(bad);
            let ApiError::Status {
                status, message, ..
            } = &error
            else {
                panic!("{error:?}");
            };
            assert_eq!(*status, 400, "{bad}");
            assert!(message.starts_with("CW0045: "), "{message}");
            let admin = testbed::admin().await;
            let sql = format!(
                "SELECT entry_type FROM sys_journal WHERE id = '{id}' AND entry_type LIKE 'Command:%' ORDER BY index"
            );
            let journal = admin.query(&sql).await.expect("journal");
            assert_eq!(
                journal,
                [
                    json!({"entry_type": "Command: Input"}),
                    json!({"entry_type": "Command: Output"})
                ],
                "no step, so no statement: {bad}"
            );
            let sql = format!(
                "SELECT retry_count FROM sys_invocation WHERE id = '{id}' AND retry_count > 1"
            );
            assert_eq!(
                admin.query(&sql).await.expect("invocation"),
                Vec::<serde_json::Value>::new()
            );
        }
        assert_eq!(world.remaining(&key).await, Some(100));
        assert_eq!(world.beats(), 0);
    });
}

#[test]
fn a_date_that_begins_soon_is_waited_for_and_one_further_ahead_is_refused() {
    testbed::run(async {
        let world = World::new().await;
        let key = world.key(&daily()).await;
        let day = 86_400_000;
        let midnight = (mysql::now_ms() / day + 1) * day;
        let date = |ms: i64| {
            let at = time::OffsetDateTime::from_unix_timestamp(ms / 1_000).expect("a date");
            at.date().to_string()
        };
        let tomorrow = again(&date(midnight));
        assert_eq!(world.run(&tomorrow).await.expect("waits"), 0);
        assert_eq!(world.remaining(&key).await, Some(100));
        let sql = format!(
            "SELECT * FROM sys_invocation WHERE target_service_name = '{SERVICE}' \
             AND target_service_key = '{tomorrow}' AND status = 'scheduled'"
        );
        let admin = testbed::admin().await;
        let scheduled = admin.query(&sql).await.expect("invocations");
        assert_eq!(scheduled.len(), 1, "{scheduled:?}");
        // all columns: asked for alone, this one comes empty
        let at = scheduled[0]["scheduled_start_at"]
            .as_str()
            .expect("an instant");
        let at = time::OffsetDateTime::parse(at, &time::format_description::well_known::Rfc3339)
            .expect("a time");
        let late = i64::try_from(at.unix_timestamp_nanos() / 1_000_000).expect("ms") - midnight;
        assert!(
            (0..60_000).contains(&late),
            "{late} ms after the date begins"
        );
        let id = scheduled[0]["id"].as_str().expect("an id");
        admin.kill(id).await.expect("killed");

        let error = world
            .run(&again(&date(midnight + day)))
            .await
            .expect_err("too far ahead");
        assert!(error.to_string().contains("CW0046"), "{error}");
        assert_eq!(world.beats(), 0);
    });
}
