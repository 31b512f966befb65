//! `RunQuotaCheck`: QuotaCheckService/RunCheck of the month.

use crate::key;
use durable::Stop;
use messages::hydra::v1::{RunCheckRequest, RunQuotaCheckResponse};
use quota_check_client::QuotaCheckClient;
use restate_sdk::context::{ContextClient, ObjectContext};

pub(crate) async fn run(ctx: &ObjectContext<'_>) -> Result<RunQuotaCheckResponse, Stop> {
    let answer = ctx
        .object_client::<QuotaCheckClient<'_>>(key::period(ctx.key(), "quota-check"))
        .run_check(RunCheckRequest::default())
        .call()
        .await?;
    Ok(RunQuotaCheckResponse {
        workspaces_checked: answer.workspaces_checked,
        workspaces_exceeded: answer.workspaces_exceeded,
        notifications_sent: answer.notifications_sent,
    })
}
