//! The last transaction: the project, once it has no app any more.

use crate::owner::Owner;
use durable::Stop;
use mysql::{Db, DbError, sql};
use sea_orm::FromQueryResult;
use teardown::audit::{self, Deleted};
use teardown::chunk;

#[derive(FromQueryResult)]
struct Children {
    left: bool,
}

/// True when the project is gone; false while an app is left, whatever was listed before.
pub(crate) async fn delete(db: &Db, owner: &Owner) -> Result<bool, Stop> {
    Ok(mysql::retry(|| once(db, owner)).await?)
}

async fn once(db: &Db, owner: &Owner) -> Result<bool, DbError> {
    let tx = db.begin().await?;
    let id = || vec![owner.id.as_str().into()];
    sql::execute(
        &*tx,
        "SELECT pk FROM projects WHERE id = ? FOR UPDATE",
        id(),
    )
    .await?;
    let children: Option<Children> = sql::one(
        &*tx,
        "SELECT EXISTS (SELECT 1 FROM apps WHERE project_id = ?) AS `left`",
        id(),
    )
    .await?;
    if children.is_some_and(|children| children.left) {
        return Ok(false);
    }
    let deleted = chunk::delete_by(&*tx, "projects", "projects_id_unique", "id", id()).await?;
    if deleted > 0 {
        let entry = Deleted {
            kind: "project",
            id: &owner.id,
            name: &owner.slug,
            workspace_id: &owner.workspace_id,
        };
        audit::write(&tx, entry).await?;
    }
    tx.commit().await?;
    Ok(true)
}
