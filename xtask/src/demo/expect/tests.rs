//! The judgement is judged: a good story breaks nothing, each single fault is named.

use std::collections::BTreeMap;

use serde_json::json;

use super::*;

fn read(live: &str, newest: &str, ids: &[&str], rolled_back: i32) -> Value {
    let mut routes = vec![
        json!({ "host": "live", "sticky": "live", "deployment_id": live }),
        json!({ "host": "env", "sticky": "environment", "deployment_id": live }),
        json!({ "host": "branch", "sticky": "branch", "deployment_id": newest }),
    ];
    let mut deployments = Vec::new();
    for id in ids {
        for sticky in ["none", "deployment"] {
            routes.push(
                json!({ "host": format!("{id}-{sticky}"), "sticky": sticky, "deployment_id": id }),
            );
        }
        let topology = REGIONS.map(|r| json!({ "region": r, "desired_status": "running" }));
        let steps = json!([{ "step": "starting", "ended": 1, "error": null }]);
        deployments.push(json!({
            "id": id, "image": format!("img:{id}"), "status": "ready", "desired_state": "running",
            "steps": steps, "topology": topology,
        }));
    }
    json!({
        "database": {
            "app": { "live_deployment_id": live, "rolled_back": rolled_back },
            "deployments": deployments, "routes": routes,
            "keys": { "total": 42, "refilled": 42, "audited": 42 },
        },
        "restate": { "in_flight": [] },
    })
}

pub(super) fn good() -> Told {
    let answer = |when: &str, id: &str| json!({ "when": when, "status": 200, "answer": id });
    Told {
        app: "a/b/c".to_owned(),
        images: ["img:d_1".to_owned(), "img:d_2".to_owned()],
        due_keys: 42,
        jobs: JOBS
            .iter()
            .map(|job| json!({ "job": job, "state": "on", "next_run_at": "2026-03-02T00:00:00Z" }))
            .collect(),
        refills: [42, 0]
            .iter()
            .map(|items| json!({ "run": { "outcome": "succeeded", "items": items } }))
            .collect(),
        reads: BTreeMap::from([
            (FIRST, read("d_1", "d_1", &["d_1"], 0)),
            (SECOND, read("d_2", "d_2", &["d_1", "d_2"], 0)),
            (PROMOTED, read("d_1", "d_2", &["d_1", "d_2"], 0)),
            (ROLLED_BACK, read("d_2", "d_2", &["d_1", "d_2"], 1)),
        ]),
        answers: vec![
            answer(FIRST, "d_1"),
            answer(SECOND, "d_2"),
            answer(PROMOTED, "d_1"),
            answer(ROLLED_BACK, "d_2"),
        ],
        domain: json!({
            "host": "www.a.test", "status": "verified",
            "certificate": { "names": ["www.a.test"], "issuer": "CN=A", "serial": "0a" },
            "https_before": { "error": "no certificate" },
            "https_after": {
                "status": 200, "body": "d_2", "serial": "0a", "stored_serial": "0a", "issuer": "CN=A",
                "is_the_stored_one": true,
            },
        }),
        push: Value::Null,
        no_builds: None,
        cut_short: None,
    }
}

pub(super) fn broken(told: &Told) -> Vec<String> {
    judge(told)
        .into_iter()
        .filter(|e| !e.held)
        .map(|e| e.what)
        .collect()
}

#[test]
fn a_story_as_it_should_be_breaks_nothing() {
    assert_eq!(broken(&good()), [""; 0]);
    assert!(judge(&good()).len() > 40);
}

