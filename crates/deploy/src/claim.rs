//! The first step of a deployment: one invocation, and only one, takes the row.

use crate::phase::{self, Phase};
use crate::timings::{Timings, millis};
use durable::{Stop, codes};
use mysql::sql;
use mysql::{Db, Lock, Tx, now_ms};
use sea_orm::FromQueryResult;
use serde::{Deserialize, Serialize};

/// What the rest of the handler needs of the rows, without variables or other large columns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, FromQueryResult)]
pub(crate) struct Subject {
    pub(crate) id: String,
    pub(crate) k8s_name: String,
    pub(crate) workspace_id: String,
    pub(crate) project_id: String,
    pub(crate) environment_id: String,
    pub(crate) app_id: String,
    pub(crate) git_commit_sha: Option<String>,
    pub(crate) git_branch: Option<String>,
    pub(crate) fork_repository_full_name: Option<String>,
    pub(crate) pr_number: Option<i64>,
    pub(crate) github_deployment_id: Option<i64>,
    pub(crate) workspace_slug: Option<String>,
    pub(crate) project_slug: Option<String>,
    pub(crate) app_slug: Option<String>,
    pub(crate) environment_slug: Option<String>,
    pub(crate) installation_id: Option<i64>,
    pub(crate) repository: Option<String>,
    /// Whether the row tells the commit's message already.
    #[serde(default)]
    pub(crate) has_commit_message: i64,
}

impl Subject {
    pub(crate) fn is_production(&self) -> bool {
        self.environment_slug.as_deref() == Some("production")
    }

    /// The first of workspace, project, app and environment that is gone or belongs to somebody else.
    fn missing_owner(&self) -> Option<(&'static str, &str)> {
        [
            ("workspace", &self.workspace_slug, &self.workspace_id),
            ("project", &self.project_slug, &self.project_id),
            ("app", &self.app_slug, &self.app_id),
            ("environment", &self.environment_slug, &self.environment_id),
        ]
        .into_iter()
        .find_map(|(what, slug, id)| slug.is_none().then_some((what, id.as_str())))
    }
}

/// Outcome of the claim.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Claim {
    /// This invocation deploys the row.
    Go(Box<Subject>),
    /// This invocation has the row, but it cannot be deployed: it is to be failed with this text.
    Broken(String),
    /// Somebody else has it, or had it: nothing to do.
    Done,
}

#[derive(FromQueryResult)]
struct StatusRow {
    status: String,
}

#[derive(FromQueryResult)]
struct RunRow {
    invocation_id: String,
    ended_at: Option<i64>,
}

/// Takes the deployment for `invocation`. Terminal: 404 for an unknown id, 400 for a row that waits for approval or
/// was skipped; both leave everything as it is.
pub(crate) async fn claim(
    db: &Db,
    timings: &Timings,
    invocation: &str,
    deployment_id: &str,
) -> Result<Claim, Stop> {
    let Some(subject) = load(db, deployment_id).await? else {
        return Err(Stop::fault(
            codes::DEPLOYMENT_NOT_FOUND,
            format!(
                "There is no deployment `{deployment_id}`. Check the id; the row must exist before Deploy is sent."
            ),
        ));
    };
    if subject.workspace_slug.is_some() {
        ensure_namespace(db, &subject.workspace_id).await?;
    }
    mysql::retry_as(|| async {
        let tx = db.begin().await?;
        let taken = take(&tx, timings, invocation, &subject).await?;
        tx.commit().await?;
        Ok(taken)
    })
    .await
}

