//! What is served on `/discover`, compared with the contracts, and who may call it.

use std::collections::BTreeMap;

use messages::contract::{Handler, HandlerKind};
use messages::hydra::v1::NextVersionRequest;
use restate_sdk::prelude::*;
use serde_json::{Value, json};
use versioning_client::VersioningClient;

use crate::process::{NO_RESTATE, Worker, config};

/// Every contract whose service is bound so far.
const CONTRACTS: &[(&str, &[Handler])] = &[
    (app_client::SERVICE, app_client::HANDLERS),
    (build_client::SERVICE, build_client::HANDLERS),
    (build_slot_client::SERVICE, build_slot_client::HANDLERS),
    (certificate_client::SERVICE, certificate_client::HANDLERS),
    (
        clickhouse_user_client::SERVICE,
        clickhouse_user_client::HANDLERS,
    ),
    (cron_client::SERVICE, cron_client::HANDLERS),
    (
        custom_domain_client::SERVICE,
        custom_domain_client::HANDLERS,
    ),
    (deploy_client::SERVICE, deploy_client::HANDLERS),
    (deployment_client::SERVICE, deployment_client::HANDLERS),
    (environment_client::SERVICE, environment_client::HANDLERS),
    (
        github_comment_client::SERVICE,
        github_comment_client::HANDLERS,
    ),
    (
        github_status_client::SERVICE,
        github_status_client::HANDLERS,
    ),
    (
        github_webhook_client::SERVICE,
        github_webhook_client::HANDLERS,
    ),
    (
        key_last_used_partition_client::SERVICE,
        key_last_used_partition_client::HANDLERS,
    ),
    (
        key_last_used_sync_client::SERVICE,
        key_last_used_sync_client::HANDLERS,
    ),
    (key_refill_client::SERVICE, key_refill_client::HANDLERS),
    (openapi_client::SERVICE, openapi_client::HANDLERS),
    (project_client::SERVICE, project_client::HANDLERS),
    (quota_check_client::SERVICE, quota_check_client::HANDLERS),
    (routing_client::SERVICE, routing_client::HANDLERS),
    (scheduler_client::SERVICE, scheduler_client::HANDLERS),
    (versioning_client::SERVICE, versioning_client::HANDLERS),
];

/// Name → (kind, private), as the manifest says it.
fn handlers(service: &Value) -> BTreeMap<String, (String, bool)> {
    let private = service["ingressPrivate"] == true;
    let list = service["handlers"].as_array().expect("a list of handlers");
    list.iter()
        .map(|h| {
            let name = h["name"].as_str().expect("a name").to_owned();
            // What a manifest leaves out means the most usual kind.
            let usual = if service["ty"] == "VIRTUAL_OBJECT" {
                "EXCLUSIVE"
            } else {
                "STATELESS"
            };
            (
                name,
                (
                    h["ty"].as_str().unwrap_or(usual).to_owned(),
                    private || h["ingressPrivate"] == true,
                ),
            )
        })
        .collect()
}

fn expected(handlers: &[Handler]) -> BTreeMap<String, (String, bool)> {
    let kind = |kind| match kind {
        HandlerKind::Exclusive => "EXCLUSIVE",
        HandlerKind::Shared => "SHARED",
        HandlerKind::Stateless => "STATELESS",
    };
    handlers
        .iter()
        .map(|h| (h.name.to_owned(), (kind(h.kind).to_owned(), h.private)))
        .collect()
}

#[test]
fn wrk_8_the_served_manifest_is_that_of_the_contracts() {
    testbed::scenario!("WRK-8");
    testbed::run(async {
        let database = testbed::migrated_database("manifest").await;
        let worker = Worker::start(&config(&database.dsn, NO_RESTATE, ""));
        worker.logged("started").await;
        let response = reqwest::Client::new()
            .get(format!("http://{}/discover", worker.address().await))
            .header("accept", "application/vnd.restate.endpointmanifest.v4+json")
            .send()
            .await
            .expect("answered");
        let mut served: Value = response.json().await.expect("JSON");
        let mut services = served["services"].take();
        services
            .as_array_mut()
            .expect("a list")
            .sort_by_key(|s| s["name"].to_string());

        let names: Vec<&str> = services
            .as_array()
            .expect("a list")
            .iter()
            .filter_map(|s| s["name"].as_str())
            .collect();
        let mut wanted: Vec<&str> = CONTRACTS.iter().map(|(name, _)| *name).collect();
        wanted.sort_unstable();
        assert_eq!(names, wanted);
        let list = services.as_array().expect("a list");
        for (name, contract) in CONTRACTS {
            let service = list.iter().find(|s| s["name"] == *name).expect("served");
            let object = contract.iter().all(|h| h.kind != HandlerKind::Stateless);
            assert_eq!(
                service["ty"],
                if object { "VIRTUAL_OBJECT" } else { "SERVICE" },
                "{name}"
            );
            assert_eq!(handlers(service), expected(contract), "{name}");
            // Nothing is left to a server's default: tries are bounded, and waits end.
            for setting in [
                "retryPolicyMaxAttempts",
                "retryPolicyOnMaxAttempts",
                "inactivityTimeout",
                "abortTimeout",
            ] {
                assert!(!service[setting].is_null(), "{name} has no {setting}");
            }
        }
        // `worker manifest` says the same without a database.
        let printed: Value =
            serde_json::to_value(worker::manifest::of_this_build().await.expect("a manifest"))
                .expect("JSON");
        assert_eq!(printed["services"], services);
    });
}

/// Calls the private service from inside Restate.
struct Driver;

#[restate_sdk::service(name = "test.Driver")]
impl Driver {
    #[handler(name = "Next")]
    async fn next(&self, ctx: Context<'_>, region: String) -> HandlerResult<String> {
        let answer = ctx
            .object_client::<VersioningClient>(region)
            .next_version(NextVersionRequest::default())
            .call()
            .await?;
        Ok(answer.version.to_string())
    }
}

#[test]
fn wrk_10_a_private_service_answers_other_handlers_only() {
    testbed::scenario!("WRK-10");
    testbed::scenario!("G-10");
    testbed::run(async {
        let database = testbed::migrated_database("private").await;
        let restate = testbed::Restate::start(testbed::RestateOptions::default())
            .await
            .expect("Restate starts");
        let _driver = testbed::serve_on(&restate, Endpoint::builder().bind(Driver).build()).await;
        let lines = format!(
            "admin_url = \"{}\"\ningress_url = \"{}\"\nregister_as = \"http://127.0.0.1:{{port}}\"",
            restate.admin_url, restate.ingress_url
        );
        let worker = Worker::start(&config(&database.dsn, &lines, ""));
        worker.ready().await;
        let ingress = restate.ingress();

        let refused = ingress
            .call(
                versioning_client::SERVICE,
                "rgn_a",
                "NextVersion",
                &json!({}),
            )
            .await;
        assert_eq!(refused.expect_err("private").status(), Some(400));
        for handler in ["Init", "ReportStatus"] {
            let refused = ingress
                .call("hydra.v1.GitHubStatusService", "d_1", handler, &json!({}))
                .await;
            assert_eq!(
                refused.expect_err("private").status(),
                Some(400),
                "{handler}"
            );
        }
        let first = ingress
            .call("test.Driver", None, "Next", &"rgn_a")
            .await
            .expect("a number");
        let second = ingress
            .call("test.Driver", None, "Next", &"rgn_a")
            .await
            .expect("a number");
        assert_eq!((first, second), (json!("1"), json!("2")));
    });
}
