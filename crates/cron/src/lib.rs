//! CronService: the later contract's names for the periodic jobs. Each handler is one call of the job's own service,
//! with what stands in front of the period taken off the key.
//!
//! Not here: any logic of a job, and the clock that starts them (crate `scheduler`).

mod key;
mod run_key_last_used_sync;
mod run_key_refill;
mod run_quota_check;
mod run_scale_down_idle_preview_deployments;

use cron_client::{CronBackend, SERVICE};
use durable::handle;
use messages::hydra::v1 as msg;
use restate_sdk::prelude::*;

/// The service; it has no state and no dependencies.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cron;

impl CronBackend for Cron {
    async fn run_key_last_used_sync<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        _: msg::RunKeyLastUsedSyncRequest,
    ) -> HandlerResult<msg::RunKeyLastUsedSyncResponse> {
        let body = run_key_last_used_sync::run(&ctx);
        handle(
            SERVICE,
            "RunKeyLastUsedSync",
            ctx.invocation_id(),
            ctx.key(),
            body,
        )
        .await
    }

    async fn run_key_refill<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        _: msg::RunKeyRefillRequest,
    ) -> HandlerResult<msg::RunKeyRefillResponse> {
        let body = run_key_refill::run(&ctx);
        handle(
            SERVICE,
            "RunKeyRefill",
            ctx.invocation_id(),
            ctx.key(),
            body,
        )
        .await
    }

    async fn run_quota_check<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        _: msg::RunQuotaCheckRequest,
    ) -> HandlerResult<msg::RunQuotaCheckResponse> {
        let body = run_quota_check::run(&ctx);
        handle(
            SERVICE,
            "RunQuotaCheck",
            ctx.invocation_id(),
            ctx.key(),
            body,
        )
        .await
    }

    async fn run_scale_down_idle_preview_deployments<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        _: msg::RunScaleDownIdlePreviewDeploymentsRequest,
    ) -> HandlerResult<msg::RunScaleDownIdlePreviewDeploymentsResponse> {
        let body = run_scale_down_idle_preview_deployments::run(&ctx);
        let name = "RunScaleDownIdlePreviewDeployments";
        handle(SERVICE, name, ctx.invocation_id(), ctx.key(), body).await
    }
}
