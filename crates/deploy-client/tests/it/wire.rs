//! Payloads through a real server: what is refused ends the invocation, and nothing is tried again.

use crate::fakes::Fake;
use deploy_client::DeployService;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use openapi_client::OpenapiService;
use restate_api::ApiError;
use restate_sdk::prelude::*;
use routing_client::RoutingService;
use serde_json::{Value, json};
use std::sync::LazyLock;
use tokio::sync::{Mutex, OnceCell};
use versioning_client::VersioningService;

static SERVED: OnceCell<String> = OnceCell::const_new();
static STRICTNESS: Mutex<()> = Mutex::const_new(());
static METRICS: LazyLock<PrometheusHandle> = LazyLock::new(|| {
    PrometheusBuilder::new()
        .install_recorder()
        .expect("the only recorder")
});

/// Calls a handler of DeployService with strict mode on or off.
async fn deploy(strict: bool, key: &str, handler: &str, body: Value) -> Result<Value, ApiError> {
    let _alone = STRICTNESS.lock().await;
    serve().await;
    messages::set_strict(strict);
    let result = testbed::ingress()
        .await
        .call(deploy_client::SERVICE, key, handler, &body)
        .await;
    messages::set_strict(false);
    result
}

async fn serve() {
    LazyLock::force(&METRICS);
    let endpoint = || {
        Endpoint::builder()
            .bind(DeployService(Fake))
            .bind(VersioningService(Fake))
            .bind(OpenapiService(Fake))
            .bind(RoutingService(Fake))
            .build()
    };
    SERVED
        .get_or_init(|| async { testbed::serve(endpoint()).await })
        .await;
}

/// Where Restate has the invocations of a key.
async fn endings(key: &str) -> Vec<(Value, Value)> {
    let sql = format!(
        "SELECT status, completion_result FROM sys_invocation WHERE target_service_key = '{key}'"
    );
    let rows = testbed::admin().await.query(&sql).await.expect("query");
    rows.into_iter()
        .map(|r| (r["status"].clone(), r["completion_result"].clone()))
        .collect()
}

#[test]
fn api_23_an_unknown_field_is_terminal_when_strict_and_counted_when_tolerant() {
    testbed::scenario!("API-23");
    testbed::run(async {
        let body = json!({"deploymentId": "d_1", "laterField": 1});
        let error = deploy(true, "ws_api23_strict", "Deploy", body.clone())
            .await
            .expect_err("strict");
        assert_eq!(
            (error.status(), error.from_invocation()),
            (Some(400), true),
            "{error}"
        );
        assert_failed_for_good("ws_api23_strict").await;

        assert_eq!(
            deploy(false, "ws_api23_tolerant", "Deploy", body)
                .await
                .expect("tolerant"),
            json!({})
        );
        let rendered = METRICS.render();
        assert!(
            rendered.contains(r#"unknown_fields_total{message="hydra.v1.DeployRequest"} 1"#),
            "{rendered}"
        );
    });
}

#[test]
fn an_undecodable_request_ends_with_400_and_is_never_tried_again() {
    testbed::run(async {
        for (key, body) in [
            ("ws_number", json!({"deploymentId": 5})),
            ("ws_blank", json!({"git": {"installationId": " 5"}})),
            ("ws_oneof", json!({"git": {}, "dockerImage": {}})),
            ("ws_list", json!([])),
        ] {
            let error = deploy(false, key, "Deploy", body)
                .await
                .expect_err("refused");
            assert_eq!(
                (error.status(), error.from_invocation()),
                (Some(400), true),
                "{key}: {error}"
            );
            let message = error.message().unwrap_or_default();
            assert!(
                message.contains("request could not be decoded into handler input type: hydra.v1."),
                "{key}: {message}"
            );
            assert_failed_for_good(key).await;
        }
    });
}

#[test]
fn api_20_a_private_service_is_refused_by_the_ingress_and_reachable_from_handlers() {
    testbed::scenario!("API-20");
    testbed::run(async {
        let woken = deploy(
            false,
            "ws_api20",
            "WakeDeployment",
            json!({"deploymentId": "d_1"}),
        )
        .await;
        assert_eq!(woken.expect("calls two private services"), json!({}));
        let ingress = testbed::ingress().await;
        let request = json!({"deploymentId": "d_1"});
        let error = ingress
            .call(
                routing_client::SERVICE,
                "proj_1",
                "WithdrawRoutes",
                &request,
            )
            .await
            .expect_err("private");
        assert_eq!(
            (error.status(), error.from_invocation()),
            (Some(400), false),
            "{error}"
        );
    });
}

#[test]
fn default_values_are_left_out_of_a_response() {
    testbed::run(async {
        let answer = deploy(
            false,
            "ws_notify",
            "NotifyInstancesReady",
            json!({"deployment_id": "d_1"}),
        )
        .await;
        assert_eq!(answer.expect("answered"), json!({"resolved": true}));
    });
}

async fn assert_failed_for_good(key: &str) {
    assert_eq!(
        endings(key).await,
        vec![(json!("completed"), json!("failure"))],
        "{key}"
    );
    testbed::assert_quiet(&[key]).await;
}
