//! The settings go early: without them the control API creates no deployment in this environment, and one that is on
//! its way finds no region.

use crate::owner::Owner;
use durable::Stop;
use mysql::{Db, DbError, Tx, sql};
use sea_orm::{FromQueryResult, Value};
use teardown::chunk;

/// Tables with rows per app and environment, besides the regional settings.
const TABLES: [&str; 3] = [
    "app_environment_variables",
    "app_build_settings",
    "app_runtime_settings",
];

const OF_ENVIRONMENT: &str = "t.app_id = ? AND t.environment_id = ?";

#[derive(FromQueryResult)]
struct Regional {
    pk: u64,
    policy: Option<String>,
}

/// Deletes all settings of the environment.
pub(crate) async fn delete(db: &Db, owner: &Owner) -> Result<(), Stop> {
    mysql::retry(|| regional(db, owner)).await?;
    for table in TABLES {
        let values = of(owner);
        mysql::retry(|| chunk::delete_all(db.primary(), table, OF_ENVIRONMENT, &values)).await?;
    }
    Ok(())
}

/// A chunk of each, for the last transaction.
pub(crate) async fn rest(tx: &Tx, owner: &Owner) -> Result<(), DbError> {
    regional_rows(tx, owner).await?;
    for table in TABLES {
        chunk::delete(&**tx, table, OF_ENVIRONMENT, of(owner)).await?;
    }
    Ok(())
}

fn of(owner: &Owner) -> [Value; 2] {
    [owner.app_id.as_str().into(), owner.id.as_str().into()]
}

async fn regional(db: &Db, owner: &Owner) -> Result<(), DbError> {
    let tx = db.begin().await?;
    regional_rows(&tx, owner).await?;
    tx.commit().await
}

/// Regional settings, and the autoscaling policies that only they used.
async fn regional_rows(tx: &Tx, owner: &Owner) -> Result<(), DbError> {
    let rows: Vec<Regional> = sql::all(
        &**tx,
        "SELECT pk, horizontal_autoscaling_policy_id AS policy FROM app_regional_settings WHERE app_id = ? AND environment_id = ?",
        of(owner),
    )
    .await?;
    let pks = rows.iter().map(|row| row.pk.into()).collect();
    chunk::delete_by(&**tx, "app_regional_settings", "PRIMARY", "pk", pks).await?;
    for policy in rows.into_iter().filter_map(|row| row.policy) {
        sql::execute(
            &**tx,
            "DELETE FROM horizontal_autoscaling_policies WHERE id = ? AND workspace_id = ?
             AND NOT EXISTS (SELECT 1 FROM app_regional_settings s WHERE s.workspace_id = ? AND s.horizontal_autoscaling_policy_id = ?)",
            [
                policy.as_str().into(),
                owner.workspace_id.as_str().into(),
                owner.workspace_id.as_str().into(),
                policy.as_str().into(),
            ],
        )
        .await?;
    }
    Ok(())
}
