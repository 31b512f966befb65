//! A make-believe worker: the contracts of the deploy service and of the scheduler with backends that obey at once.
//! What they do depends on the image and on the job.

use deploy_client::{DeployBackend, DeployService};
use messages::hydra::v1 as msg;
use mysql::Db;
use restate_sdk::prelude::*;
use scheduler_client::{SchedulerBackend, SchedulerClient, SchedulerService};
use sea_orm::{ConnectionTrait, DbBackend, Statement, Value};
use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

/// The words of its refusal; `ctl` must print them unchanged.
pub(crate) const REFUSAL: &str = "CW0009: Only 0 of 1 needed regions became healthy in time.";

struct Obedient {
    db: Db,
}

/// Serves the make-believe worker for this process, once.
pub(crate) async fn serve(db: &Db) {
    static ONCE: tokio::sync::OnceCell<()> = tokio::sync::OnceCell::const_new();
    ONCE.get_or_init(|| async {
        testbed::serve(services(db).build()).await;
    })
    .await;
}

/// What the make-believe worker serves. A failing deployment is tried twice, then it is paused.
pub(crate) fn services(db: &Db) -> restate_sdk::endpoint::Builder {
    let deploy = DeployService(Obedient { db: db.clone() }).into_service_definition();
    let tries = restate_sdk::endpoint::ServiceOptions::new()
        .retry_policy_initial_interval(std::time::Duration::from_millis(50))
        .retry_policy_max_attempts(2)
        .retry_policy_pause_on_max_attempts();
    let clock = SchedulerService(Clockwork::default()).into_service_definition();
    let verifier = custom_domain_client::CustomDomainService(crate::domains::Verifier(db.clone()));
    let taker = github_webhook_client::GitHubWebhookService(crate::webhook::Taker);
    Endpoint::builder()
        .bind(deploy.options(tries))
        .bind(clock)
        .bind(verifier.into_service_definition())
        .bind(taker.into_service_definition())
}

impl Obedient {
    async fn run(&self, sql: &str, values: Vec<Value>) -> HandlerResult<()> {
        let statement = Statement::from_sql_and_values(DbBackend::MySql, sql, values);
        self.db.primary().execute_raw(statement).await?;
        Ok(())
    }

    async fn step(&self, id: &str, step: &str, error: Option<&str>) -> HandlerResult<()> {
        let sql = "INSERT INTO deployment_steps (workspace_id, project_id, environment_id, deployment_id, app_id, step, \
                   started_at, ended_at, error) SELECT workspace_id, project_id, environment_id, id, app_id, ?, 1000, \
                   2500, ? FROM deployments WHERE id = ? ON DUPLICATE KEY UPDATE ended_at = 2500";
        self.run(
            sql,
            vec![step.into(), error.map(str::to_owned).into(), id.into()],
        )
        .await
    }

    async fn make_live(&self, id: &str, rolled_back: bool) -> HandlerResult<()> {
        let sql = "UPDATE apps a JOIN deployments d ON d.app_id = a.id \
                   SET a.current_deployment_id = d.id, a.is_rolled_back = ? WHERE d.id = ?";
        self.run(sql, vec![rolled_back.into(), id.into()]).await?;
        let sql = "UPDATE frontline_routes r JOIN deployments d ON d.app_id = r.app_id \
                   SET r.deployment_id = d.id WHERE d.id = ? AND r.sticky = 'live'";
        self.run(sql, vec![id.into()]).await
    }
}

