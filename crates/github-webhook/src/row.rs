//! The rows: what is read of the deployments before, and what is written of a new one.

use crate::contexts::Context;
use crate::place::Row;
use crate::push::Push;
use mysql::{DbError, Lock, Tx, sql};
use sea_orm::{FromQueryResult, Value};
use std::collections::BTreeMap;

/// How many deployments of an app's environment a push is looked for among.
const LOOKED_AT: usize = 500;
/// Longest texts of the columns: the message in bytes, the others in characters.
const MESSAGE: usize = 10_240;
const HANDLE: usize = 256;
const AVATAR: usize = 512;

/// What a new row is to be.
pub(crate) struct New<'a> {
    pub(crate) id: &'a str,
    pub(crate) status: &'static str,
    /// The later deployment of one that is overtaken.
    pub(crate) overtaken_by: Option<String>,
    pub(crate) created_at: i64,
}

#[derive(FromQueryResult)]
struct Settings {
    port: i32,
    cpu_millicores: i32,
    memory_mib: i32,
    command: Option<String>,
    healthcheck: Option<String>,
    shutdown_signal: String,
    sentinel_config: Vec<u8>,
}

#[derive(FromQueryResult)]
struct Variable {
    name: String,
    value: String,
}

/// The newest deployments of the app's environment, newest first. Only a push has a step `queued`. The index is named
/// because the server would rather walk the whole table backwards.
pub(crate) async fn newest(tx: &Tx, context: &Context) -> Result<Vec<Row>, DbError> {
    let sql = format!(
        "SELECT d.id, d.git_commit_sha AS sha, d.git_branch AS branch, d.fork_repository_full_name AS fork, d.pr_number AS pull,
                d.git_commit_timestamp AS timestamp, CAST(d.status AS CHAR) AS status, d.created_at,
                s.pk IS NOT NULL AS pushed, r.deployment_id IS NOT NULL AS taken,
                COALESCE(r.end_reason = 'superseded', 0) AS superseded
         FROM deployments d FORCE INDEX (project_idx)
         LEFT JOIN deployment_steps s ON s.deployment_id = d.id AND s.step = 'queued'
         LEFT JOIN ctrl_worker_runs r ON r.deployment_id = d.id
         WHERE d.project_id = ? AND d.app_id = ? AND d.environment_id = ?
         ORDER BY d.pk DESC LIMIT {LOOKED_AT}"
    );
    let mut rows: Vec<Row> = sql::all(
        tx,
        &sql,
        [
            context.project_id.as_str().into(),
            context.app_id.as_str().into(),
            context.environment_id.as_str().into(),
        ],
    )
    .await?;
    // Stable: rows of one millisecond stay in the order of their numbers.
    rows.sort_by_key(|row| std::cmp::Reverse(row.created_at));
    Ok(rows)
}

/// Writes the deployment with a copy of its settings and the step `queued`. False: the app has no such settings (any
/// more).
pub(crate) async fn write(
    tx: &Tx,
    push: &Push,
    context: &Context,
    new: &New<'_>,
) -> Result<bool, DbError> {
    let Some(settings) = settings(tx, context).await? else {
        return Ok(false);
    };
    let variables = match new.status {
        // never started
        "skipped" => Vec::new(),
        _ => variables(tx, context).await?,
    };
    if new.overtaken_by.is_some() {
        ended_run(tx, new).await?;
    }
    tx.touch(Lock::Deployments);
    deployment(tx, push, context, new, settings, variables).await?;
    step(tx, context, new).await?;
    Ok(true)
}

async fn settings(tx: &Tx, context: &Context) -> Result<Option<Settings>, DbError> {
    sql::one(
        tx,
        "SELECT port, cpu_millicores, memory_mib, CAST(command AS CHAR) AS command,
                CAST(healthcheck AS CHAR) AS healthcheck, CAST(shutdown_signal AS CHAR) AS shutdown_signal, sentinel_config
         FROM app_runtime_settings WHERE app_id = ? AND environment_id = ?",
        [
            context.app_id.as_str().into(),
            context.environment_id.as_str().into(),
        ],
    )
    .await
}

