//! Handler `ScaleDownIdlePreviewDeployments`: previews nobody called for six hours go to standby. One invocation
//! sweeps one page of environments and sends itself the next, so no journal grows with the fleet. Without a real
//! source of request counts it refuses: "nobody counts" must never read as "nobody called".

use crate::timings::millis;
use crate::{Deps, names};
use deploy_client::DeployClient;
use deployment_client::DeploymentClient;
use durable::{Preset, Stop, codes};
use messages::hydra::v1 as msg;
use mysql::now_ms;
use mysql::sql;
use request_counts::{CountError, CountQuery};
use restate_sdk::prelude::*;
use sea_orm::FromQueryResult;
use serde::{Deserialize, Serialize};

/// Environments per invocation.
const PAGE: u64 = 100;

#[derive(FromQueryResult)]
struct Environment {
    pk: u64,
    id: String,
}

#[derive(FromQueryResult)]
struct Candidate {
    id: String,
    workspace_id: String,
    project_id: String,
    environment_id: String,
}

/// One page: who is idle, and where the next page begins.
#[derive(Debug, Serialize, Deserialize)]
struct Page {
    idle: Vec<String>,
    next: Option<u64>,
}

pub(crate) async fn scale_down(
    deps: &Deps,
    ctx: &SharedObjectContext<'_>,
    req: msg::ScaleDownIdlePreviewDeploymentsRequest,
) -> Result<msg::ScaleDownIdlePreviewDeploymentsResponse, Stop> {
    if !deps.counts.configured() {
        return Err(Stop::fault(
            codes::COUNTS_UNAVAILABLE,
            CountError::NotConfigured.to_string(),
        ));
    }
    let page = durable::run!(
        ctx,
        names::FIND_IDLE,
        Preset::Database,
        find_idle(deps, req.after_environment)
    )?;
    for id in &page.idle {
        let request = msg::ScheduleDesiredStateChangeRequest {
            delay_millis: 0,
            state: msg::DeploymentDesiredState::DEPLOYMENT_DESIRED_STATE_STANDBY.into(),
        };
        let _ = ctx
            .object_client::<DeploymentClient<'_>>(id)
            .schedule_desired_state_change(request)
            .send();
    }
    if let Some(next) = page.next {
        let request = msg::ScaleDownIdlePreviewDeploymentsRequest {
            after_environment: next,
        };
        let _ = ctx
            .object_client::<DeployClient<'_>>(ctx.key())
            .scale_down_idle_preview_deployments(request)
            .send();
    }
    Ok(msg::ScaleDownIdlePreviewDeploymentsResponse {})
}

async fn find_idle(deps: &Deps, after: u64) -> Result<Page, Stop> {
    let now = now_ms();
    let cutoff = now - millis(deps.timings.idle_window);
    let environments: Vec<Environment> = sql::all(
        deps.db.primary(),
        "SELECT pk, id FROM environments WHERE slug = 'preview' AND pk > ? ORDER BY pk LIMIT ?",
        [after.into(), PAGE.into()],
    )
    .await?;
    let next = (environments.len() as u64 == PAGE)
        .then(|| environments.last().map(|e| e.pk))
        .flatten();
    let mut idle = Vec::new();
    for environment in &environments {
        for candidate in candidates(deps, &environment.id, cutoff).await? {
            match count(deps, &candidate, cutoff).await {
                Ok(0) => idle.push(candidate.id),
                Ok(_) => {}
                // One deployment that cannot be judged stays up and does not end the sweep.
                Err(error) => {
                    tracing::warn!(%error, "requests of a preview could not be counted; it stays up")
                }
            }
        }
    }
    Ok(Page { idle, next })
}

async fn candidates(
    deps: &Deps,
    environment_id: &str,
    cutoff: i64,
) -> Result<Vec<Candidate>, Stop> {
    Ok(sql::all(
        deps.db.primary(),
        "SELECT id, workspace_id, project_id, environment_id FROM deployments
         WHERE environment_id = ? AND status = 'ready' AND desired_state = 'running' AND created_at < ? AND (updated_at IS NULL OR updated_at < ?)
         ORDER BY id",
        [environment_id.into(), cutoff.into(), cutoff.into()],
    )
    .await?)
}

async fn count(deps: &Deps, c: &Candidate, since_ms: i64) -> Result<u64, CountError> {
    deps.counts
        .count(CountQuery {
            workspace_id: &c.workspace_id,
            project_id: &c.project_id,
            environment_id: &c.environment_id,
            deployment_id: &c.id,
            since_ms,
        })
        .await
}
