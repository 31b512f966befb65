//! The periodic jobs in the process: armed without a cron, and reached under every name a cron may call.

use scheduler_client::SERVICE;
use serde_json::{Value, json};
use testbed::{Restate, RestateOptions};

use crate::process::{PATIENCE, Worker, config};

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
