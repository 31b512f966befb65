//! The periodic jobs in the process: armed without a cron, reached under every name a cron may call, and alerts that use
//! only names that are served.

use std::collections::BTreeSet;

use scheduler_client::{JOBS, SERVICE};
use serde_json::{Value, json};
use testbed::{Restate, RestateOptions};

use crate::process::{PATIENCE, Worker, config};

/// Every job is on: nothing listens at these addresses, and nobody asks them in these tests.
const ALL_ON: &str = "[clickhouse]\nurl = \"http://127.0.0.1:9\"\n";

struct Running {
    worker: Worker,
    restate: Restate,
}

async fn running(label: &str, sections: &str) -> Running {
    let database = testbed::migrated_database(label).await;
    let restate = Restate::start(RestateOptions::default())
        .await
        .expect("Restate starts");
    let lines = format!(
        "admin_url = \"{}\"\ningress_url = \"{}\"\nregister_as = \"http://127.0.0.1:{{port}}\"",
        restate.admin_url, restate.ingress_url
    );
    let timings = "[test_timings.scheduler]\nrearm = \"300ms\"\nlook = \"50ms\"\n\
                   [observability.metrics]\nlisten = \"127.0.0.1:0\"\n";
    let sections = format!("{timings}{sections}");
    let worker = Worker::start(&config(&database.dsn, &lines, &sections));
    worker.ready().await;
    Running { worker, restate }
}

impl Running {
    async fn status(&self, job: &str) -> Option<Value> {
        let ingress = self.restate.ingress();
        ingress.call(SERVICE, job, "Status", &json!({})).await.ok()
    }

    /// Waits until a job stands as wanted.
    async fn stands(&self, job: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        testbed::eventually(PATIENCE, || async {
            let status = self.status(job).await;
            match status {
                Some(status) if wanted(&status) => Ok(status),
                other => Err((other, self.worker.lines())),
            }
        })
        .await
    }
}

#[test]
fn a_fresh_installation_is_armed_without_a_cron_and_says_what_is_off() {
    testbed::run(async {
        let running = running("armed", "").await;
        let refill = running.stands("key-refill", |s| s["enabled"] == true).await;
        let next: i64 = refill["nextAtMs"]
            .as_str()
            .and_then(|t| t.parse().ok())
            .expect("a time");
        assert_eq!(next % 86_400_000, 0, "midnight");
        for (job, because) in [
            ("quota-check", "clickhouse.url is not set"),
            ("certificate-renewal", "acme.enabled is false"),
            ("key-last-used-sync", "clickhouse.url is not set"),
        ] {
            let status = running.stands(job, |s| !s["offBecause"].is_null()).await;
            assert_eq!(status["offBecause"], because, "{job}");
        }
    });
}

#[test]
fn a_clock_that_is_turned_off_disarms_what_an_earlier_worker_armed() {
    testbed::run(async {
        let running = running("disarmed", "[scheduler]\nenabled = false\n").await;
        let arm = json!({ "enabled": true });
        let ingress = running.restate.ingress();
        let armed = ingress.call(SERVICE, "key-refill", "Arm", &arm).await;
        armed.expect("armed");
        let status = running
            .stands("key-refill", |s| s["enabled"].is_null())
            .await;
        assert_eq!(status["offBecause"], "scheduler.enabled is false");
        assert_eq!(status["nextAtMs"], Value::Null);
    });
}

/// Both forms of the job table, as a cron calls them.
const PATHS: [(&str, &str); 9] = [
    (
        "hydra.v1.KeyLastUsedSyncService/RunSync",
        "key-last-used-sync-2020-01-31T00:00",
    ),
    (
        "hydra.v1.KeyRefillService/2020-01-31/RunRefill",
        "key-refill-2020-01-31",
    ),
    (
        "hydra.v1.QuotaCheckService/2020-01/RunCheck",
        "quota-check-2020-01-31",
    ),
    (
        "hydra.v1.CertificateService/global/RenewExpiringCertificates",
        "cert-renewal-2020-01-31",
    ),
    (
        "hydra.v1.DeployService/scale-down-idle/ScaleDownIdlePreviewDeployments",
        "scale-down-2020-01-31T00:00",
    ),
    (
        "hydra.v1.CronService/key-last-used-sync/RunKeyLastUsedSync",
        "key-last-used-sync-2020-01-31T00:00",
    ),
    (
        "hydra.v1.CronService/2020-01-31/RunKeyRefill",
        "key-refill-2020-01-31",
    ),
    (
        "hydra.v1.CronService/quota-check-2020-01/RunQuotaCheck",
        "quota-check-2020-01-31",
    ),
    (
        "hydra.v1.CronService/idle-preview-deployments/RunScaleDownIdlePreviewDeployments",
        "idle-preview-deployments-2020-01-31T00:00",
    ),
];

