//! The call of a job's own service, and what of its answer is counted. Not for when, nor under which key (see `jobs`).

use crate::jobs::Job;
use certificate_client::CertificateClient;
use deploy_client::DeployClient;
use key_last_used_sync_client::KeyLastUsedSyncClient;
use key_refill_client::KeyRefillClient;
use messages::hydra::v1 as msg;
use quota_check_client::QuotaCheckClient;
use restate_sdk::context::{ContextClient, Request, SharedObjectContext};
use restate_sdk::errors::TerminalError;
use restate_sdk::serde::{Deserialize, Serialize};

/// Calls and waits. Gives the number of keys refilled, workspaces looked at, renewals started or keys synced; the idle
/// sweep, which goes on by itself, counts nothing.
pub(crate) async fn call(
    ctx: &SharedObjectContext<'_>,
    job: Job,
    key: &str,
    idempotency_key: &str,
) -> Result<i64, TerminalError> {
    match job {
        Job::KeyRefill => {
            let client = ctx.object_client::<KeyRefillClient<'_>>(key);
            let request = client.run_refill(msg::RunRefillRequest::default());
            let answer = once(request, idempotency_key).call().await?;
            Ok(answer.keys_refilled.into())
        }
        Job::QuotaCheck => {
            let client = ctx.object_client::<QuotaCheckClient<'_>>(key);
            let request = client.run_check(msg::RunCheckRequest::default());
            let answer = once(request, idempotency_key).call().await?;
            Ok(answer.workspaces_checked.into())
        }
        Job::CertificateRenewal => {
            let client = ctx.object_client::<CertificateClient<'_>>(key);
            let request = client
                .renew_expiring_certificates(msg::RenewExpiringCertificatesRequest::default());
            let answer = once(request, idempotency_key).call().await?;
            Ok(answer.renewals_triggered.into())
        }
        Job::IdleScaleDown => {
            let client = ctx.object_client::<DeployClient<'_>>(key);
            let request = client.scale_down_idle_preview_deployments(
                msg::ScaleDownIdlePreviewDeploymentsRequest::default(),
            );
            once(request, idempotency_key).call().await?;
            Ok(0)
        }
        Job::KeyLastUsedSync => {
            let client = ctx.service_client::<KeyLastUsedSyncClient<'_>>();
            let request = client.run_sync(msg::RunSyncRequest::default());
            let answer = once(request, idempotency_key).call().await?;
            Ok(answer.keys_synced.into())
        }
    }
}

/// The request with its idempotency key, where there is one.
fn once<'a, Req, Res>(request: Request<'a, Req, Res>, key: &str) -> Request<'a, Req, Res>
where
    Req: Serialize + 'static,
    Res: Deserialize + 'static,
{
    if key.is_empty() {
        request
    } else {
        request.idempotency_key(key)
    }
}
