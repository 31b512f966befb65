//! The existing worker as Restate knows it: the names, kinds and privacy of its services, and two handlers that run.
//!
//! Not its behaviour: what it leaves behind is in `tests/takeover`, byte by byte.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use restate_sdk::context::RequestTarget;
use restate_sdk::endpoint::ServiceOptions;
use restate_sdk::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Name of the driver.
pub(crate) const DRIVER: &str = "takeover.Driver";
pub(crate) const VERSIONING: &str = "hydra.v1.VersioningService";

/// Promise that its Deploy waits for.
pub(crate) static GATE: Mutex<Option<String>> = Mutex::new(None);
/// How often the first step of its Deploy had its effect.
pub(crate) static EFFECTS: AtomicUsize = AtomicUsize::new(0);

fn gone() -> HandlerError {
    std::io::Error::other("the existing worker is gone by now").into()
}

/// An object of the existing worker whose handlers are never to be called again.
macro_rules! gone {
    ($name:ident = $service:tt: $($function:ident = $handler:tt),+) => {
        struct $name;

        #[restate_sdk::object(name = $service)]
        impl $name {
            $(
                #[handler(name = $handler)]
                async fn $function(&self, _ctx: ObjectContext<'_>, _body: Vec<u8>) -> HandlerResult<Vec<u8>> {
                    Err(gone())
                }
            )+
        }
    };
}

gone!(Deployments = "hydra.v1.DeploymentService": schedule = "ScheduleDesiredStateChange", change = "ChangeDesiredState", clear = "ClearScheduledStateChanges");
gone!(Statuses = "hydra.v1.GitHubStatusService": init = "Init", report = "ReportStatus");
gone!(Routes = "hydra.v1.RoutingService": assign = "AssignFrontlineRoutes");
gone!(Webhooks = "hydra.v1.GitHubWebhookService": push = "HandlePush");
gone!(Projects = "hydra.v1.ProjectService": delete = "Delete");
gone!(Apps = "hydra.v1.AppService": delete = "Delete");
gone!(Environments = "hydra.v1.EnvironmentService": delete = "Delete");
gone!(Certificates = "hydra.v1.CertificateService": process = "ProcessChallenge", renew = "RenewExpiringCertificates");
gone!(Users = "hydra.v1.ClickhouseUserService": configure = "ConfigureUser");
gone!(Quotas = "hydra.v1.QuotaCheckService": check = "RunCheck");
gone!(Refills = "hydra.v1.KeyRefillService": refill = "RunRefill");
gone!(Partitions = "hydra.v1.KeyLastUsedPartitionService": sync = "SyncPartition");

struct Domains;

#[restate_sdk::object(name = "hydra.v1.CustomDomainService")]
impl Domains {
    /// In flight for a day: it is tried until the domain is proven.
    #[handler(name = "VerifyDomain")]
    async fn verify(&self, ctx: ObjectContext<'_>, _body: Vec<u8>) -> HandlerResult<()> {
        Ok(ctx.sleep(Duration::from_secs(24 * 60 * 60)).await?)
    }

    #[handler(name = "RetryVerification")]
    async fn retry(&self, _ctx: ObjectContext<'_>, _body: Vec<u8>) -> HandlerResult<Vec<u8>> {
        Err(gone())
    }
}

struct Syncs;

#[restate_sdk::service(name = "hydra.v1.KeyLastUsedSyncService")]
impl Syncs {
    #[handler(name = "RunSync")]
    async fn sync(&self, _ctx: Context<'_>, _body: Vec<u8>) -> HandlerResult<Vec<u8>> {
        Err(gone())
    }
}

struct Specs;

#[restate_sdk::service(name = "hydra.v1.OpenapiService")]
impl Specs {
    #[handler(name = "ScrapeSpec")]
    async fn scrape(&self, _ctx: Context<'_>, _body: Vec<u8>) -> HandlerResult<Vec<u8>> {
        Err(gone())
    }
}

struct Deploys;

