//! The neighbours of DeployService as tests need them: fakes that record what they are told, and the real ones with
//! a switch that breaks a handler for one deployment.

use messages::hydra::v1 as msg;
use restate_sdk::prelude::*;
use std::collections::BTreeMap;
use std::sync::{LazyLock, Mutex};
use std::time::Duration;

/// What the fakes were told, by object key: `Init`, `ReportStatus <state> <text>`, `ScrapeSpec`.
static TOLD: LazyLock<Mutex<BTreeMap<String, Vec<String>>>> = LazyLock::new(Mutex::default);

fn tell(key: &str, what: String) {
    TOLD.lock()
        .unwrap()
        .entry(key.to_owned())
        .or_default()
        .push(what);
}

/// What the fake neighbours were told about a deployment, in order.
pub(crate) fn told(deployment_id: &str) -> Vec<String> {
    TOLD.lock()
        .unwrap()
        .get(deployment_id)
        .cloned()
        .unwrap_or_default()
}

pub(crate) struct FakeGitHub;

impl github_status_client::GitHubStatusBackend for FakeGitHub {
    async fn init<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        req: msg::GitHubStatusInitRequest,
    ) -> HandlerResult<msg::GitHubStatusInitResponse> {
        tell(
            ctx.key(),
            format!(
                "Init {} {} {}",
                req.repo, req.environment_label, req.environment_url
            ),
        );
        Ok(msg::GitHubStatusInitResponse {})
    }

    async fn report_status<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        req: msg::GitHubStatusReportRequest,
    ) -> HandlerResult<msg::GitHubStatusReportResponse> {
        let state = serde_json::to_value(req.state)
            .map(|v| v.as_str().unwrap_or_default().to_owned())
            .unwrap_or_default();
        tell(
            ctx.key(),
            format!(
                "{} {}",
                state.trim_start_matches("GITHUB_DEPLOYMENT_STATE_"),
                req.description
            ),
        );
        Ok(msg::GitHubStatusReportResponse {})
    }

    async fn settle<'a>(
        &'a self,
        _: ObjectContext<'a>,
        _: msg::GitHubStatusSettleRequest,
    ) -> HandlerResult<msg::GitHubStatusSettleResponse> {
        Ok(msg::GitHubStatusSettleResponse {})
    }
}

/// Fails terminally for every deployment: scraping must never matter to Deploy.
pub(crate) struct FakeOpenapi;

impl openapi_client::OpenapiBackend for FakeOpenapi {
    async fn scrape_spec<'a>(
        &'a self,
        _: Context<'a>,
        req: msg::ScrapeSpecRequest,
    ) -> HandlerResult<msg::ScrapeSpecResponse> {
        tell(&req.deployment_id, "ScrapeSpec".to_owned());
        Err(TerminalError::new_with_code(502, "the app answers garbage").into())
    }
}

/// What goes wrong on purpose, by `<deployment id> <handler>`: the call ends with a terminal error, or hangs.
static BROKEN: LazyLock<Mutex<BTreeMap<String, Broken>>> = LazyLock::new(Mutex::default);

/// How a neighbour's handler misbehaves for one deployment.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Broken {
    /// A terminal error.
    Fails,
    /// No answer, until mended.
    Hangs,
}

/// Breaks a handler of RoutingService or DeploymentService for one deployment; `None` mends it.
pub(crate) fn break_for(deployment_id: &str, handler: &str, how: Option<Broken>) {
    let key = format!("{deployment_id} {handler}");
    let mut broken = BROKEN.lock().unwrap();
    match how {
        Some(how) => broken.insert(key, how),
        None => broken.remove(&key),
    };
}

async fn misbehave(deployment_id: &str, handler: &str) -> HandlerResult<()> {
    let key = format!("{deployment_id} {handler}");
    loop {
        let how = BROKEN.lock().unwrap().get(&key).copied();
        match how {
            None => return Ok(()),
            Some(Broken::Fails) => {
                return Err(
                    TerminalError::new_with_code(500, format!("{handler} is broken")).into(),
                );
            }
            Some(Broken::Hangs) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

/// The real RoutingService, broken on demand.
pub(crate) struct Routing(pub(crate) routing::Routing);

impl routing_client::RoutingBackend for Routing {
    async fn assign_frontline_routes<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        req: msg::AssignFrontlineRoutesRequest,
    ) -> HandlerResult<msg::AssignFrontlineRoutesResponse> {
        self.0.assign_frontline_routes(ctx, req).await
    }

    async fn swap_live_deployment<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        req: msg::SwapLiveDeploymentRequest,
    ) -> HandlerResult<msg::SwapLiveDeploymentResponse> {
        misbehave(&req.deployment_id, "SwapLiveDeployment").await?;
        self.0.swap_live_deployment(ctx, req).await
    }

    async fn upsert_routes<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        req: msg::UpsertRoutesRequest,
    ) -> HandlerResult<msg::UpsertRoutesResponse> {
        misbehave(&req.deployment_id, "UpsertRoutes").await?;
        self.0.upsert_routes(ctx, req).await
    }

    async fn finish_deployment<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        req: msg::FinishDeploymentRequest,
    ) -> HandlerResult<msg::FinishDeploymentResponse> {
        misbehave(&req.deployment_id, "FinishDeployment").await?;
        self.0.finish_deployment(ctx, req).await
    }

    async fn withdraw_routes<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        req: msg::WithdrawRoutesRequest,
    ) -> HandlerResult<msg::WithdrawRoutesResponse> {
        misbehave(&req.deployment_id, "WithdrawRoutes").await?;
        self.0.withdraw_routes(ctx, req).await
    }
}

/// The real DeploymentService, broken on demand.
pub(crate) struct Deployment(pub(crate) deployment::Deployment);

impl deployment_client::DeploymentBackend for Deployment {
    async fn schedule_desired_state_change<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        req: msg::ScheduleDesiredStateChangeRequest,
    ) -> HandlerResult<msg::ScheduleDesiredStateChangeResponse> {
        misbehave(ctx.key(), "ScheduleDesiredStateChange").await?;
        self.0.schedule_desired_state_change(ctx, req).await
    }

    async fn change_desired_state<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        req: msg::ChangeDesiredStateRequest,
    ) -> HandlerResult<msg::ChangeDesiredStateResponse> {
        self.0.change_desired_state(ctx, req).await
    }

    async fn clear_scheduled_state_changes<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        req: msg::ClearScheduledStateChangesRequest,
    ) -> HandlerResult<msg::ClearScheduledStateChangesResponse> {
        self.0.clear_scheduled_state_changes(ctx, req).await
    }
}
