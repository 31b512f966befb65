//! CronService on a real Restate: each handler is one call of the job's own service, under the bare period, and its
//! answer or failure is passed on.

#![recursion_limit = "256"]
#![allow(clippy::disallowed_methods, reason = "a test is not replayed")]

use cron::Cron;
use cron_client::{CronService, SERVICE};
use messages::hydra::v1 as msg;
use restate_sdk::prelude::*;
use serde_json::{Value, json};
use tokio::sync::OnceCell;

/// The jobs' own services: they answer with numbers, and fail for keys that are no period.
#[derive(Clone, Copy)]
struct Fake;

fn check(key: &str, period: &str) -> HandlerResult<()> {
    if key == period {
        return Ok(());
    }
    let text = format!("CW0001: {key:?} is no period.");
    Err(TerminalError::new_with_code(400, text).into())
}

impl key_refill_client::KeyRefillBackend for Fake {
    async fn run_refill<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        _: msg::RunRefillRequest,
    ) -> HandlerResult<msg::RunRefillResponse> {
        check(ctx.key(), "2026-03-01")?;
        Ok(msg::RunRefillResponse { keys_refilled: 7 })
    }

    async fn refill_range<'a>(
        &'a self,
        _: ObjectContext<'a>,
        _: msg::RefillRangeRequest,
    ) -> HandlerResult<msg::RefillRangeResponse> {
        Err(TerminalError::new("only the service itself calls this").into())
    }
}

impl quota_check_client::QuotaCheckBackend for Fake {
    async fn run_check<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        _: msg::RunCheckRequest,
    ) -> HandlerResult<msg::RunCheckResponse> {
        check(ctx.key(), "2026-03")?;
        Ok(msg::RunCheckResponse {
            workspaces_checked: 3,
            workspaces_exceeded: 2,
            notifications_sent: 1,
        })
    }
}

impl key_last_used_sync_client::KeyLastUsedSyncBackend for Fake {
    async fn run_sync<'a>(
        &'a self,
        _: Context<'a>,
        _: msg::RunSyncRequest,
    ) -> HandlerResult<msg::RunSyncResponse> {
        Ok(msg::RunSyncResponse { keys_synced: 9 })
    }
}

macro_rules! never {
    ($($name:ident: $request:ident -> $response:ident;)+) => {
        $(async fn $name<'a>(&'a self, _: SharedObjectContext<'a>, _: msg::$request) -> HandlerResult<msg::$response> {
            Err(TerminalError::new("the cron never calls this").into())
        })+
    };
}

impl deploy_client::DeployBackend for Fake {
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
        req: msg::ScaleDownIdlePreviewDeploymentsRequest,
    ) -> HandlerResult<msg::ScaleDownIdlePreviewDeploymentsResponse> {
        check(ctx.key(), "idle-preview-deployments")?;
        assert_eq!(req.after_environment, 0);
        Ok(msg::ScaleDownIdlePreviewDeploymentsResponse::default())
    }
}

async fn call(key: &str, handler: &str) -> Result<Value, restate_api::ApiError> {
    static SERVED: OnceCell<()> = OnceCell::const_new();
    SERVED
        .get_or_init(|| async {
            let endpoint = Endpoint::builder()
                .bind(CronService(Cron))
                .bind(key_refill_client::KeyRefillService(Fake))
                .bind(quota_check_client::QuotaCheckService(Fake))
                .bind(key_last_used_sync_client::KeyLastUsedSyncService(Fake))
                .bind(deploy_client::DeployService(Fake))
                .build();
            testbed::serve(endpoint).await;
        })
        .await;
    testbed::ingress()
        .await
        .call(SERVICE, key, handler, &json!({}))
        .await
}

#[test]
fn each_handler_passes_on_what_its_jobs_service_says() {
    testbed::run(async {
        let cases = [
            ("2026-03-01", "RunKeyRefill", json!({ "keysRefilled": 7 })),
            (
                "key-refill-2026-03-01",
                "RunKeyRefill",
                json!({ "keysRefilled": 7 }),
            ),
            (
                "quota-check-2026-03",
                "RunQuotaCheck",
                json!({ "workspacesChecked": 3, "workspacesExceeded": 2, "notificationsSent": 1 }),
            ),
            (
                "2026-03",
                "RunQuotaCheck",
                json!({ "workspacesChecked": 3, "workspacesExceeded": 2, "notificationsSent": 1 }),
            ),
            (
                "key-last-used-sync",
                "RunKeyLastUsedSync",
                json!({ "keysSynced": 9 }),
            ),
            (
                "idle-preview-deployments",
                "RunScaleDownIdlePreviewDeployments",
                json!({}),
            ),
        ];
        for (key, handler, answer) in cases {
            assert_eq!(call(key, handler).await.expect(handler), answer, "{key}");
        }
        testbed::assert_quiet(&["2026-03-01", "2026-03"]).await;
    });
}

#[test]
fn a_refusal_is_passed_on_word_for_word() {
    testbed::run(async {
        let refused = call("quota-check-2026-13", "RunQuotaCheck")
            .await
            .expect_err("no month");
        assert_eq!(refused.status(), Some(400));
        assert_eq!(refused.message(), Some("CW0001: \"2026-13\" is no period."));
        let refused = call("2026-02-30", "RunKeyRefill")
            .await
            .expect_err("no date");
        assert_eq!(refused.status(), Some(400));
        testbed::assert_quiet(&["2026-13", "2026-02-30"]).await;
    });
}

#[test]
fn each_handler_is_one_call() {
    testbed::run(async {
        call("2026-03-01", "RunKeyRefill").await.expect("answered");
        for (key, handler) in [
            ("2026-03-01", "RunKeyRefill"),
            ("2026-03", "RunQuotaCheck"),
            ("key-last-used-sync", "RunKeyLastUsedSync"),
            (
                "idle-preview-deployments",
                "RunScaleDownIdlePreviewDeployments",
            ),
        ] {
            let ingress = testbed::ingress().await;
            let id = ingress
                .send(SERVICE, key, handler, &json!({}), None)
                .await
                .expect("sent");
            ingress.attach(&id).await.expect("ends");
            let sql = format!(
                "SELECT entry_type FROM sys_journal WHERE id = '{id}' AND entry_type LIKE 'Command:%' ORDER BY index"
            );
            let rows = testbed::admin().await.query(&sql).await.expect("journal");
            let entries: Vec<String> = rows
                .iter()
                .map(|row| {
                    row["entry_type"]
                        .as_str()
                        .unwrap_or_default()
                        .replace("Command: ", "")
                })
                .collect();
            assert_eq!(entries, ["Input", "Call", "Output"], "{handler}");
        }
    });
}
