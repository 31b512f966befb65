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
        },
        "restate": { "in_flight": [] },
    })
}

fn good() -> Told {
    let answer = |when: &str, id: &str| json!({ "when": when, "status": 200, "answer": id });
    Told {
        app: "a/b/c".to_owned(),
        images: ["img:d_1".to_owned(), "img:d_2".to_owned()],
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
        cut_short: None,
    }
}

fn broken(told: &Told) -> Vec<String> {
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
