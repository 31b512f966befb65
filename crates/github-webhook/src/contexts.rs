//! Which apps a repository feeds, and what a push to a branch means for one of them. Read on the primary: settings that
//! were just changed count.

use crate::push::Push;
use durable::{Stop, codes};
use mysql::{Db, sql};
use sea_orm::FromQueryResult;
use serde::{Deserialize, Serialize};

/// Most apps of one push.
pub(crate) const MOST_APPS: usize = 200;

/// The environment that the default branch goes to.
const PRODUCTION: &str = "production";
/// The environment of every other branch, and of every fork.
pub(crate) const PREVIEW: &str = "preview";
/// The default branch of an app that names none.
const MAIN: &str = "main";

/// What the decisions need; the settings a deployment keeps are read where it is written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Context {
    pub(crate) app_id: String,
    pub(crate) workspace_id: String,
    pub(crate) workspace_slug: String,
    pub(crate) project_id: String,
    pub(crate) environment_id: String,
    pub(crate) default_branch: String,
    /// As the app's connection names it, which Deploy compares.
    pub(crate) repository: String,
    pub(crate) dockerfile: String,
    pub(crate) docker_context: String,
    pub(crate) watch_paths: Vec<String>,
}

#[derive(FromQueryResult)]
struct AppId {
    app_id: String,
}

#[derive(FromQueryResult)]
struct AppRow {
    app_id: String,
    workspace_id: String,
    workspace_slug: String,
    project_id: String,
    default_branch: String,
    repository: String,
}

#[derive(FromQueryResult)]
struct BuildRow {
    environment_id: String,
    dockerfile: String,
    docker_context: String,
    watch_paths: Option<String>,
}

/// Ids of the apps the repository feeds, in the order they were connected; one more than [`MOST_APPS`] at most.
pub(crate) async fn list(db: &Db, push: &Push) -> Result<Vec<String>, Stop> {
    let apps: Vec<AppId> = sql::all(
        db.primary(),
        &format!(
            "SELECT app_id FROM github_repo_connections WHERE installation_id = ? AND repository_id = ? ORDER BY pk LIMIT {}",
            MOST_APPS + 1
        ),
        [push.installation.into(), push.repository_id.into()],
    )
    .await?;
    Ok(apps.into_iter().map(|app| app.app_id).collect())
}

/// What the push means for one app. None: it is being deleted, or has no such environment.
pub(crate) async fn load(db: &Db, push: &Push, app_id: &str) -> Result<Option<Context>, Stop> {
    let app: Option<AppRow> = sql::one(
        db.primary(),
        "SELECT a.id AS app_id, a.workspace_id, w.slug AS workspace_slug, a.project_id, a.default_branch,
                g.repository_full_name AS repository
         FROM github_repo_connections g
         JOIN apps a ON a.id = g.app_id
         JOIN projects p ON p.id = a.project_id AND p.workspace_id = a.workspace_id
         JOIN workspaces w ON w.id = a.workspace_id
         WHERE g.app_id = ? AND g.installation_id = ? AND g.repository_id = ?",
        [
            app_id.into(),
            push.installation.into(),
            push.repository_id.into(),
        ],
    )
    .await?;
    let Some(app) = app else { return Ok(None) };
    let default_branch = match app.default_branch.as_str() {
        "" => MAIN,
        branch => branch,
    };
    let build: Option<BuildRow> = sql::one(
        db.primary(),
        "SELECT e.id AS environment_id, b.dockerfile, b.docker_context, CAST(b.watch_paths AS CHAR) AS watch_paths
         FROM environments e
         JOIN app_build_settings b ON b.app_id = e.app_id AND b.environment_id = e.id
         JOIN app_runtime_settings r ON r.app_id = e.app_id AND r.environment_id = e.id
         WHERE e.app_id = ? AND e.slug = ?",
        [
            app.app_id.as_str().into(),
            environment(push, default_branch).into(),
        ],
    )
    .await?;
    let Some(build) = build else { return Ok(None) };
    Ok(Some(Context {
        watch_paths: watch_paths(build.watch_paths.as_deref(), app_id)?,
        default_branch: default_branch.to_owned(),
        app_id: app.app_id,
        workspace_id: app.workspace_id,
        workspace_slug: app.workspace_slug,
        project_id: app.project_id,
        environment_id: build.environment_id,
        repository: app.repository,
        dockerfile: build.dockerfile,
        docker_context: build.docker_context,
    }))
}

/// Slug of the environment a push goes to. A fork's code never gets near production, whatever its branch is called.
fn environment(push: &Push, default_branch: &str) -> &'static str {
    match push.fork.is_none() && push.branch == default_branch {
        true => PRODUCTION,
        false => PREVIEW,
    }
}

/// The list in the column; NULL, nothing and `null` are none.
fn watch_paths(json: Option<&str>, app_id: &str) -> Result<Vec<String>, Stop> {
    let json = json.map_or("", str::trim);
    if json.is_empty() {
        return Ok(Vec::new());
    }
    let list: Result<Option<Vec<String>>, _> = serde_json::from_str(json);
    list.map(Option::unwrap_or_default).map_err(|_| {
        Stop::fault(
            codes::BAD_DATA,
            format!("The watch paths of app `{app_id}` are no list of texts. Save them anew in its settings."),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::push::samples::push;

    #[test]
    fn only_the_default_branch_of_the_repository_itself_goes_to_production() {
        let on = |branch: &str, fork: bool| Push {
            branch: branch.to_owned(),
            fork: fork.then(|| "octo/shop".to_owned()),
            ..push()
        };
        assert_eq!(environment(&on("main", false), "main"), PRODUCTION);
        assert_eq!(environment(&on("Main", false), "main"), PREVIEW);
        assert_eq!(environment(&on("main", true), "main"), PREVIEW);
        assert_eq!(environment(&on("feature", false), "main"), PREVIEW);
    }

    #[test]
    fn a_list_of_watch_paths_is_read_and_anything_else_refused() {
        for none in [None, Some(""), Some("[]"), Some("null")] {
            assert_eq!(watch_paths(none, "a").expect("none"), Vec::<String>::new());
        }
        assert_eq!(
            watch_paths(Some(r#"["src/**"]"#), "a").expect("one"),
            ["src/**"]
        );
        for bad in ["{}", "[1]", "src/**"] {
            assert!(matches!(
                watch_paths(Some(bad), "a"),
                Err(Stop::Terminal(_))
            ));
        }
    }
}