#[test]
fn api_19_every_path_a_cron_calls_is_accepted_and_leads_to_the_jobs_service() {
    testbed::scenario!("API-19");
    testbed::run(async {
        let running = running("paths", "").await;
        let client = reqwest::Client::new();
        for (path, once) in PATHS {
            let url = format!("{}/{path}/send", running.restate.ingress_url);
            let send = || {
                client
                    .post(&url)
                    .header("content-type", "application/json")
                    .header("idempotency-key", once)
                    .body("{}")
            };
            let response = send().send().await.expect("answered");
            assert_eq!(response.status().as_u16(), 202, "{path}");
            let answer: Value = response.json().await.expect("JSON");
            assert_eq!(answer["status"], "Accepted", "{path}");
            // a retry of the cron is the same run
            let again: Value = send()
                .send()
                .await
                .expect("answered")
                .json()
                .await
                .expect("JSON");
            assert_eq!(again["invocationId"], answer["invocationId"], "{path}");
        }
        // the refill, which needs nothing outside, ends well under either name
        for path in [PATHS[1].0, PATHS[6].0] {
            let url = format!("{}/{path}", running.restate.ingress_url);
            let response = client
                .post(&url)
                .body("{}")
                .header("content-type", "application/json")
                .send()
                .await;
            assert_eq!(response.expect("answered").status().as_u16(), 200, "{path}");
        }
        let sql = "SELECT target_handler_name AS h FROM sys_invocation WHERE target_service_name = 'hydra.v1.KeyRefillService'";
        let rows = running
            .restate
            .admin()
            .query(sql)
            .await
            .expect("invocations");
        assert!(
            rows.len() >= 2 && rows.iter().all(|r| r["h"] == "RunRefill"),
            "{rows:?}"
        );
    });
}

/// Names of families, and label values of `kind`, in the expressions of a rule file.
fn used(rules: &str) -> (BTreeSet<String>, BTreeSet<String>) {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let comments = |line: &&str| !line.trim_start().starts_with('#');
    let text: String = rules
        .lines()
        .filter(comments)
        .collect::<Vec<_>>()
        .join("\n");
    let names = text
        .split(|c| !word(c))
        .filter(|w| {
            ["ctrl_worker_", "unkey_", "process_"]
                .iter()
                .any(|p| w.starts_with(p))
        })
        .map(str::to_owned)
        .collect();
    let kinds = text
        .split("{kind=")
        .skip(1)
        .filter_map(|rest| rest.split('"').nth(1))
        .flat_map(|value| value.split('|').map(str::to_owned).collect::<Vec<_>>())
        .collect();
    (names, kinds)
}

#[test]
fn alerts_use_only_names_and_kinds_that_are_served() {
    testbed::run(async {
        let running = running("alerts", ALL_ON).await;
        // one run, so that what is counted per run is there
        let ingress = running.restate.ingress();
        let started = ingress.call(SERVICE, "key-refill", "Run", &json!({})).await;
        let invocation = started.expect("started")["invocationId"]
            .as_str()
            .expect("an id")
            .to_owned();
        ingress.attach(&invocation).await.expect("ends");
        let rules = std::fs::read_to_string(testbed::repository().join("deploy/alerts/jobs.yaml"))
            .expect("the rules");
        let (names, kinds) = used(&rules);
        assert!(names.len() >= 4, "{names:?}");
        assert_eq!(
            kinds,
            JOBS.iter().map(|j| (*j).to_owned()).collect(),
            "every job has an alert"
        );
        let url = format!("http://{}/metrics", running.worker.metrics_address().await);
        testbed::eventually(PATIENCE, || async {
            let text = reqwest::get(&url).await.ok()?.text().await.ok()?;
            let served = |name: &str| {
                text.lines().any(|line| {
                    line.strip_prefix(name)
                        .is_some_and(|rest| rest.starts_with(['{', ' ']))
                })
            };
            let missing: Vec<&String> = names.iter().filter(|name| !served(name)).collect();
            let gauges = [
                "ctrl_worker_job_enabled",
                "ctrl_worker_oldest_active_seconds",
            ];
            let unseen: Vec<&String> = kinds
                .iter()
                .filter(|kind| {
                    !gauges
                        .iter()
                        .all(|g| text.contains(&format!("{g}{{kind=\"{kind}\"}}")))
                })
                .collect();
            (missing.is_empty() && unseen.is_empty()).then_some(())
        })
        .await;
        let (names, _) =
            used("expr: ctrl_worker_job_sucess{kind=\"x\"} > 1\n# ctrl_worker_not_this\n");
        assert_eq!(
            names.into_iter().collect::<Vec<_>>(),
            ["ctrl_worker_job_sucess"],
            "a misspelt name is seen"
        );
    });
}
