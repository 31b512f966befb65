//! Deployments, as `CreateDeployment` of the control API inserts them before it sends `Deploy`.

use std::collections::BTreeMap;

use mysql::Db;
use sea_orm::{ConnectionTrait, DbBackend, QueryResult, Statement, Value};

use crate::{IntentError, insert};

/// Rows per statement of [`create_deployments`].
const BATCH: usize = 500;

/// Where the code of a deployment comes from. Empty fields are stored as NULL.
#[derive(Clone, Debug, Default)]
pub struct GitCommit {
    /// Hash of the commit.
    pub sha: String,
    /// Branch name.
    pub branch: String,
    /// Message, cut at 10 240 bytes.
    pub message: String,
    /// Author's handle, cut at 256 bytes.
    pub author_handle: String,
    /// Author's picture, cut at 512 bytes.
    pub author_avatar_url: String,
    /// Epoch milliseconds; 0 for none.
    pub timestamp: i64,
}

/// A deployment to be created. Start from [`NewDeployment::production`] or [`NewDeployment::preview`].
#[derive(Clone, Debug)]
pub struct NewDeployment {
    /// App to deploy.
    pub app_id: String,
    /// Slug of the environment, `production` or `preview`.
    pub environment_slug: String,
    /// Git metadata.
    pub git: GitCommit,
    /// Number of the pull request.
    pub pr_number: Option<i64>,
    /// Repository of a fork, `owner/name`.
    pub fork_repository_full_name: Option<String>,
    /// Instead of the app's setting: thousandths of a core per replica.
    pub cpu_millicores: Option<i32>,
    /// Instead of the app's setting: MiB per replica.
    pub memory_mib: Option<i32>,
    /// Instead of the app's setting: container port.
    pub port: Option<i32>,
    /// The control API leaves the image to the message; a test that starts from a finished deployment sets it.
    pub image: Option<String>,
    /// Value of `deployments.status`. The control API writes `pending` or `awaiting_approval`; tests may write any.
    pub status: &'static str,
    /// Value of `deployments.desired_state`. The control API leaves it at `running`.
    pub desired_state: &'static str,
    /// Epoch milliseconds; now when absent.
    pub created_at: Option<i64>,
}

impl NewDeployment {
    /// A deployment of the app's production environment.
    pub fn production(app_id: &str) -> Self {
        Self::of(app_id, "production")
    }

    /// A deployment of the app's preview environment.
    pub fn preview(app_id: &str) -> Self {
        Self::of(app_id, "preview")
    }

    /// A deployment of the environment with this slug.
    pub fn of(app_id: &str, environment_slug: &str) -> Self {
        Self {
            app_id: app_id.to_owned(),
            environment_slug: environment_slug.to_owned(),
            git: GitCommit::default(),
            pr_number: None,
            fork_repository_full_name: None,
            cpu_millicores: None,
            memory_mib: None,
            port: None,
            image: None,
            status: "pending",
            desired_state: "running",
            created_at: None,
        }
    }

    /// Sets branch and commit.
    pub fn git(mut self, branch: &str, sha: &str) -> Self {
        self.git.branch = branch.to_owned();
        self.git.sha = sha.to_owned();
        self
    }

    /// Sets the status, for tests that begin in the middle.
    pub fn status(mut self, status: &'static str) -> Self {
        self.status = status;
        self
    }

    /// Sets the image, for tests that begin in the middle.
    pub fn image(mut self, image: &str) -> Self {
        self.image = Some(image.to_owned());
        self
    }
}

/// Writes one deployment with a snapshot of the settings; returns its id.
///
/// # Errors
/// [`IntentError::NotFound`] when the app has no such environment or no runtime settings.
pub async fn create_deployment(db: &Db, new: &NewDeployment) -> Result<String, IntentError> {
    let mut ids = create_deployments(db, new, 1).await?;
    Ok(ids.remove(0))
}

/// Writes `count` deployments that differ only in their ids, in few statements; returns the ids.
pub async fn create_deployments(
    db: &Db,
    new: &NewDeployment,
    count: usize,
) -> Result<Vec<String>, IntentError> {
    let snapshot = snapshot(db, new).await?;
    let ids: Vec<String> = (0..count)
        .map(|_| ids::random(ids::Prefix::DEPLOYMENT))
        .collect();
    for chunk in ids.chunks(BATCH) {
        let rows = chunk.iter().map(|id| columns(id, new, &snapshot)).collect();
        insert::rows(db.primary(), "deployments", rows).await?;
    }
    Ok(ids)
}

/// What the control API does when the send of `Deploy` failed: the row becomes `failed`.
pub async fn mark_not_sent(db: &Db, deployment_id: &str) -> Result<(), IntentError> {
    change_status(db, deployment_id, "pending", "failed")
        .await
        .map(drop)
}

/// What the control API does when somebody approves a deployment: `awaiting_approval` becomes `pending`.
/// `false` when it was not waiting.
pub async fn authorize_deployment(db: &Db, deployment_id: &str) -> Result<bool, IntentError> {
    change_status(db, deployment_id, "awaiting_approval", "pending").await
}

