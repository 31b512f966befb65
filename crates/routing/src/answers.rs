//! The answer of the last change of an app's live deployment, kept with the change itself.
//!
//! A step can commit and lose its record; the repetition must give the same answer, and what was live before cannot be
//! read from the rows any more. One row per app suffices: the object handles one invocation after the other. The row
//! may be lost; then a repetition answers from what the rows still say.

use mysql::sql;
use mysql::{DbError, Tx};
use sea_orm::FromQueryResult;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Who was answered, and what.
#[derive(Debug, FromQueryResult)]
struct Kept {
    invocation_id: String,
    deployment_id: String,
    answer: String,
}

/// The answer given to this invocation or, failing that, the last one given about this deployment.
pub(crate) async fn kept<T: DeserializeOwned>(
    tx: &Tx,
    app_id: &str,
    asked: Asked<'_>,
) -> Result<Option<T>, DbError> {
    let sql = "SELECT invocation_id, deployment_id, answer FROM ctrl_worker_swaps WHERE app_id = ?";
    let row: Option<Kept> = sql::one(tx, sql, [app_id.into()]).await?;
    Ok(row
        .filter(|row| asked.matches(row))
        .and_then(|row| serde_json::from_str(&row.answer).ok()))
}

/// Keeps the answer given to this invocation.
pub(crate) async fn keep<T: Serialize>(
    tx: &Tx,
    app_id: &str,
    invocation_id: &str,
    deployment_id: &str,
    answer: &T,
    now: i64,
) -> Result<(), DbError> {
    let sql = "INSERT INTO ctrl_worker_swaps (app_id, invocation_id, deployment_id, answer, created_at) VALUES (?, ?, ?, ?, ?) \
         ON DUPLICATE KEY UPDATE invocation_id = VALUES(invocation_id), deployment_id = VALUES(deployment_id), \
         answer = VALUES(answer), created_at = VALUES(created_at)";
    let answer = serde_json::to_string(answer).map_err(|e| sea_orm::DbErr::Json(e.to_string()))?;
    sql::execute(
        tx,
        sql,
        [
            app_id.into(),
            invocation_id.into(),
            deployment_id.into(),
            answer.into(),
            now.into(),
        ],
    )
    .await
    .map(drop)
}

/// What makes a kept answer ours.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Asked<'a> {
    /// The same invocation.
    By(&'a str),
    /// Any invocation about the same deployment; only where it can be asked about once.
    About(&'a str),
}

impl Asked<'_> {
    fn matches(self, row: &Kept) -> bool {
        match self {
            Asked::By(invocation) => row.invocation_id == invocation,
            Asked::About(deployment) => row.deployment_id == deployment,
        }
    }
}