#[test]
fn each_thing_that_is_wrong_is_named() {
    let change = |when: &'static str, path: &str, value: Value| {
        let mut told = good();
        let place = told
            .reads
            .get_mut(when)
            .and_then(|read| read.pointer_mut(path))
            .expect(path);
        *place = value;
        broken(&told)
    };
    let cases = [
        (
            ROLLED_BACK,
            "/database/deployments/1/status",
            json!("failed"),
            "the second deployment is ready",
        ),
        (
            ROLLED_BACK,
            "/database/deployments/0/topology",
            json!([]),
            "the first deployment has one topology row per region",
        ),
        (
            ROLLED_BACK,
            "/database/app/rolled_back",
            json!(0),
            "after the rollback, a rollback holds the app",
        ),
        (
            PROMOTED,
            "/database/app/live_deployment_id",
            json!("d_2"),
            "after the promote, the first deployment is live",
        ),
        (
            PROMOTED,
            "/database/routes/0/deployment_id",
            json!("d_2"),
            "after the promote, every `live` route leads where it should",
        ),
        (
            PROMOTED,
            "/database/routes/2/deployment_id",
            json!("d_1"),
            "after the promote, every `branch` route leads where it should",
        ),
        (
            SECOND,
            "/database/routes/3/deployment_id",
            json!("d_2"),
            "after the second deployment, every `none` route leads where it should",
        ),
        (
            ROLLED_BACK,
            "/restate/in_flight",
            json!([{ "status": "paused" }]),
            "nothing is running, paused or backing off in Restate",
        ),
    ];
    for (when, path, value, what) in cases {
        assert_eq!(change(when, path, value), [what], "{path}");
    }
}

#[test]
fn a_store_that_is_gone_and_a_story_cut_short_are_named() {
    let mut told = good();
    told.cut_short = Some("no database".to_owned());
    told.reads.insert(
        ROLLED_BACK,
        json!({ "database": { "error": "refused" }, "restate": { "in_flight": [] } }),
    );
    assert_eq!(
        broken(&told),
        ["the story reaches its end", "the database answers"]
    );
}

#[test]
fn another_deployment_answering_is_named() {
    let mut told = good();
    told.answers[2]["answer"] = json!("d_2");
    assert_eq!(
        broken(&told),
        ["after the promote, GET of the live host answers the first deployment"]
    );
}

#[test]
fn a_domain_without_its_certificate_is_named() {
    let change = |path: &str, value: Value| {
        let mut told = good();
        *told.domain.pointer_mut(path).expect(path) = value;
        broken(&told)
    };
    assert_eq!(
        change("/https_before", json!({ "status": 200 })),
        ["before there is a certificate, the domain cannot be fetched over TLS"]
    );
    assert_eq!(
        change("/status", json!("verifying")),
        ["the custom domain is verified"]
    );
    assert_eq!(
        change("/https_after/body", json!("d_1")),
        ["fetched over TLS, the domain answers with the live deployment"]
    );
    for (path, value) in [
        ("/https_after/is_the_stored_one", json!(false)),
        ("/https_after/stored_serial", json!("0b")),
        ("/certificate/serial", json!("0b")),
    ] {
        assert_eq!(
            change(path, value),
            ["a client that trusts only the authority's root is shown the stored certificate"]
        );
    }
    assert_eq!(
        change("/certificate/issuer", json!("CN=B")),
        ["the certificate names the domain and its issuer"]
    );
}

#[test]
fn a_refill_that_counts_wrong_or_leaves_no_trace_is_named() {
    let change = |change: &dyn Fn(&mut Told)| {
        let mut told = good();
        change(&mut told);
        broken(&told)
    };
    let first = "the first refill by hand counts 42 keys";
    let second = "the second refill by hand counts 0 keys";
    assert_eq!(
        change(&|t| t.refills[0]["run"]["items"] = json!(41)),
        [first]
    );
    assert_eq!(
        change(&|t| t.refills[1]["run"]["items"] = json!(42)),
        [second]
    );
    assert_eq!(
        change(&|t| t.refills[1]["run"]["outcome"] = json!("failed")),
        [second]
    );
    assert_eq!(change(&|t| t.refills.clear()), [first, second]);
    assert_eq!(
        change(&|t| t.jobs[0]["state"] = json!("off")),
        ["the refill is on and next at midnight UTC"]
    );
    assert_eq!(
        change(&|t| t.jobs = json!([t.jobs[0]])),
        ["`ctl jobs` lists the five jobs"]
    );
    let keys = |name: &'static str| {
        change(&move |t: &mut Told| {
            let read = t.reads.get_mut(ROLLED_BACK).expect("read");
            read["database"]["keys"][name] = json!(41);
        })
    };
    assert_eq!(keys("refilled"), ["every key that was due is refilled"]);
    assert_eq!(keys("audited"), ["every refill has one audit row"]);
}