async fn change_status(db: &Db, id: &str, from: &str, to: &str) -> Result<bool, IntentError> {
    let done = db
        .primary()
        .execute_raw(Statement::from_sql_and_values(
            DbBackend::MySql,
            "UPDATE deployments SET status = ?, updated_at = ? WHERE id = ? AND status = ?",
            [to.into(), mysql::now_ms().into(), id.into(), from.into()],
        ))
        .await?;
    Ok(done.rows_affected() > 0)
}

/// The settings a deployment keeps although the app's settings change later.
struct Snapshot {
    settings: QueryResult,
    variables: Vec<u8>,
}

async fn snapshot(db: &Db, new: &NewDeployment) -> Result<Snapshot, IntentError> {
    let settings = db
        .primary()
        .query_one_raw(Statement::from_sql_and_values(
            DbBackend::MySql,
            "SELECT a.workspace_id, a.project_id, e.id AS environment_id, r.port, r.cpu_millicores, r.memory_mib, \
             CAST(r.command AS CHAR) AS command, CAST(r.healthcheck AS CHAR) AS healthcheck, \
             CAST(r.shutdown_signal AS CHAR) AS shutdown_signal, r.sentinel_config \
             FROM apps a JOIN environments e ON e.app_id = a.id \
             JOIN app_runtime_settings r ON r.app_id = a.id AND r.environment_id = e.id \
             WHERE a.id = ? AND e.slug = ?",
            [new.app_id.clone().into(), new.environment_slug.clone().into()],
        ))
        .await?
        .ok_or_else(|| IntentError::NotFound {
            what: "app with the environment",
            id: format!("{}/{}", new.app_id, new.environment_slug),
        })?;
    let environment_id: String = settings.try_get("", "environment_id")?;
    let rows = db
        .primary()
        .query_all_raw(Statement::from_sql_and_values(
            DbBackend::MySql,
            "SELECT `key` AS name, value FROM app_environment_variables WHERE app_id = ? AND environment_id = ?",
            [new.app_id.clone().into(), environment_id.into()],
        ))
        .await?;
    let mut secrets = BTreeMap::<String, String>::new();
    for row in rows {
        secrets.insert(row.try_get("", "name")?, row.try_get("", "value")?);
    }
    let variables = match secrets.is_empty() {
        true => Vec::new(),
        false => serde_json::json!({ "secrets": secrets })
            .to_string()
            .into_bytes(),
    };
    Ok(Snapshot {
        settings,
        variables,
    })
}

fn columns(id: &str, new: &NewDeployment, snapshot: &Snapshot) -> Vec<insert::Column> {
    let text = |name: &str| -> Value {
        snapshot
            .settings
            .try_get::<Option<String>>("", name)
            .ok()
            .flatten()
            .into()
    };
    let number = |own: Option<i32>, name: &str| -> Value {
        own.or_else(|| snapshot.settings.try_get("", name).ok())
            .unwrap_or_default()
            .into()
    };
    let git = &new.git;
    vec![
        ("id", id.into()),
        ("k8s_name", ids::dns_label(12).into()),
        ("workspace_id", text("workspace_id")),
        ("project_id", text("project_id")),
        ("environment_id", text("environment_id")),
        ("app_id", new.app_id.clone().into()),
        ("image", new.image.clone().into()),
        ("git_commit_sha", unless_empty(&git.sha, 40)),
        ("git_branch", unless_empty(&git.branch, 256)),
        ("git_commit_message", unless_empty(&git.message, 10_240)),
        (
            "git_commit_author_handle",
            unless_empty(&git.author_handle, 256),
        ),
        (
            "git_commit_author_avatar_url",
            unless_empty(&git.author_avatar_url, 512),
        ),
        (
            "git_commit_timestamp",
            (git.timestamp != 0).then_some(git.timestamp).into(),
        ),
        (
            "sentinel_config",
            snapshot
                .settings
                .try_get::<Vec<u8>>("", "sentinel_config")
                .unwrap_or_default()
                .into(),
        ),
        (
            "cpu_millicores",
            number(new.cpu_millicores, "cpu_millicores"),
        ),
        ("memory_mib", number(new.memory_mib, "memory_mib")),
        ("desired_state", new.desired_state.into()),
        (
            "encrypted_environment_variables",
            snapshot.variables.clone().into(),
        ),
        ("command", text("command")),
        ("port", number(new.port, "port")),
        ("shutdown_signal", text("shutdown_signal")),
        ("healthcheck", text("healthcheck")),
        ("pr_number", new.pr_number.into()),
        (
            "fork_repository_full_name",
            new.fork_repository_full_name.clone().into(),
        ),
        ("status", new.status.into()),
        (
            "created_at",
            new.created_at.unwrap_or_else(mysql::now_ms).into(),
        ),
    ]
}

/// NULL for an empty text, else the text cut to `bytes` at the end of a character.
fn unless_empty(text: &str, bytes: usize) -> Value {
    if text.is_empty() {
        return Value::String(None);
    }
    text[..text.floor_char_boundary(bytes)].to_owned().into()
}

#[cfg(test)]
mod tests {
    use super::unless_empty;
    use sea_orm::Value;

    #[test]
    fn long_text_is_cut_at_a_character() {
        assert_eq!(unless_empty("aéé", 2), Value::from("a".to_owned()));
        assert_eq!(unless_empty("aé", 3), Value::from("aé".to_owned()));
        assert_eq!(unless_empty("", 3), Value::String(None));
    }
}
