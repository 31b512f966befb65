//! Whose build it is, as the database says.

use durable::{Stop, codes};
use mysql::Db;
use mysql::sql;
use sea_orm::FromQueryResult;
use serde::{Deserialize, Serialize};

/// What a build needs of the rows. Without variables: they are read where they are used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, FromQueryResult)]
pub(crate) struct Subject {
    pub(crate) workspace_id: String,
    pub(crate) project_id: String,
    pub(crate) environment_id: String,
    pub(crate) depot_project_id: Option<String>,
}

impl Subject {
    /// The project that has none at the builder yet.
    pub(crate) fn needs_project(&self, kind: &str) -> Option<&str> {
        let known = self
            .depot_project_id
            .as_deref()
            .is_some_and(|p| !p.is_empty());
        (kind == "depot" && !known).then_some(self.project_id.as_str())
    }
}

/// Reads it. Terminal: no such deployment, or one that does not want its image any more.
pub(crate) async fn load(db: &Db, deployment_id: &str) -> Result<Subject, Stop> {
    let subject: Option<Subject> = sql::one(
        db.primary(),
        "SELECT d.workspace_id, d.project_id, d.environment_id, p.depot_project_id
         FROM deployments d JOIN projects p ON p.id = d.project_id AND p.workspace_id = d.workspace_id
         WHERE d.id = ? AND BINARY d.id = ? AND d.status = 'building'",
        [deployment_id.into(), deployment_id.into()],
    )
    .await?;
    subject.ok_or_else(|| {
        Stop::fault(
            codes::CONFLICT,
            format!("There is no deployment `{deployment_id}` that is being built."),
        )
    })
}

#[derive(FromQueryResult)]
struct Found {
    #[expect(dead_code, reason = "only whether there is a row")]
    one: i64,
}

/// Whether the deployment still wants its image.
pub(crate) async fn wanted(db: &Db, deployment_id: &str) -> Result<bool, Stop> {
    let found: Option<Found> = sql::one(
        db.primary(),
        "SELECT 1 AS one FROM deployments WHERE id = ? AND status = 'building'",
        [deployment_id.into()],
    )
    .await?;
    Ok(found.is_some())
}
