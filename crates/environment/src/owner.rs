//! Whose environment it is, and whether it may go.

use durable::Stop;
use mysql::{Db, sql};
use sea_orm::FromQueryResult;
use serde::{Deserialize, Serialize};

/// The owners every statement is scoped by. Kept in the object state, because the environment's row goes before the
/// last look.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, FromQueryResult)]
pub(crate) struct Owner {
    pub(crate) id: String,
    pub(crate) slug: String,
    pub(crate) workspace_id: String,
    pub(crate) project_id: String,
    pub(crate) app_id: String,
}

/// What there is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Found {
    Missing,
    /// Kind and id of what is protected.
    Protected(Vec<(String, String)>),
    Environment(Owner),
}

#[derive(FromQueryResult)]
struct Row {
    id: String,
    slug: String,
    workspace_id: String,
    project_id: String,
    app_id: String,
    protected: bool,
}

#[derive(FromQueryResult)]
struct Variable {
    id: String,
}

/// Reads the primary: what is about to go must not be judged by a stale row.
pub(crate) async fn find(db: &Db, id: &str) -> Result<Found, Stop> {
    let row: Option<Row> = sql::one(
        db.primary(),
        "SELECT id, slug, workspace_id, project_id, app_id, COALESCE(delete_protection, 0) <> 0 AS protected FROM environments WHERE id = ?",
        [id.into()],
    )
    .await?;
    // The collation ignores case; an id that differs in case is another id.
    let Some(row) = row.filter(|row| row.id == id) else {
        return Ok(Found::Missing);
    };
    let mut protected = Vec::new();
    if row.protected {
        protected.push(("environment".to_owned(), row.id.clone()));
    }
    let variables: Vec<Variable> = sql::all(
        db.primary(),
        "SELECT id FROM app_environment_variables WHERE app_id = ? AND environment_id = ? AND delete_protection = 1 ORDER BY id LIMIT 20",
        [row.app_id.as_str().into(), row.id.as_str().into()],
    )
    .await?;
    protected.extend(variables.into_iter().map(|v| ("variable".to_owned(), v.id)));
    if !protected.is_empty() {
        return Ok(Found::Protected(protected));
    }
    Ok(Found::Environment(Owner {
        id: row.id,
        slug: row.slug,
        workspace_id: row.workspace_id,
        project_id: row.project_id,
        app_id: row.app_id,
    }))
}
