//! What the SDK tells Restate, compared with what the contracts say of themselves.

use crate::fakes::Fake;
use bytes::Bytes;
use deploy_client::DeployService;
use http_body_util::{BodyExt, Empty};
use messages::contract::{Handler, HandlerKind};
use openapi_client::OpenapiService;
use restate_sdk::prelude::*;
use serde_json::Value;
use versioning_client::VersioningService;

#[tokio::test]
async fn the_manifest_is_what_the_contract_says() {
    let endpoint = Endpoint::builder()
        .bind(DeployService(Fake))
        .bind(VersioningService(Fake))
        .bind(OpenapiService(Fake))
        .build();
    let request = http::Request::get("/discover")
        .header("accept", "application/vnd.restate.endpointmanifest.v4+json")
        .body(Empty::<Bytes>::new())
        .expect("request");
    let response = endpoint.handle(request);
    assert_eq!(response.status(), 200);
    let body = response
        .into_body()
        .collect()
        .await
        .expect("manifest")
        .to_bytes();
    let manifest: Value = serde_json::from_slice(&body).expect("JSON");

    assert_service(
        &manifest,
        deploy_client::SERVICE,
        "VIRTUAL_OBJECT",
        false,
        deploy_client::HANDLERS,
    );
    assert_service(
        &manifest,
        versioning_client::SERVICE,
        "VIRTUAL_OBJECT",
        true,
        versioning_client::HANDLERS,
    );
    assert_service(
        &manifest,
        openapi_client::SERVICE,
        "SERVICE",
        true,
        openapi_client::HANDLERS,
    );
}

#[test]
fn every_deploy_handler_is_shared_so_that_a_waiting_deployment_holds_up_nobody() {
    assert_eq!(deploy_client::HANDLERS.len(), 6);
    assert!(
        deploy_client::HANDLERS
            .iter()
            .all(|h| h.kind == HandlerKind::Shared && !h.private)
    );
}

fn assert_service(manifest: &Value, name: &str, ty: &str, private: bool, handlers: &[Handler]) {
    let services = manifest["services"].as_array().expect("services");
    let service = services
        .iter()
        .find(|s| s["name"] == name)
        .unwrap_or_else(|| panic!("{name} is not served"));
    assert_eq!(service["ty"], ty, "{name}");
    assert_eq!(
        service["ingressPrivate"].as_bool().unwrap_or(false),
        private,
        "{name}"
    );
    let served: Vec<_> = service["handlers"]
        .as_array()
        .expect("handlers")
        .iter()
        .map(|h| (h["name"].as_str(), h["ty"].as_str()))
        .collect();
    let listed: Vec<_> = handlers
        .iter()
        .map(|h| {
            let ty = match h.kind {
                HandlerKind::Shared => Some("SHARED"),
                // What Restate assumes when nothing is said.
                HandlerKind::Exclusive | HandlerKind::Stateless => None,
            };
            (Some(h.name), ty)
        })
        .collect();
    assert_eq!(served, listed, "{name}");
    for handler in service["handlers"].as_array().expect("handlers") {
        assert_eq!(
            handler["input"]["contentType"], "application/json",
            "{name}"
        );
    }
}
