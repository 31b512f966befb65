//! Where an app's source code is and how it is built, as the dashboard's forms set it.

use mysql::Db;
use sea_orm::{ConnectionTrait, DbBackend, Statement, Value};

use crate::{AppRows, IntentError, connect_repository};

/// How the pushes of one environment are built.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BuildSettings {
    /// Path inside the context; empty: `Dockerfile`.
    pub dockerfile: String,
    /// Directory in the repository; empty: its root.
    pub context: String,
    /// Globs, of which one must match a changed file; empty: every push builds.
    pub watch_paths: Vec<String>,
}

/// A repository on GitHub, as an installation of the App sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repository {
    /// Installation of the App.
    pub installation_id: i64,
    /// The repository's number.
    pub repository_id: i64,
    /// `owner/name`.
    pub full_name: String,
}

/// Where the app's code is; absent while no repository is connected.
pub async fn repository_of(db: &Db, app_id: &str) -> Result<Option<Repository>, IntentError> {
    let sql = "SELECT installation_id, repository_id, repository_full_name FROM github_repo_connections WHERE app_id = ?";
    let row = db
        .primary()
        .query_one_raw(statement(sql, [app_id.into()]))
        .await?;
    row.map(|row| {
        Ok(Repository {
            installation_id: row.try_get("", "installation_id")?,
            repository_id: row.try_get("", "repository_id")?,
            full_name: row.try_get("", "repository_full_name")?,
        })
    })
    .transpose()
}

/// Connects the app to this repository, in place of another one; `false` when it was already.
pub async fn set_repository(
    db: &Db,
    app: &AppRows,
    repository: &Repository,
) -> Result<bool, IntentError> {
    let Repository {
        installation_id,
        repository_id,
        full_name,
    } = repository;
    match repository_of(db, &app.app_id).await? {
        Some(known) if known == *repository => return Ok(false),
        Some(_) => {
            let sql = "UPDATE github_repo_connections SET installation_id = ?, repository_id = ?, \
                       repository_full_name = ?, updated_at = ? WHERE app_id = ?";
            let values = [
                (*installation_id).into(),
                (*repository_id).into(),
                full_name.clone().into(),
                mysql::now_ms().into(),
                app.app_id.clone().into(),
            ];
            db.primary().execute_raw(statement(sql, values)).await?;
        }
        None => connect_repository(db, app, *installation_id, *repository_id, full_name).await?,
    }
    Ok(true)
}

/// How an environment of an app is built.
///
/// # Errors
/// [`IntentError::NotFound`] when it has no such settings.
pub async fn build_settings(db: &Db, environment_id: &str) -> Result<BuildSettings, IntentError> {
    let sql = "SELECT dockerfile, docker_context, CAST(watch_paths AS CHAR) AS watch_paths \
               FROM app_build_settings WHERE environment_id = ?";
    let row = db
        .primary()
        .query_one_raw(statement(sql, [environment_id.into()]))
        .await?;
    let row = row.ok_or_else(|| IntentError::NotFound {
        what: "build settings of environment",
        id: environment_id.to_owned(),
    })?;
    let paths: String = row.try_get("", "watch_paths")?;
    Ok(BuildSettings {
        dockerfile: row.try_get("", "dockerfile")?,
        context: row.try_get("", "docker_context")?,
        watch_paths: serde_json::from_str(&paths).unwrap_or_default(),
    })
}

/// Replaces how an environment is built.
pub async fn set_build_settings(
    db: &Db,
    environment_id: &str,
    settings: &BuildSettings,
) -> Result<(), IntentError> {
    let sql = "UPDATE app_build_settings SET dockerfile = ?, docker_context = ?, watch_paths = ?, updated_at = ? \
               WHERE environment_id = ?";
    let values = [
        settings.dockerfile.clone().into(),
        settings.context.clone().into(),
        serde_json::json!(settings.watch_paths).to_string().into(),
        mysql::now_ms().into(),
        environment_id.into(),
    ];
    db.primary().execute_raw(statement(sql, values)).await?;
    Ok(())
}

fn statement<const N: usize>(sql: &str, values: [Value; N]) -> Statement {
    Statement::from_sql_and_values(DbBackend::MySql, sql, values)
}