impl DeployBackend for Obedient {
    async fn deploy<'a>(
        &'a self,
        ctx: SharedObjectContext<'a>,
        req: msg::DeployRequest,
    ) -> HandlerResult<msg::DeployResponse> {
        let id = req.deployment_id.as_str();
        let image = match req.source {
            Some(msg::deploy_request::Source::DockerImage(docker)) => docker.image,
            // the parts of the source, so that a test can read what was sent
            Some(msg::deploy_request::Source::Git(git)) => format!(
                "git:{}:{}:{}:{}:{}:{}",
                git.installation_id,
                git.repository,
                git.branch,
                git.commit_sha,
                git.context_path,
                git.dockerfile_path
            ),
            None => return Err(TerminalError::new_with_code(400, "CW0004: no source").into()),
        };
        let sql = "INSERT INTO ctrl_worker_runs (deployment_id, invocation_id, claimed_at) VALUES (?, ?, 1) \
                   ON DUPLICATE KEY UPDATE claimed_at = 1";
        self.run(sql, vec![id.into(), ctx.invocation_id().to_owned().into()])
            .await?;
        let status = "UPDATE deployments SET status = ?, image = ? WHERE id = ?";
        self.step(id, "starting", None).await?;
        if image.contains("endless") {
            return self
                .run(status, vec!["deploying".into(), image.into(), id.into()])
                .await
                .map(|()| Default::default());
        }
        if image.contains("held") {
            self.run(status, vec!["deploying".into(), image.into(), id.into()])
                .await?;
            ctx.sleep(std::time::Duration::from_secs(3_600)).await?;
            return Ok(msg::DeployResponse::default());
        }
        if image.contains("broken") {
            return Err(std::io::Error::other("the registry has no route to it").into());
        }
        if image.contains("bad") {
            self.step(id, "deploying", Some("The regions did not become healthy."))
                .await?;
            self.run(status, vec!["failed".into(), image.into(), id.into()])
                .await?;
            return Err(TerminalError::new_with_code(504, REFUSAL).into());
        }
        let sql = "INSERT INTO frontline_routes (id, project_id, app_id, deployment_id, environment_id, \
                   fully_qualified_domain_name, sticky, created_at) SELECT CONCAT('flr_', app_id), project_id, app_id, \
                   id, environment_id, CONCAT(app_id, '.example.test'), 'live', 1 FROM deployments WHERE id = ? \
                   ON DUPLICATE KEY UPDATE pk = frontline_routes.pk";
        self.run(sql, vec![id.into()]).await?;
        self.step(id, "deploying", None).await?;
        self.make_live(id, false).await?;
        self.run(status, vec!["ready".into(), image.into(), id.into()])
            .await?;
        Ok(msg::DeployResponse::default())
    }

    async fn rollback<'a>(
        &'a self,
        _: SharedObjectContext<'a>,
        req: msg::RollbackRequest,
    ) -> HandlerResult<msg::RollbackResponse> {
        if req.source_deployment_id == req.target_deployment_id {
            return Err(TerminalError::new_with_code(
                400,
                "CW0016: Source and target are the same.",
            )
            .into());
        }
        self.make_live(&req.target_deployment_id, true).await?;
        Ok(msg::RollbackResponse::default())
    }

    async fn promote<'a>(
        &'a self,
        _: SharedObjectContext<'a>,
        req: msg::PromoteRequest,
    ) -> HandlerResult<msg::PromoteResponse> {
        self.make_live(&req.target_deployment_id, false).await?;
        Ok(msg::PromoteResponse::default())
    }

    async fn scale_down_idle_preview_deployments<'a>(
        &'a self,
        _: SharedObjectContext<'a>,
        _: msg::ScaleDownIdlePreviewDeploymentsRequest,
    ) -> HandlerResult<msg::ScaleDownIdlePreviewDeploymentsResponse> {
        Err(TerminalError::new("ctl never calls this").into())
    }

    async fn wake_deployment<'a>(
        &'a self,
        _: SharedObjectContext<'a>,
        req: msg::WakeDeploymentRequest,
    ) -> HandlerResult<msg::WakeDeploymentResponse> {
        let sql = "UPDATE deployments SET status = 'ready' WHERE id = ? AND status = 'stopped'";
        self.run(sql, vec![req.deployment_id.into()]).await?;
        Ok(msg::WakeDeploymentResponse::default())
    }

    async fn notify_instances_ready<'a>(
        &'a self,
        _: SharedObjectContext<'a>,
        _: msg::NotifyInstancesReadyRequest,
    ) -> HandlerResult<msg::NotifyInstancesReadyResponse> {
        Err(TerminalError::new("ctl never calls this").into())
    }
}

/// A clock whose jobs end at once: the refill with seven keys, the quota check with a refusal.
#[derive(Default)]
struct Clockwork {
    paused: Mutex<BTreeSet<String>>,
}

impl Clockwork {
    fn set(&self, job: &str, paused: bool) {
        let mut all = self.paused.lock().unwrap_or_else(PoisonError::into_inner);
        if paused {
            all.insert(job.to_owned());
        } else {
            all.remove(job);
        }
    }
}

