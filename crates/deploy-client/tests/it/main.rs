//! The contracts as another crate uses them: a backend is bound, and what the SDK then tells Restate is compared
//! with what the contract says of itself. One contract of each form: shared, exclusive and stateless handlers.

use bytes::Bytes;
use deploy_client::{DeployBackend, DeployClient, DeployService};
use http_body_util::{BodyExt, Empty};
use messages::contract::{Handler, HandlerKind};
use messages::hydra::v1::*;
use openapi_client::{OpenapiBackend, OpenapiClient, OpenapiService};
use restate_sdk::prelude::*;
use serde_json::Value;
use versioning_client::{VersioningBackend, VersioningClient, VersioningService};

/// Wakes a deployment by asking the two other services first.
struct Fake;

impl DeployBackend for Fake {
    async fn deploy<'a>(&'a self, _: SharedObjectContext<'a>, _: DeployRequest) -> HandlerResult<DeployResponse> {
        Ok(DeployResponse::default())
    }
    async fn rollback<'a>(&'a self, _: SharedObjectContext<'a>, _: RollbackRequest) -> HandlerResult<RollbackResponse> {
        Ok(RollbackResponse::default())
    }
    async fn promote<'a>(&'a self, _: SharedObjectContext<'a>, _: PromoteRequest) -> HandlerResult<PromoteResponse> {
        Ok(PromoteResponse::default())
    }
    async fn scale_down_idle_preview_deployments<'a>(
        &'a self,
        _: SharedObjectContext<'a>,
        _: ScaleDownIdlePreviewDeploymentsRequest,
    ) -> HandlerResult<ScaleDownIdlePreviewDeploymentsResponse> {
        Ok(ScaleDownIdlePreviewDeploymentsResponse::default())
    }
    async fn wake_deployment<'a>(
        &'a self,
        ctx: SharedObjectContext<'a>,
        req: WakeDeploymentRequest,
    ) -> HandlerResult<WakeDeploymentResponse> {
        ctx.object_client::<VersioningClient>("rgn_1").next_version(NextVersionRequest {}).call().await?;
        ctx.service_client::<OpenapiClient>().scrape_spec(ScrapeSpecRequest { deployment_id: req.deployment_id }).send().await?;
        ctx.object_client::<DeployClient>("ws_1").promote(PromoteRequest::default()).send().await?;
        Ok(WakeDeploymentResponse::default())
    }
    async fn notify_instances_ready<'a>(
        &'a self,
        _: SharedObjectContext<'a>,
        _: NotifyInstancesReadyRequest,
    ) -> HandlerResult<NotifyInstancesReadyResponse> {
        Ok(NotifyInstancesReadyResponse { resolved: true })
    }
}

impl VersioningBackend for Fake {
    async fn next_version<'a>(&'a self, _: ObjectContext<'a>, _: NextVersionRequest) -> HandlerResult<NextVersionResponse> {
        Ok(NextVersionResponse { version: 1 })
    }
    async fn get_version<'a>(&'a self, _: SharedObjectContext<'a>, _: GetVersionRequest) -> HandlerResult<GetVersionResponse> {
        Ok(GetVersionResponse::default())
    }
}

impl OpenapiBackend for Fake {
    async fn scrape_spec<'a>(&'a self, _: Context<'a>, _: ScrapeSpecRequest) -> HandlerResult<ScrapeSpecResponse> {
        Ok(ScrapeSpecResponse::default())
    }
}

#[tokio::test]
async fn the_manifest_is_what_the_contract_says() {
    let endpoint = Endpoint::builder().bind(DeployService(Fake)).bind(VersioningService(Fake)).bind(OpenapiService(Fake)).build();
    let request = http::Request::get("/discover")
        .header("accept", "application/vnd.restate.endpointmanifest.v4+json")
        .body(Empty::<Bytes>::new())
        .expect("request");
    let response = endpoint.handle(request);
    assert_eq!(response.status(), 200);
    let body = response.into_body().collect().await.expect("manifest").to_bytes();
    let manifest: Value = serde_json::from_slice(&body).expect("JSON");

    assert_service(&manifest, deploy_client::SERVICE, "VIRTUAL_OBJECT", false, deploy_client::HANDLERS);
    assert_service(&manifest, versioning_client::SERVICE, "VIRTUAL_OBJECT", true, versioning_client::HANDLERS);
    assert_service(&manifest, openapi_client::SERVICE, "SERVICE", true, openapi_client::HANDLERS);
}

#[test]
fn every_deploy_handler_is_shared_so_that_a_waiting_deployment_holds_up_nobody() {
    assert_eq!(deploy_client::HANDLERS.len(), 6);
    assert!(deploy_client::HANDLERS.iter().all(|h| h.kind == HandlerKind::Shared && !h.private));
}

fn assert_service(manifest: &Value, name: &str, ty: &str, private: bool, handlers: &[Handler]) {
    let services = manifest["services"].as_array().expect("services");
    let service = services.iter().find(|s| s["name"] == name).unwrap_or_else(|| panic!("{name} is not served"));
    assert_eq!(service["ty"], ty, "{name}");
    assert_eq!(service["ingressPrivate"].as_bool().unwrap_or(false), private, "{name}");
    let served: Vec<_> = service["handlers"].as_array().expect("handlers").iter().map(|h| (h["name"].as_str(), h["ty"].as_str())).collect();
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
        assert_eq!(handler["input"]["contentType"], "application/json", "{name}");
    }
}
