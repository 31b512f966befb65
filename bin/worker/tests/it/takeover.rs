//! What a worker takes over from the one before it.

use mysql::counter;
use worker::takeover::raise_versions;

#[test]
fn counters_kept_in_restate_lift_the_rows_and_nothing_lowers_them() {
    testbed::run(async {
        let database = testbed::migrated_database("takeover").await;
        let db = mysql::Db::connect(&mysql::Options::new(database.dsn))
            .await
            .expect("connect");
        let restate = testbed::Restate::start(testbed::RestateOptions::default())
            .await
            .expect("restate");
        let endpoint = restate_sdk::endpoint::Endpoint::builder()
            .bind(versioning_client::VersioningService(
                versioning::Versioning::new(db.clone()),
            ))
            .build();
        let _served = testbed::serve_on(&restate, endpoint).await;
        let admin = restate.admin();
        // Exactly as the worker before writes it: a bare JSON number.
        for (region, value) in [("rgn_a", "41"), ("rgn_b", "7")] {
            put_state(&restate.admin_url, region, value).await;
        }
        let set = async |region: &str, v: u64| {
            let tx = db.begin().await.expect("begin");
            counter::raise(&tx, region, v).await.expect("raise");
            tx.commit().await.expect("commit");
        };
        set("rgn_b", 100).await;

        let raised = testbed::eventually(std::time::Duration::from_secs(5), || async {
            let raised = raise_versions(&db, &admin).await?;
            let a = counter::read(db.primary(), "rgn_a")
                .await
                .map_err(|e| e.to_string())?;
            (a == 41).then_some(raised).ok_or(format!("rgn_a at {a}"))
        })
        .await;
        assert!(raised <= 1, "only rgn_a was behind");
        assert_eq!(
            counter::read(db.primary(), "rgn_b").await.expect("read"),
            100
        );
        let tx = db.begin().await.expect("begin");
        assert_eq!(counter::next(&tx, "rgn_a").await.expect("next"), 42);
        tx.commit().await.expect("commit");
        assert_eq!(
            raise_versions(&db, &admin).await,
            Ok(0),
            "nothing to do the second time"
        );
    });
}

async fn put_state(admin_url: &str, key: &str, value: &str) {
    let body =
        serde_json::json!({ "object_key": key, "new_state": { "version": value.as_bytes() } });
    let url = format!("{admin_url}/services/hydra.v1.VersioningService/state");
    let answer = reqwest::Client::new()
        .post(url)
        .json(&body)
        .send()
        .await
        .expect("post");
    assert!(answer.status().is_success(), "{}", answer.status());
}
