//! The builder's id and token of a build, kept so that whoever comes after a crash attaches to the same one.

use crate::build::stop;
use crate::{Deps, seal};
use builder::{Builder, Secret, Ticket};
use durable::{Stop, codes};
use mysql::{Db, now_ms, sql};
use sea_orm::FromQueryResult;
use serde::{Deserialize, Serialize};

/// A build that was begun.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Begun {
    pub(crate) build_id: String,
}

/// A row of `ctrl_worker_builds`.
#[derive(Debug, Clone, FromQueryResult)]
pub(crate) struct Row {
    pub(crate) build_id: String,
    pub(crate) sealed_token: String,
    /// Epoch ms.
    pub(crate) deadline_at: i64,
    pub(crate) outcome: Option<String>,
    pub(crate) reason: Option<String>,
    pub(crate) finished_at: Option<i64>,
}

/// The build of a deployment, if one was begun.
pub(crate) async fn find(db: &Db, deployment_id: &str) -> Result<Option<Row>, Stop> {
    Ok(sql::one(
        db.primary(),
        "SELECT build_id, sealed_token, deadline_at, outcome, reason, finished_at FROM ctrl_worker_builds WHERE deployment_id = ?",
        [deployment_id.into()],
    )
    .await?)
}

/// Begins a build at the builder, or finds the one this very step began before its answer was lost.
pub(crate) async fn begin(
    deps: &Deps,
    builder: &dyn Builder,
    deployment_id: &str,
    project: Option<&str>,
) -> Result<Begun, Stop> {
    if let Some(row) = find(&deps.db, deployment_id).await? {
        return Ok(Begun {
            build_id: row.build_id,
        });
    }
    let ticket = builder.create_build(project).await.map_err(stop)?;
    let now = now_ms();
    let timeout = i64::try_from(deps.timings.build_timeout.as_millis()).unwrap_or(i64::MAX);
    let sealed = deps
        .sealing
        .seal(deployment_id, ticket.build_token.expose())
        .map_err(Stop::retry)?;
    sql::execute(
        deps.db.primary(),
        "INSERT INTO ctrl_worker_builds (deployment_id, build_id, sealed_token, deadline_at, created_at) VALUES (?, ?, ?, ?, ?)",
        [
            deployment_id.into(),
            ticket.build_id.as_str().into(),
            sealed.into(),
            now.saturating_add(timeout).into(),
            now.into(),
        ],
    )
    .await?;
    Ok(Begun {
        build_id: ticket.build_id,
    })
}

/// What the builder is spoken to with.
pub(crate) fn open(
    sealing: &seal::SealingKey,
    deployment_id: &str,
    row: &Row,
) -> Result<Ticket, Stop> {
    let token = sealing.open(deployment_id, &row.sealed_token).map_err(|why| {
        Stop::fault(
            codes::BUILDER_REFUSED,
            format!("The token of a build cannot be opened: {why}. Was `registry.password` changed while it ran? Deploy again."),
        )
    })?;
    Ok(Ticket {
        build_id: row.build_id.clone(),
        build_token: Secret::new(token),
    })
}
