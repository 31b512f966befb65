//! A running cluster changes hands in the middle of a refill: what the existing worker did is not done again.

use crate::world::*;
use faults::http::Script;
use key_refill::Settings;
use key_refill_client::SERVICE;
use serde_json::json;

/// Leaves the state of the existing worker: a map of key ids.
async fn processed(date: &str, ids: &[&String]) {
    let map: serde_json::Map<_, _> = ids.iter().map(|id| ((*id).clone(), json!(true))).collect();
    let text = serde_json::Value::Object(map).to_string();
    let body = json!({"object_key": date, "new_state": {"processed_keys": text.as_bytes()}});
    let url = testbed::restate().await.admin_url.clone();
    let answer = reqwest::Client::new()
        .post(format!("{url}/services/{SERVICE}/state"))
        .json(&body)
        .send()
        .await
        .expect("the admin API answers");
    assert!(answer.status().is_success(), "{}", answer.status());
    testbed::eventually(SOON, || async {
        let sql = format!(
            "SELECT key FROM state WHERE service_name = '{SERVICE}' AND service_key = '{date}'"
        );
        testbed::admin()
            .await
            .query(&sql)
            .await
            .expect("state")
            .len()
            == 1
    })
    .await;
}

async fn honoured_once(settings: Settings) {
    let world = World::with(settings, Script::new().answer(200, "ok")).await;
    let keys = world.keys(&daily(), 7).await;
    let date = again("2025-06-14");
    processed(&date, &[&keys[1], &keys[4]]).await;
    assert_eq!(world.run(&date).await.expect("runs"), 5);
    for (n, key) in keys.iter().enumerate() {
        let theirs = n == 1 || n == 4;
        let expected = if theirs { 100 } else { 1000 };
        assert_eq!(world.remaining(key).await, Some(expected), "{n}");
        assert_eq!(world.audits_of(key).await, i64::from(!theirs), "{n}");
    }
    assert!(world.state(&date).await.is_empty(), "cleared");
    // Once: the state is gone, and what is due is due.
    assert_eq!(world.run(&date).await.expect("runs"), 2);
}

#[test]
fn keys_the_existing_worker_refilled_are_left_out_once() {
    testbed::run(honoured_once(small()));
}

#[test]
fn a_large_population_leaves_them_out_as_well() {
    let settings = Settings {
        chunk: 2,
        range: 3,
        lanes: 3,
        ..Settings::default()
    };
    testbed::run(honoured_once(settings));
}
