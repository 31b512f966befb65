//! The last transaction: the app, once it has no environment any more.

use crate::owner::Owner;
use durable::Stop;
use mysql::{Db, DbError, Lock, sql};
use sea_orm::FromQueryResult;
use teardown::audit::{self, Deleted};
use teardown::chunk;

#[derive(FromQueryResult)]
struct Children {
    left: bool,
}

/// Tables with rows of an app that would be of nobody once its environments are gone, and the index that finds them.
const TABLES: [(&str, &str); 6] = [
    ("app_environment_variables", "app_env_id_key"),
    ("app_regional_settings", "unique_app_env_region"),
    ("app_build_settings", "app_build_settings_app_env_idx"),
    ("app_runtime_settings", "app_runtime_settings_app_env_idx"),
    ("ctrl_worker_rollback_sources", "PRIMARY"),
    ("ctrl_worker_swaps", "PRIMARY"),
];

/// Deletes the repository connection: the next push finds no app. Repeated it finds nothing.
pub(crate) async fn disconnect(db: &Db, id: &str) -> Result<(), Stop> {
    let keys = || vec![id.into()];
    mysql::retry(|| {
        chunk::delete_by(
            db.primary(),
            "github_repo_connections",
            "github_repo_connections_app_id_unique",
            "app_id",
            keys(),
        )
    })
    .await?;
    Ok(())
}

/// True when the app is gone; false while an environment is left, whatever was listed before.
pub(crate) async fn delete(db: &Db, owner: &Owner) -> Result<bool, Stop> {
    Ok(mysql::retry(|| once(db, owner)).await?)
}

async fn once(db: &Db, owner: &Owner) -> Result<bool, DbError> {
    let tx = db.begin().await?;
    let id = || vec![owner.id.as_str().into()];
    tx.touch(Lock::Apps);
    sql::execute(&*tx, "SELECT pk FROM apps WHERE id = ? FOR UPDATE", id()).await?;
    let children: Option<Children> = sql::one(
        &*tx,
        "SELECT EXISTS (SELECT 1 FROM environments WHERE app_id = ?) AS `left`",
        id(),
    )
    .await?;
    if children.is_some_and(|children| children.left) {
        return Ok(false);
    }
    for (table, index) in TABLES {
        chunk::delete_by(&*tx, table, index, "app_id", id()).await?;
    }
    let deleted = chunk::delete_by(&*tx, "apps", "apps_id_unique", "id", id()).await?;
    if deleted > 0 {
        let entry = Deleted {
            kind: "app",
            id: &owner.id,
            name: &owner.slug,
            workspace_id: &owner.workspace_id,
        };
        audit::write(&tx, entry).await?;
    }
    tx.commit().await?;
    Ok(true)
}
