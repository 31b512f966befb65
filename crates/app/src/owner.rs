//! Whose app it is, and whether it and everything below it may go.

use durable::Stop;
use mysql::{Db, sql};
use sea_orm::FromQueryResult;
use serde::{Deserialize, Serialize};

/// What the last look needs when the row is gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, FromQueryResult)]
pub(crate) struct Owner {
    pub(crate) id: String,
    pub(crate) slug: String,
    pub(crate) workspace_id: String,
}

/// What there is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Found {
    Missing,
    /// Kind and id of what is protected.
    Protected(Vec<(String, String)>),
    App(Owner),
}

#[derive(FromQueryResult)]
struct Guarded {
    kind: String,
    id: String,
}

const PROTECTED: &str = "SELECT 'app' AS kind, id FROM apps WHERE id = ? AND delete_protection = 1
    UNION ALL SELECT 'environment', id FROM environments WHERE app_id = ? AND delete_protection = 1
    UNION ALL SELECT 'variable', id FROM app_environment_variables WHERE app_id = ? AND delete_protection = 1
    LIMIT 20";

/// Reads the primary: what is about to go must not be judged by a stale row.
pub(crate) async fn find(db: &Db, id: &str) -> Result<Found, Stop> {
    let owner: Option<Owner> = sql::one(
        db.primary(),
        "SELECT id, slug, workspace_id FROM apps WHERE id = ?",
        [id.into()],
    )
    .await?;
    // The collation ignores case; an id that differs in case is another id.
    let Some(owner) = owner.filter(|owner| owner.id == id) else {
        return Ok(Found::Missing);
    };
    let guarded: Vec<Guarded> =
        sql::all(db.primary(), PROTECTED, [id.into(), id.into(), id.into()]).await?;
    if guarded.is_empty() {
        return Ok(Found::App(owner));
    }
    let list = guarded.into_iter().map(|g| (g.kind, g.id));
    Ok(Found::Protected(list.collect()))
}

/// Ids of the environments that are left.
pub(crate) async fn children(db: &Db, id: &str) -> Result<Vec<String>, Stop> {
    #[derive(FromQueryResult)]
    struct Child {
        id: String,
    }
    let rows: Vec<Child> = sql::all(
        db.primary(),
        "SELECT id FROM environments WHERE app_id = ? ORDER BY pk LIMIT 200",
        [id.into()],
    )
    .await?;
    Ok(rows.into_iter().map(|row| row.id).collect())
}