#[restate_sdk::object(name = "hydra.v1.DeployService")]
impl Deploys {
    /// In flight while the worker changes: a step, a wait, and then a call of a neighbour and an answer.
    #[handler(name = "Deploy")]
    async fn deploy(
        &self,
        ctx: ObjectContext<'_>,
        Json(request): Json<Value>,
    ) -> HandlerResult<Json<Value>> {
        ctx.run(|| async {
            EFFECTS.fetch_add(1, Ordering::Relaxed);
            Ok(())
        })
        .name("create topologies")
        .await?;
        let (id, told) = ctx.awakeable::<Json<Value>>();
        *GATE.lock().unwrap_or_else(PoisonError::into_inner) = Some(id);
        told.await?;
        let region = request["region"].as_str().unwrap_or_default();
        let next = RequestTarget::object(VERSIONING, region, "NextVersion");
        let drawn = ctx
            .request::<Json<Value>, Json<Value>>(next, Json(json!({})))
            .call()
            .await?;
        Ok(drawn)
    }

    #[handler(name = "Rollback")]
    async fn rollback(&self, _ctx: ObjectContext<'_>, _body: Vec<u8>) -> HandlerResult<Vec<u8>> {
        Err(gone())
    }

    #[handler(name = "Promote")]
    async fn promote(&self, _ctx: ObjectContext<'_>, _body: Vec<u8>) -> HandlerResult<Vec<u8>> {
        Err(gone())
    }

    #[handler(name = "ScaleDownIdlePreviewDeployments")]
    async fn idle(&self, _ctx: ObjectContext<'_>, _body: Vec<u8>) -> HandlerResult<Vec<u8>> {
        Err(gone())
    }
}

struct Versions;

#[restate_sdk::object(name = "hydra.v1.VersioningService")]
impl Versions {
    /// Counts in the object state alone, as it does: what is seen after the way back.
    #[handler(name = "NextVersion")]
    async fn next(&self, ctx: ObjectContext<'_>, _body: Vec<u8>) -> HandlerResult<Json<Value>> {
        let stored = ctx.get::<Json<u64>>("version").await?;
        let version = stored.map_or(0, Json::into_inner) + 1;
        ctx.set("version", Json(version));
        Ok(Json(json!({ "version": version.to_string() })))
    }

    #[handler(name = "GetVersion")]
    async fn get(&self, _ctx: ObjectContext<'_>, _body: Vec<u8>) -> HandlerResult<Vec<u8>> {
        Err(gone())
    }
}

/// A message with the very bytes of the existing worker.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Wire {
    pub(crate) service: String,
    pub(crate) key: String,
    pub(crate) handler: String,
    pub(crate) body: String,
    /// Sent after so long; called at once when absent.
    pub(crate) delay_ms: Option<u64>,
}

struct Driver;

#[restate_sdk::service(name = "takeover.Driver")]
impl Driver {
    /// Passes a message on to a handler that the ingress may not call.
    #[handler(name = "Pass")]
    async fn pass(&self, ctx: Context<'_>, Json(wire): Json<Wire>) -> HandlerResult<Json<Value>> {
        let target = RequestTarget::object(wire.service, wire.key, wire.handler);
        let request = ctx.request::<Vec<u8>, Vec<u8>>(target, wire.body.into_bytes());
        let Some(delay) = wire.delay_ms else {
            let answer = request.call().await?;
            return Ok(Json(serde_json::from_slice(&answer).unwrap_or_default()));
        };
        let _sent = request.send_after(Duration::from_millis(delay));
        Ok(Json(Value::Null))
    }
}

/// Everything it serves, with privacy as there.
pub(crate) fn endpoint() -> Endpoint {
    let private = || ServiceOptions::new().ingress_private(true);
    Endpoint::builder()
        .bind(Deploys)
        .bind(Deployments.into_service_definition().options(private()))
        .bind(Statuses.into_service_definition().options(private()))
        .bind(Routes.into_service_definition().options(private()))
        .bind(Versions.into_service_definition().options(private()))
        .bind(Specs.into_service_definition().options(private()))
        .bind(Webhooks)
        .bind(Projects)
        .bind(Apps)
        .bind(Environments)
        .bind(Domains)
        .bind(Certificates)
        .bind(Users)
        .bind(Quotas)
        .bind(Refills)
        .bind(Syncs)
        .bind(Partitions)
        .build()
}

/// What reaches private handlers, as the control plane's own handlers do; a deployment of its own.
pub(crate) fn driver() -> Endpoint {
    Endpoint::builder().bind(Driver).build()
}
