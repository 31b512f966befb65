//! Which numbers come out.

use crate::world::*;
use serde_json::json;
use std::collections::BTreeSet;
use std::time::Duration;

#[test]
fn ver_1_the_first_numbers_of_a_region_are_one_and_two() {
    testbed::scenario!("VER-1");
    testbed::run(async {
        let region = region();
        assert_eq!((next(&region).await, next(&region).await), (1, 2));
        testbed::assert_quiet(&[&region]).await;
    });
}

#[test]
fn ver_2_reading_a_fresh_region_gives_nothing_and_writes_nothing() {
    testbed::scenario!("VER-2");
    testbed::run(async {
        let region = region();
        assert_eq!(
            call(&region, "GetVersion", json!({}))
                .await
                .expect("GetVersion"),
            json!({}),
            "0 is left out on the wire"
        );
        assert_eq!(state(testbed::restate().await, &region).await, None);
        assert_eq!(counter(&testbed::db().await, &region).await, None);
    });
}

#[test]
fn ver_3_reading_changes_nothing() {
    testbed::scenario!("VER-3");
    testbed::run(async {
        let region = region();
        for _ in 0..3 {
            next(&region).await;
        }
        assert_eq!((get(&region).await, get(&region).await), (3, 3));
        assert_eq!(
            state(testbed::restate().await, &region).await.as_deref(),
            Some("3"),
            "a bare number, as the existing worker keeps it"
        );
    });
}

#[test]
fn ver_4_two_hundred_at_once_get_each_number_once() {
    testbed::scenario!("VER-4");
    testbed::run(async {
        let region = region();
        next_many(&region, 200, 1).await;
        assert_eq!(get(&region).await, 200);
    });
}

async fn next_many(region: &str, count: u64, from: u64) {
    let all = futures::future::join_all((0..count).map(|_| next(region))).await;
    assert_eq!(
        BTreeSet::from_iter(all),
        BTreeSet::from_iter(from..from + count)
    );
}

#[test]
fn ver_5_regions_count_for_themselves() {
    testbed::scenario!("VER-5");
    testbed::run(async {
        let (one, two) = (region(), region());
        for expected in 1..=4 {
            assert_eq!(next(&one).await, expected);
            assert_eq!(next(&two).await, expected);
        }
    });
}

#[test]
fn ver_9_an_empty_restate_goes_on_above_the_versions_in_the_tables() {
    testbed::scenario!("VER-9");
    testbed::run(async {
        let (db, region) = (testbed::db().await, region());
        topology(db.primary(), &region, 499).await;
        let sentinel = "INSERT INTO sentinels (id, workspace_id, project_id, environment_id, k8s_name, k8s_address, region_id, image, \
             desired_replicas, available_replicas, cpu_millicores, memory_mib, version, created_at) \
             VALUES (?, 'ws', 'proj', ?, ?, ?, ?, 'image', 1, 0, 1, 1, 500, 1)";
        let unique = ids::random(ids::Prefix::SENTINEL);
        let values =
            [&unique, &unique, &unique, &unique, &region].map(|value| value.as_str().into());
        execute(db.primary(), sentinel, values).await;
        let policy = "INSERT INTO cilium_network_policies (id, workspace_id, project_id, app_id, environment_id, deployment_id, k8s_name, \
             k8s_namespace, region_id, policy, version, created_at) VALUES (?, 'ws', 'proj', 'app', 'env', ?, ?, 'ns', ?, '{}', 3, 1)";
        execute(
            db.primary(),
            policy,
            [&unique, &unique, &unique, &region].map(|value| value.as_str().into()),
        )
        .await;
        assert_eq!(get(&region).await, 500, "reading knows the rows too");
        assert_eq!(next(&region).await, 501);
    });
}

#[test]
fn ver_10_a_blocked_region_holds_up_no_other() {
    testbed::scenario!("VER-10");
    testbed::run(async {
        let _alone = alone().await;
        let (db, slow, fast) = (testbed::db().await, region(), region());
        assert_eq!((next(&slow).await, next(&fast).await), (1, 1));
        let blocker = db.begin().await.expect("begin");
        execute(
            &blocker,
            "UPDATE ctrl_worker_region_counters SET v = v WHERE region_id = ?",
            [slow.as_str().into()],
        )
        .await;
        let waiting = tokio::spawn({
            let slow = slow.clone();
            async move { next(&slow).await }
        });
        for expected in 2..=4 {
            let number = tokio::time::timeout(Duration::from_secs(2), next(&fast)).await;
            assert_eq!(
                number.expect("does not wait for the other region"),
                expected
            );
        }
        assert_eq!(
            get(&slow).await,
            1,
            "reading is shared and queues behind nobody"
        );
        assert!(!waiting.is_finished());
        blocker.rollback().await.expect("rollback");
        assert_eq!(waiting.await.expect("no panic"), 2);
        testbed::assert_quiet(&[&slow, &fast]).await;
    });
}

#[test]
fn ver_11_an_empty_object_is_accepted_and_an_unknown_field_refused_when_strict() {
    testbed::scenario!("VER-11");
    testbed::run(async {
        let region = region();
        assert_eq!(
            version(
                &call(&region, "NextVersion", json!({}))
                    .await
                    .expect("an empty object")
            ),
            1
        );
        messages::set_strict(true);
        for handler in ["NextVersion", "GetVersion"] {
            let refused = call(&region, handler, json!({"foo": 1}))
                .await
                .expect_err("an unknown field");
            assert_eq!(refused.status(), Some(400), "{refused}");
        }
        assert_eq!(get(&region).await, 1);
        testbed::assert_quiet(&[&region]).await;
    });
}