async fn take(
    tx: &Tx,
    timings: &Timings,
    invocation: &str,
    subject: &Subject,
) -> Result<Claim, Stop> {
    let now = now_ms();
    let id = subject.id.as_str();
    tx.touch(Lock::Runs);
    sql::execute(
        &**tx,
        "INSERT IGNORE INTO ctrl_worker_runs (deployment_id, invocation_id, claimed_at, deadline_at) VALUES (?, ?, ?, ?)",
        [id.into(), invocation.into(), now.into(), (now + millis(timings.step_budget)).into()],
    )
    .await?;
    let run: Option<RunRow> = sql::one(
        &**tx,
        "SELECT invocation_id, ended_at FROM ctrl_worker_runs WHERE deployment_id = ? FOR UPDATE",
        [id.into()],
    )
    .await?;
    if run.is_none_or(|r| r.invocation_id != invocation || r.ended_at.is_some()) {
        return Ok(Claim::Done);
    }
    tx.touch(Lock::Deployments);
    let row: Option<StatusRow> = sql::one(
        &**tx,
        "SELECT status FROM deployments WHERE id = ? FOR UPDATE",
        [id.into()],
    )
    .await?;
    match row.as_ref().map(|r| r.status.as_str()) {
        // `starting`: this very step committed before and its answer was lost.
        Some("pending" | "starting") => {}
        Some(status @ ("awaiting_approval" | "skipped")) => {
            let hint = if status == "skipped" {
                "It was skipped because no watched path changed."
            } else {
                "Approve it first."
            };
            return Err(Stop::fault(
                codes::NOT_DEPLOYABLE,
                format!("Deployment `{id}` is `{status}` and cannot be deployed. {hint}"),
            ));
        }
        // Past `pending` without a run of ours: deployed, ended or in work elsewhere. The claim must not stay.
        _ => {
            sql::execute(
                &**tx,
                "UPDATE ctrl_worker_runs SET ended_at = ?, end_reason = 'not pending' WHERE deployment_id = ? AND invocation_id = ?",
                [now.into(), id.into(), invocation.into()],
            )
            .await?;
            return Ok(Claim::Done);
        }
    }
    phase::begin(tx, id, "'pending','starting'", Phase::Starting, now).await?;
    Ok(match subject.missing_owner() {
        Some((what, owner)) => Claim::Broken(format!(
            "Its {what} `{owner}` does not exist any more or belongs to somebody else."
        )),
        None => Claim::Go(Box::new(subject.clone())),
    })
}

/// The deployment with its owners' slugs; an owner that does not own the next one down reads as absent.
async fn load(db: &Db, deployment_id: &str) -> Result<Option<Subject>, Stop> {
    let subject: Option<Subject> = sql::one(
        db.primary(),
        "SELECT d.id, d.k8s_name, d.workspace_id, d.project_id, d.environment_id, d.app_id, d.git_commit_sha, d.git_branch,
                d.fork_repository_full_name, d.pr_number, d.github_deployment_id,
                w.slug AS workspace_slug, p.slug AS project_slug, a.slug AS app_slug, e.slug AS environment_slug,
                g.installation_id, g.repository_full_name AS repository,
                d.git_commit_message IS NOT NULL AS has_commit_message
         FROM deployments d
         LEFT JOIN workspaces w ON w.id = d.workspace_id
         LEFT JOIN projects p ON p.id = d.project_id AND p.workspace_id = d.workspace_id
         LEFT JOIN apps a ON a.id = d.app_id AND a.project_id = d.project_id
         LEFT JOIN environments e ON e.id = d.environment_id AND e.app_id = d.app_id
         LEFT JOIN github_repo_connections g ON g.app_id = d.app_id
         WHERE d.id = ?",
        [deployment_id.into()],
    )
    .await?;
    // The collation ignores case; an id that differs in case is another id.
    Ok(subject.filter(|s| s.id == deployment_id))
}

/// Gives the workspace its Kubernetes namespace, once; whoever comes second keeps the first one's.
async fn ensure_namespace(db: &Db, workspace_id: &str) -> Result<(), Stop> {
    sql::execute(
        db.primary(),
        "UPDATE workspaces SET k8s_namespace = ? WHERE id = ? AND k8s_namespace IS NULL",
        [ids::dns_label(8).into(), workspace_id.into()],
    )
    .await?;
    Ok(())
}
