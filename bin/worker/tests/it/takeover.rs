//! What a worker takes over from the one before it: the whole of it rehearsed, and the way back.
//!
//! Not for what a handler does with a state of any form: each service's own tests show that.

mod existing;
mod objects;
mod outcomes;
mod rehearsal;

use std::process::Command;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use mysql::counter;
use serde_json::json;
use worker::takeover::raise_versions;

use crate::process::Worker;
use existing::{EFFECTS, GATE, VERSIONING};
use objects::Object;
use rehearsal::{SOON, World};

const FILES: [&str; 9] = [
    "DeploymentService.standby",
    "DeploymentService.superseded",
    "DeploymentService.live-again",
    "VersioningService.ahead",
    "VersioningService.behind",
    "KeyRefillService.half-done",
    "QuotaCheckService.one-told",
    "KeyLastUsedPartitionService.cursors",
    "GitHubStatusService.deploying",
];

/// In the order of `docs/takeover.md`, whose commands these are.
#[test]
fn a_takeover_is_rehearsed_and_the_way_back() {
    testbed::run(async {
        let mut world = World::new().await;
        let before = testbed::serve_on(&world.restate, existing::endpoint()).await;
        let _driver = testbed::serve_on(&world.restate, existing::driver()).await;
        let theirs = world.deployment_of(VERSIONING).await;
        for file in FILES {
            Object::read(file, &world).put(&world).await;
        }
        let ingress = world.restate.ingress();
        let body = json!({ "region": world.name("<region ahead>") });
        let deploy = ingress.send("hydra.v1.DeployService", "ws_1", "Deploy", &body, None);
        let deploy = deploy.await.expect("sent");
        let nothing = json!({});
        let verify = ingress.send(
            "hydra.v1.CustomDomainService",
            "dom_1",
            "VerifyDomain",
            &nothing,
            None,
        );
        let verify = verify.await.expect("sent");
        let gate = testbed::eventually(SOON, || async {
            let gate = GATE.lock().unwrap_or_else(PoisonError::into_inner);
            gate.clone().ok_or("it does not wait yet")
        })
        .await;

        let mut worker = Worker::start(&world.configuration());
        worker.ready().await;
        let ours = world.deployment_of(VERSIONING).await;
        assert_ne!(ours, theirs, "an address of its own");
        world.versions().await;
        world.refill().await;
        world.quota().await;
        world.last_used().await;
        world.statuses().await;

        // What began at the existing worker ends there, and its calls come here.
        assert_eq!(
            world.pinned(&theirs).await,
            2,
            "a Deploy and a verification are left to drain"
        );
        ingress
            .resolve_awakeable(&gate, &json!(true))
            .await
            .expect("resolved");
        let ended = ingress.attach(&deploy).await.expect("it ends");
        assert_eq!(ended, json!({ "version": "43" }));
        assert_eq!(
            EFFECTS.load(Ordering::Relaxed),
            1,
            "its step was not repeated"
        );
        world.cancelled(&verify).await;
        world.standbys().await;
        assert_eq!(world.pinned(&theirs).await, 0, "drained");
        world.note(
            "DeployService, no state",
            "a Deploy in flight",
            "ended at the existing worker; the version it asked for came from here",
        );

        // The way back, before the old deployment is removed: nothing in flight, the counters, the old address again.
        testbed::eventually(SOON, || async {
            // a check of the domain may be on its way
            let (good, said) = hand_back(&worker);
            let all = said.contains("handed back the version counters of 2 regions");
            (good && all).then_some(()).ok_or(said)
        })
        .await;
        let admin = world.restate.admin();
        admin.register(&before.url, true).await.expect("registered");
        assert_eq!(world.deployment_of(VERSIONING).await, theirs);
        let region = world.name("<region ahead>");
        let next = world.pass(VERSIONING, region, "NextVersion", "{}").await;
        assert_eq!(next, json!({ "version": "45" }), "above every row");

        // And here again, for good.
        worker.terminate();
        assert!(worker.ended().await.success());
        let worker = Worker::start(&world.configuration());
        worker.ready().await;
        let next = world.pass(VERSIONING, region, "NextVersion", "{}").await;
        assert_eq!(next, json!({ "version": "46" }));
        admin.remove_deployment(&theirs).await.expect("removed");
        drop(before);
        let next = world.pass(VERSIONING, region, "NextVersion", "{}").await;
        assert_eq!(next, json!({ "version": "47" }));

        let page = testbed::repository().join("docs/takeover.md");
        let page = std::fs::read_to_string(page).expect("the page");
        for (object, left, outcome) in &world.outcomes {
            let line = format!("| {object} | {left} | {outcome} |");
            println!("{line}");
            assert!(page.contains(&line), "not in docs/takeover.md: {line}");
        }
    });
}

/// `worker hand-back` with the configuration of a running worker: whether it did it, and what it said.
fn hand_back(worker: &Worker) -> (bool, String) {
    let done = Command::new(env!("CARGO_BIN_EXE_worker"))
        .arg("hand-back")
        .arg("--config")
        .arg(worker.config_path())
        .output()
        .expect("it runs");
    let said = [done.stdout, done.stderr].concat();
    (
        done.status.success(),
        String::from_utf8_lossy(&said).into_owned(),
    )
}

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