/// The environment's variables as they are stored: encrypted.
async fn variables(tx: &Tx, context: &Context) -> Result<Vec<u8>, DbError> {
    let rows: Vec<Variable> = sql::all(
        tx,
        "SELECT `key` AS name, value FROM app_environment_variables WHERE app_id = ? AND environment_id = ?",
        [
            context.app_id.as_str().into(),
            context.environment_id.as_str().into(),
        ],
    )
    .await?;
    let secrets: BTreeMap<String, String> = rows.into_iter().map(|v| (v.name, v.value)).collect();
    Ok(match secrets.is_empty() {
        true => Vec::new(),
        false => serde_json::json!({ "secrets": secrets })
            .to_string()
            .into_bytes(),
    })
}

/// So that no Deploy takes it.
async fn ended_run(tx: &Tx, new: &New<'_>) -> Result<(), DbError> {
    tx.touch(Lock::Runs);
    sql::execute(
        tx,
        "INSERT IGNORE INTO ctrl_worker_runs (deployment_id, invocation_id, claimed_at, ended_at, end_reason)
         VALUES (?, '', ?, ?, 'superseded')",
        [new.id.into(), new.created_at.into(), new.created_at.into()],
    )
    .await
    .map(drop)
}

async fn deployment(
    tx: &Tx,
    push: &Push,
    context: &Context,
    new: &New<'_>,
    settings: Settings,
    variables: Vec<u8>,
) -> Result<(), DbError> {
    let message = &push.message[..push.message.floor_char_boundary(MESSAGE)];
    let columns: [(&str, Value); 25] = [
        ("id", new.id.into()),
        ("k8s_name", ids::derived_dns_label(12, &[new.id]).into()),
        ("workspace_id", context.workspace_id.as_str().into()),
        ("project_id", context.project_id.as_str().into()),
        ("environment_id", context.environment_id.as_str().into()),
        ("app_id", context.app_id.as_str().into()),
        ("git_commit_sha", push.sha.as_str().into()),
        ("git_branch", push.branch.as_str().into()),
        ("git_commit_message", text(message, usize::MAX)),
        (
            "git_commit_author_handle",
            text(&push.author_handle, HANDLE),
        ),
        (
            "git_commit_author_avatar_url",
            text(&push.author_avatar_url, AVATAR),
        ),
        ("git_commit_timestamp", number(push.timestamp)),
        ("sentinel_config", settings.sentinel_config.into()),
        ("cpu_millicores", settings.cpu_millicores.into()),
        ("memory_mib", settings.memory_mib.into()),
        ("desired_state", "running".into()),
        ("encrypted_environment_variables", variables.into()),
        (
            "command",
            settings.command.as_deref().unwrap_or("[]").into(),
        ),
        ("port", settings.port.into()),
        ("shutdown_signal", settings.shutdown_signal.into()),
        ("healthcheck", settings.healthcheck.into()),
        ("pr_number", number(push.pull)),
        ("fork_repository_full_name", push.fork.clone().into()),
        ("status", new.status.into()),
        ("created_at", new.created_at.into()),
    ];
    let names: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
    let sql = format!(
        "INSERT INTO deployments ({}) VALUES ({})",
        names.join(", "),
        sql::marks(names.len())
    );
    sql::execute(tx, &sql, columns.map(|(_, value)| value))
        .await
        .map(drop)
}

async fn step(tx: &Tx, context: &Context, new: &New<'_>) -> Result<(), DbError> {
    let ended = (new.status == "skipped").then_some(new.created_at);
    let error = new.overtaken_by.as_ref();
    sql::execute(
        tx,
        "INSERT INTO deployment_steps (workspace_id, project_id, app_id, environment_id, deployment_id, step, started_at, ended_at, error)
         VALUES (?, ?, ?, ?, ?, 'queued', ?, ?, ?)",
        [
            context.workspace_id.as_str().into(),
            context.project_id.as_str().into(),
            context.app_id.as_str().into(),
            context.environment_id.as_str().into(),
            new.id.into(),
            new.created_at.into(),
            ended.into(),
            error.map(|id| format!("superseded by {id}")).into(),
        ],
    )
    .await
    .map(drop)
}

/// NULL for an empty text, else its first `longest` characters.
fn text(text: &str, longest: usize) -> Value {
    let text: String = text.chars().take(longest).collect();
    (!text.is_empty()).then_some(text).into()
}

/// NULL for 0.
fn number(number: i64) -> Value {
    (number != 0).then_some(number).into()
}