impl SchedulerBackend for Clockwork {
    async fn arm<'a>(
        &'a self,
        _: ObjectContext<'a>,
        _: msg::ArmJobRequest,
    ) -> HandlerResult<msg::ArmJobResponse> {
        Err(TerminalError::new("ctl never calls this").into())
    }

    async fn tick<'a>(
        &'a self,
        _: ObjectContext<'a>,
        _: msg::TickJobRequest,
    ) -> HandlerResult<msg::TickJobResponse> {
        Err(TerminalError::new("ctl never calls this").into())
    }

    async fn record<'a>(
        &'a self,
        _: ObjectContext<'a>,
        _: msg::RecordJobRequest,
    ) -> HandlerResult<msg::RecordJobResponse> {
        Err(TerminalError::new("ctl never calls this").into())
    }

    async fn execute<'a>(
        &'a self,
        ctx: SharedObjectContext<'a>,
        req: msg::ExecuteJobRequest,
    ) -> HandlerResult<msg::ExecuteJobResponse> {
        let mut run = req.run.as_option().cloned().unwrap_or_default();
        match ctx.key() {
            "idle-scale-down" => ctx.sleep(std::time::Duration::from_secs(20)).await?,
            "quota-check" => {
                run.outcome = "failed".to_owned();
                run.error = REFUSAL.to_owned();
            }
            _ => {
                run.outcome = "succeeded".to_owned();
                run.items = 7;
            }
        }
        run.finished_at_ms = run.started_at_ms + 1_500;
        Ok(msg::ExecuteJobResponse {
            run: Some(run).into(),
        })
    }

    async fn run<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        _: msg::RunJobRequest,
    ) -> HandlerResult<msg::RunJobResponse> {
        let run = msg::JobRun {
            id: "r".to_owned(),
            window: "2026-03-02".to_owned(),
            by_hand: true,
            started_at_ms: 1_772_409_600_000,
            ..Default::default()
        };
        let sent = ctx
            .object_client::<SchedulerClient<'_>>(ctx.key())
            .execute(msg::ExecuteJobRequest {
                run: Some(run.clone()).into(),
                ..Default::default()
            })
            .send()
            .await?;
        Ok(msg::RunJobResponse {
            run: Some(run).into(),
            invocation_id: sent.invocation_id().to_owned(),
        })
    }

    async fn pause<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        _: msg::PauseJobRequest,
    ) -> HandlerResult<msg::PauseJobResponse> {
        self.set(ctx.key(), true);
        Ok(msg::PauseJobResponse::default())
    }

    async fn resume<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        _: msg::ResumeJobRequest,
    ) -> HandlerResult<msg::ResumeJobResponse> {
        self.set(ctx.key(), false);
        Ok(msg::ResumeJobResponse::default())
    }

    async fn status<'a>(
        &'a self,
        ctx: SharedObjectContext<'a>,
        _: msg::JobStatusRequest,
    ) -> HandlerResult<msg::JobStatusResponse> {
        let paused = self
            .paused
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .contains(ctx.key());
        Ok(msg::JobStatusResponse {
            enabled: ctx.key() != "certificate-renewal",
            off_because: match ctx.key() {
                "certificate-renewal" => "acme.enabled is false".to_owned(),
                _ => String::new(),
            },
            paused,
            next_at_ms: if paused { 0 } else { 1_772_496_000_000 },
            ..Default::default()
        })
    }
}

/// Registered, never called.
pub(crate) struct NoCertificates;

impl certificate_client::CertificateBackend for NoCertificates {
    async fn process_challenge<'a>(
        &'a self,
        _: ObjectContext<'a>,
        _: msg::ProcessChallengeRequest,
    ) -> HandlerResult<msg::ProcessChallengeResponse> {
        Err(TerminalError::new("doctor never calls this").into())
    }

    async fn renew_expiring_certificates<'a>(
        &'a self,
        _: ObjectContext<'a>,
        _: msg::RenewExpiringCertificatesRequest,
    ) -> HandlerResult<msg::RenewExpiringCertificatesResponse> {
        Err(TerminalError::new("doctor never calls this").into())
    }
}
