//! The rows of a workspace and of its user. Reads go to the primary: a replica may not know the retention of today.

use durable::{Stop, codes};
use mysql::{Class, Db, DbError, sql};
use sea_orm::FromQueryResult;
use serde::{Deserialize, Serialize};

use crate::limits::Limits;

/// What is known of a workspace before anything is done.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Found {
    /// Whether it has settings, and with them a password.
    pub(crate) settings: bool,
    /// For how many days its logs are kept.
    pub(crate) days: u32,
}

#[derive(FromQueryResult)]
struct Row {
    id: String,
    enabled: bool,
    days: Option<i32>,
    settings: i64,
}

/// Looks the workspace up.
pub(crate) async fn find(db: &Db, workspace: &str) -> Result<Found, Stop> {
    const SQL: &str = "SELECT w.id, w.enabled, q.logs_retention_days AS days, s.workspace_id IS NOT NULL AS settings
        FROM workspaces w LEFT JOIN quota q ON q.workspace_id = w.id
        LEFT JOIN clickhouse_workspace_settings s ON s.workspace_id = w.id
        WHERE w.id = ? AND w.deleted_at_m IS NULL";
    let row: Option<Row> = mysql::retry(|| sql::one(db.primary(), SQL, [workspace.into()])).await?;
    // the database compares without case, ClickHouse does not
    let Some(row) = row.filter(|row| row.id == workspace) else {
        return Err(Stop::fault(
            codes::OWNER_NOT_FOUND,
            format!("There is no workspace {workspace}."),
        ));
    };
    if !row.enabled {
        let text = format!("The workspace {workspace} is disabled: enable it first.");
        return Err(Stop::fault(codes::CONFLICT, text));
    }
    let Some(days) = row.days else {
        let text = format!(
            "The workspace {workspace} has no quota row, so it is not known for how long its logs are kept: create the row first."
        );
        return Err(Stop::fault(codes::NO_QUOTA, text));
    };
    let Ok(days) = u32::try_from(days) else {
        let text =
            format!("quota.logs_retention_days of {workspace} is {days}: set it to 0 or more.");
        return Err(Stop::fault(codes::BAD_DATA, text));
    };
    Ok(Found {
        settings: row.settings != 0,
        days,
    })
}

/// Inserts the settings of a new user; a row that is there already keeps its password and gets the limits.
pub(crate) async fn insert(
    db: &Db,
    workspace: &str,
    sealed: &str,
    limits: &Limits,
) -> Result<(), Stop> {
    const SQL: &str = "INSERT INTO clickhouse_workspace_settings
        (workspace_id, username, password_encrypted, quota_duration_seconds, max_queries_per_window, max_execution_time_per_window,
         max_query_execution_time, max_query_memory_bytes, max_query_result_rows, created_at, updated_at)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
    let now = mysql::now_ms();
    let inserted = mysql::retry(|| async {
        let values = [
            workspace.into(),
            workspace.into(),
            sealed.into(),
            limits.quota_duration_seconds.into(),
            limits.max_queries_per_window.into(),
            limits.max_execution_time_per_window.into(),
            limits.max_query_execution_time.into(),
            limits.max_query_memory_bytes.into(),
            limits.max_query_result_rows.into(),
            now.into(),
            now.into(),
        ];
        sql::execute(db.primary(), SQL, values).await
    })
    .await;
    match inserted {
        Ok(_) => Ok(()),
        Err(error) if is_duplicate(&error) => update(db, workspace, limits).await,
        Err(error) => Err(error.into()),
    }
}

fn is_duplicate(error: &DbError) -> bool {
    matches!(error.class(), Class::Duplicate { .. })
}

/// Writes the limits of a known user.
pub(crate) async fn update(db: &Db, workspace: &str, limits: &Limits) -> Result<(), Stop> {
    const SQL: &str = "UPDATE clickhouse_workspace_settings SET quota_duration_seconds = ?, max_queries_per_window = ?,
        max_execution_time_per_window = ?, max_query_execution_time = ?, max_query_memory_bytes = ?, max_query_result_rows = ?, updated_at = ?
        WHERE workspace_id = ?";
    let now = mysql::now_ms();
    let matched = mysql::retry(|| async {
        let values = [
            limits.quota_duration_seconds.into(),
            limits.max_queries_per_window.into(),
            limits.max_execution_time_per_window.into(),
            limits.max_query_execution_time.into(),
            limits.max_query_memory_bytes.into(),
            limits.max_query_result_rows.into(),
            now.into(),
            workspace.into(),
        ];
        sql::execute(db.primary(), SQL, values).await
    })
    .await?;
    if matched == 0 {
        Err(gone(workspace))
    } else {
        Ok(())
    }
}

/// The sealed password.
pub(crate) async fn sealed(db: &Db, workspace: &str) -> Result<String, Stop> {
    #[derive(FromQueryResult)]
    struct Sealed {
        password_encrypted: String,
    }
    const SQL: &str =
        "SELECT password_encrypted FROM clickhouse_workspace_settings WHERE workspace_id = ?";
    let row: Option<Sealed> =
        mysql::retry(|| sql::one(db.primary(), SQL, [workspace.into()])).await?;
    Ok(row.ok_or_else(|| gone(workspace))?.password_encrypted)
}

/// The row was there a moment ago.
fn gone(workspace: &str) -> Stop {
    let text = format!(
        "The settings of {workspace} were deleted meanwhile, or belong to another workspace: call again."
    );
    Stop::fault(codes::CONFLICT, text)
}
