//! The jobs' own services: they note who was called and answer, fail or take their time as they were told.

use messages::hydra::v1 as msg;
use restate_sdk::endpoint::Builder;
use restate_sdk::prelude::*;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// What the next call does.
#[derive(Debug, Clone)]
pub(crate) enum Reply {
    /// Answers with this number.
    Answer(i32),
    /// Fails for good.
    Fail(u16, &'static str),
    /// Answers after a while.
    After(Duration, i32),
}

/// All five services.
#[derive(Clone, Default)]
pub(crate) struct Fakes {
    calls: Arc<Mutex<Vec<String>>>,
    replies: Arc<Mutex<VecDeque<Reply>>>,
}

impl Fakes {
    /// `handler key` of every call so far, oldest first.
    pub(crate) fn calls(&self) -> Vec<String> {
        self.calls
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// What the next calls do, in order; afterwards they answer 1.
    pub(crate) fn reply(&self, replies: impl IntoIterator<Item = Reply>) {
        let mut next = self.replies.lock().unwrap_or_else(PoisonError::into_inner);
        next.extend(replies);
    }

    fn called(&self, what: String) -> Reply {
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        calls.push(what);
        let mut next = self.replies.lock().unwrap_or_else(PoisonError::into_inner);
        next.pop_front().unwrap_or(Reply::Answer(1))
    }

    pub(crate) fn bind(&self, builder: Builder) -> Builder {
        builder
            .bind(key_refill_client::KeyRefillService(self.clone()))
            .bind(quota_check_client::QuotaCheckService(self.clone()))
            .bind(certificate_client::CertificateService(self.clone()))
            .bind(deploy_client::DeployService(self.clone()))
            .bind(key_last_used_sync_client::KeyLastUsedSyncService(
                self.clone(),
            ))
    }
}

/// Notes the call once, however often it is replayed, and does as told.
macro_rules! answer {
    ($fakes:expr, $ctx:expr, $what:expr) => {{
        let what: String = $what;
        let Json(told) = $ctx
            .run(|| async { Ok(Json($fakes.called(what).told())) })
            .await?;
        if told.wait > 0 {
            $ctx.sleep(Duration::from_millis(told.wait)).await?;
        }
        if told.code > 0 {
            return Err(TerminalError::new_with_code(told.code, told.text).into());
        }
        told.n
    }};
}

/// A reply as it is journaled.
#[derive(Default, serde::Serialize, serde::Deserialize)]
struct Told {
    n: i32,
    wait: u64,
    code: u16,
    text: String,
}

impl Reply {
    fn told(self) -> Told {
        let mut told = Told::default();
        match self {
            Self::Answer(n) => told.n = n,
            Self::After(wait, n) => {
                told.n = n;
                told.wait = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
            }
            Self::Fail(code, text) => {
                told.code = code;
                told.text = text.to_owned();
            }
        }
        told
    }
}

impl key_refill_client::KeyRefillBackend for Fakes {
    async fn run_refill<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        _: msg::RunRefillRequest,
    ) -> HandlerResult<msg::RunRefillResponse> {
        let n = answer!(self, ctx, format!("refill {}", ctx.key()));
        Ok(msg::RunRefillResponse { keys_refilled: n })
    }

    async fn refill_range<'a>(
        &'a self,
        _: ObjectContext<'a>,
        _: msg::RefillRangeRequest,
    ) -> HandlerResult<msg::RefillRangeResponse> {
        Err(TerminalError::new("only the service itself calls this").into())
    }
}

impl quota_check_client::QuotaCheckBackend for Fakes {
    async fn run_check<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        _: msg::RunCheckRequest,
    ) -> HandlerResult<msg::RunCheckResponse> {
        let n = answer!(self, ctx, format!("check {}", ctx.key()));
        Ok(msg::RunCheckResponse {
            workspaces_checked: n,
            ..Default::default()
        })
    }
}

impl certificate_client::CertificateBackend for Fakes {
    async fn process_challenge<'a>(
        &'a self,
        _: ObjectContext<'a>,
        _: msg::ProcessChallengeRequest,
    ) -> HandlerResult<msg::ProcessChallengeResponse> {
        Err(TerminalError::new("the scheduler never calls this").into())
    }

    async fn renew_expiring_certificates<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        _: msg::RenewExpiringCertificatesRequest,
    ) -> HandlerResult<msg::RenewExpiringCertificatesResponse> {
        let n = answer!(self, ctx, format!("renew {}", ctx.key()));
        Ok(msg::RenewExpiringCertificatesResponse {
            renewals_triggered: n,
            ..Default::default()
        })
    }
}

/// Refuses what the scheduler never calls.
macro_rules! never {
    ($($name:ident: $request:ident -> $response:ident;)+) => {
        $(async fn $name<'a>(&'a self, _: SharedObjectContext<'a>, _: msg::$request) -> HandlerResult<msg::$response> {
            Err(TerminalError::new("the scheduler never calls this").into())
        })+
    };
}

impl deploy_client::DeployBackend for Fakes {
    never! {
        deploy: DeployRequest -> DeployResponse;
        rollback: RollbackRequest -> RollbackResponse;
        promote: PromoteRequest -> PromoteResponse;
        wake_deployment: WakeDeploymentRequest -> WakeDeploymentResponse;
        notify_instances_ready: NotifyInstancesReadyRequest -> NotifyInstancesReadyResponse;
    }

    async fn scale_down_idle_preview_deployments<'a>(
        &'a self,
        ctx: SharedObjectContext<'a>,
        _: msg::ScaleDownIdlePreviewDeploymentsRequest,
    ) -> HandlerResult<msg::ScaleDownIdlePreviewDeploymentsResponse> {
        let _: i32 = answer!(self, ctx, format!("scale down {}", ctx.key()));
        Ok(msg::ScaleDownIdlePreviewDeploymentsResponse::default())
    }
}

impl key_last_used_sync_client::KeyLastUsedSyncBackend for Fakes {
    async fn run_sync<'a>(
        &'a self,
        ctx: Context<'a>,
        _: msg::RunSyncRequest,
    ) -> HandlerResult<msg::RunSyncResponse> {
        let n = answer!(self, ctx, "sync".to_owned());
        Ok(msg::RunSyncResponse { keys_synced: n })
    }
}
