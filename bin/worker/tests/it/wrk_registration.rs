//! Registration with Restate: retried for as long as it takes, and compared.

use std::time::Duration;

use serde_json::{Value, json};

use crate::fake_admin::FakeAdmin;
use crate::process::{PATIENCE, Worker, config};

const PAUSE: Duration = Duration::from_millis(200);

/// The services of this build in the words of the admin API.
async fn registered() -> String {
    let manifest = worker::manifest::of_this_build().await.expect("a manifest");
    let kind = |kind: &str| {
        kind.split('_')
            .map(|w| format!("{}{}", &w[..1], w[1..].to_lowercase()))
            .collect::<String>()
    };
    let services: Vec<Value> = manifest["services"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|s| {
            let private = s["ingressPrivate"] == true;
            let handlers: Vec<Value> = s["handlers"]
                .as_array()
                .expect("a list")
                .iter()
                .map(|h| {
                    // Restate says no kind for the handlers of a service without keys
                    let usual = (s["ty"] != "SERVICE").then_some("EXCLUSIVE");
                    json!({ "name": h["name"], "ty": h["ty"].as_str().or(usual).map(kind), "public": !private && h["ingressPrivate"] != true })
                })
                .collect();
            json!({ "name": s["name"], "ty": kind(s["ty"].as_str().expect("a type")), "public": !private,
                    "revision": 1, "deployment_id": "dp_1", "handlers": handlers })
        })
        .collect();
    json!({ "id": "dp_1", "services": services }).to_string()
}

async fn start(admin: &FakeAdmin, more: &str) -> Worker {
    let database = testbed::migrated_database("registration").await;
    let lines = format!(
        "admin_url = \"http://{0}\"\ningress_url = \"http://{0}\"\n{more}",
        admin.address
    );
    let timings = format!(
        "[test_timings.registration]\npause = \"{}ms\"",
        PAUSE.as_millis()
    );
    Worker::start(&config(&database.dsn, &lines, &timings))
}

fn posts(admin: &FakeAdmin) -> Vec<crate::fake_admin::Asked> {
    admin
        .asked()
        .into_iter()
        .filter(|a| a.line == "POST /deployments")
        .collect()
}

#[test]
fn wrk_13_registration_is_tried_again_until_it_succeeds() {
    testbed::scenario!("WRK-13");
    testbed::run(async {
        assert_eq!(worker::registration::PAUSE, Duration::from_secs(5));
        let failing = || (500, json!({ "message": "not now" }).to_string());
        let admin = FakeAdmin::start(vec![
            failing(),
            failing(),
            failing(),
            (201, registered().await),
        ])
        .await;
        let mut worker = start(
            &admin,
            "register_as = \"http://worker:9080\"\napi_key = \"k3y\"",
        )
        .await;
        worker.logged("registered with Restate").await;
        let posts = posts(&admin);
        let lines: Vec<_> = admin.asked().into_iter().map(|a| a.line).collect();
        assert_eq!(posts.len(), 4, "{lines:?}");
        for asked in &posts {
            let body: Value = serde_json::from_str(&asked.body).expect("JSON");
            assert_eq!(body, json!({ "uri": "http://worker:9080", "force": true }));
            let header = |name: &str| {
                asked
                    .headers
                    .get(name)
                    .and_then(|v| v.to_str().ok())
                    .unwrap_or_default()
                    .to_owned()
            };
            assert_eq!(
                (header("content-type"), header("authorization")),
                ("application/json".into(), "Bearer k3y".into())
            );
        }
        assert!(
            posts
                .windows(2)
                .all(|pair| pair[1].at - pair[0].at >= PAUSE)
        );
        assert!(worker.runs());
        assert!(!worker.lines().join("").contains("k3y"));
    });
}

#[test]
fn wrk_14_a_restate_that_stays_away_costs_readiness_and_not_the_process() {
    testbed::scenario!("WRK-14");
    testbed::run(async {
        let admin =
            FakeAdmin::start(vec![(500, json!({ "message": "not now" }).to_string())]).await;
        let mut worker = start(&admin, "register_as = \"http://worker:9080\"").await;
        testbed::eventually(PATIENCE, || async { posts(&admin).len() > 10 }).await;
        let (status, body) = worker.get("/health/ready").await;
        assert_eq!((status, &body["status"]), (503, &json!("fail")));
        assert!(
            body["checks"]["restate_registration"]
                .as_str()
                .is_some_and(|t| t.contains("not now")),
            "{body}"
        );
        assert!(worker.runs());
    });
}

#[test]
fn wrk_15_without_an_address_nothing_is_registered() {
    testbed::scenario!("WRK-15");
    testbed::run(async {
        let admin = FakeAdmin::start(vec![(200, "{}".to_owned())]).await;
        let worker = start(&admin, "").await;
        worker.ready().await;
        tokio::time::sleep(2 * PAUSE).await;
        assert_eq!(posts(&admin).len(), 0);
        let (_, body) = worker.get("/health/ready").await;
        assert_eq!(body["checks"]["restate_registration"], Value::Null);
    });
}

#[test]
fn a_restate_that_knows_other_services_is_told_in_readiness() {
    testbed::run(async {
        let other = registered()
            .await
            .replace("\"NextVersion\"", "\"LastVersion\"");
        let admin = FakeAdmin::start(vec![(200, other)]).await;
        let worker = start(&admin, "register_as = \"http://worker-{version}:{port}\"").await;
        worker.logged("not registered with Restate").await;
        let (status, body) = worker.get("/health/ready").await;
        let said = body["checks"]["restate_registration"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        assert_eq!(status, 503);
        for part in [
            "NextVersion is unknown to Restate",
            "LastVersion is known to Restate",
            "{version}",
        ] {
            assert!(said.contains(part), "no {part:?} in {said}");
        }
        let body: Value = serde_json::from_str(&posts(&admin)[0].body).expect("JSON");
        let port = worker.address().await.port();
        let version = worker::VERSION.replace('.', "-");
        assert_eq!(
            body,
            json!({ "uri": format!("http://worker-{version}:{port}"), "force": false })
        );
    });
}
