//! Projects, apps and their settings, as the control API creates them and the dashboard fills them in.

use mysql::{Db, Tx};
use sea_orm::{ConnectionTrait, Value};

use crate::{IntentError, insert};

/// A project to be created.
#[derive(Clone, Debug)]
pub struct NewProject {
    /// Owner.
    pub workspace_id: String,
    /// Display name.
    pub name: String,
    /// Unique within the workspace; part of generated host names.
    pub slug: String,
}

/// How an app's containers run. The control API writes zeros, the dashboard real values; this is the
/// result of both.
#[derive(Clone, Debug)]
pub struct Runtime {
    /// Port the container listens on.
    pub port: i32,
    /// Thousandths of a core per replica.
    pub cpu_millicores: i32,
    /// MiB per replica.
    pub memory_mib: i32,
    /// Command line; empty leaves the image's own.
    pub command: Vec<String>,
    /// Health check object, absent when none.
    pub healthcheck: Option<serde_json::Value>,
    /// Policies of the environment's proxy, copied to each deployment byte by byte.
    pub sentinel_config: Vec<u8>,
    /// Path of the OpenAPI document, absent for no scraping.
    pub openapi_spec_path: Option<String>,
}

impl Default for Runtime {
    fn default() -> Self {
        Self {
            port: 8080,
            cpu_millicores: 250,
            memory_mib: 256,
            command: Vec::new(),
            healthcheck: None,
            sentinel_config: b"{}".to_vec(),
            openapi_spec_path: None,
        }
    }
}

/// An app to be created.
#[derive(Clone, Debug)]
pub struct NewApp {
    /// Owner.
    pub workspace_id: String,
    /// Project the app belongs to.
    pub project_id: String,
    /// Display name.
    pub name: String,
    /// Unique within the project.
    pub slug: String,
    /// Branch whose pushes go to production.
    pub default_branch: String,
    /// Settings of both environments.
    pub runtime: Runtime,
}

/// A region that deployments may run in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Region {
    /// `rgn_…`.
    pub id: String,
    /// Name as the edge agent reports it, such as `eu-central-1`.
    pub name: String,
}

/// The ids and names that belong to one app.
#[derive(Clone, Debug)]
pub struct AppRows {
    /// `ws_…`.
    pub workspace_id: String,
    /// Unique slug of the workspace.
    pub workspace_slug: String,
    /// `proj_…`.
    pub project_id: String,
    /// Slug of the project.
    pub project_slug: String,
    /// `app_…`.
    pub app_id: String,
    /// Slug of the app.
    pub app_slug: String,
    /// `env_…` of the environment with slug `production`.
    pub production_environment_id: String,
    /// `env_…` of the environment with slug `preview`.
    pub preview_environment_id: String,
    /// Regions both environments deploy to, in the order they were added. Empty after [`create_app`].
    pub regions: Vec<Region>,
}

/// Writes a project; returns its id.
pub async fn create_project(db: &Db, new: &NewProject) -> Result<String, IntentError> {
    let id = ids::random(ids::Prefix::PROJECT);
    insert::row(
        db.primary(),
        "projects",
        vec![
            ("id", id.clone().into()),
            ("workspace_id", new.workspace_id.clone().into()),
            ("name", new.name.clone().into()),
            ("slug", new.slug.clone().into()),
            ("created_at", mysql::now_ms().into()),
        ],
    )
    .await?;
    Ok(id)
}

/// Writes an app with the environments `production` and `preview` and the settings of both.
///
/// # Errors
/// [`IntentError::NotFound`] when the workspace or the project is missing.
pub async fn create_app(db: &Db, new: &NewApp) -> Result<AppRows, IntentError> {
    let workspace_slug = slug(db, "workspaces", "workspace", &new.workspace_id).await?;
    let project_slug = slug(db, "projects", "project", &new.project_id).await?;
    let now = mysql::now_ms();
    let rows = AppRows {
        workspace_id: new.workspace_id.clone(),
        workspace_slug,
        project_id: new.project_id.clone(),
        project_slug,
        app_id: ids::random(ids::Prefix::APP),
        app_slug: new.slug.clone(),
        production_environment_id: ids::random(ids::Prefix::ENVIRONMENT),
        preview_environment_id: ids::random(ids::Prefix::ENVIRONMENT),
        regions: Vec::new(),
    };
    let tx = db.begin().await?;
    insert::row(
        &*tx,
        "apps",
        vec![
            ("id", rows.app_id.clone().into()),
            ("workspace_id", new.workspace_id.clone().into()),
            ("project_id", new.project_id.clone().into()),
            ("name", new.name.clone().into()),
            ("slug", new.slug.clone().into()),
            ("default_branch", new.default_branch.clone().into()),
            ("created_at", now.into()),
        ],
    )
    .await?;
    for (slug, id) in [
        ("production", &rows.production_environment_id),
        ("preview", &rows.preview_environment_id),
    ] {
        environment(&tx, &rows, slug, id, &new.runtime).await?;
    }
    tx.commit().await?;
    Ok(rows)
}

/// Writes one more environment of an app, with its settings, in the regions the app has; returns its id.
///
/// # Errors
/// The database refuses it, also when the app has an environment with this slug.
pub async fn create_environment(
    db: &Db,
    app: &AppRows,
    slug: &str,
    runtime: &Runtime,
) -> Result<String, IntentError> {
    let id = ids::random(ids::Prefix::ENVIRONMENT);
    let tx = db.begin().await?;
    environment(&tx, app, slug, &id, runtime).await?;
    for region in &app.regions {
        insert::row(
            &*tx,
            "app_regional_settings",
            vec![
                ("workspace_id", app.workspace_id.clone().into()),
                ("app_id", app.app_id.clone().into()),
                ("environment_id", id.clone().into()),
                ("region_id", region.id.clone().into()),
                ("replicas", 1.into()),
                ("created_at", mysql::now_ms().into()),
            ],
        )
        .await?;
    }
    tx.commit().await?;
    Ok(id)
}

async fn environment(
    tx: &Tx,
    app: &AppRows,
    slug: &str,
    id: &str,
    runtime: &Runtime,
) -> Result<(), IntentError> {
    let now = mysql::now_ms();
    let owner = |rest: Vec<insert::Column>| {
        let mut columns: Vec<insert::Column> = vec![
            ("workspace_id", app.workspace_id.clone().into()),
            ("app_id", app.app_id.clone().into()),
            ("created_at", now.into()),
        ];
        columns.extend(rest);
        columns
    };
    let own = vec![
        ("id", id.into()),
        ("project_id", app.project_id.clone().into()),
        ("slug", slug.into()),
        ("description", "".into()),
    ];
    insert::row(&**tx, "environments", owner(own)).await?;
    let build = vec![
        ("environment_id", id.into()),
        ("dockerfile", "".into()),
        ("docker_context", "".into()),
    ];
    insert::row(&**tx, "app_build_settings", owner(build)).await?;
    let mut columns = runtime_columns(runtime);
    columns.push(("environment_id", id.into()));
    insert::row(&**tx, "app_runtime_settings", owner(columns)).await?;
    Ok(())
}

/// Replaces the runtime settings of one environment, as the dashboard's form does.
pub async fn set_runtime(
    db: &Db,
    environment_id: &str,
    runtime: &Runtime,
) -> Result<(), IntentError> {
    use sea_orm::sea_query::{Alias, Expr, ExprTrait, Query};
    let mut update = Query::update();
    update.table(Alias::new("app_runtime_settings"));
    for (column, value) in runtime_columns(runtime) {
        update.value(Alias::new(column), value);
    }
    update.value(Alias::new("updated_at"), mysql::now_ms());
    update.and_where(Expr::col(Alias::new("environment_id")).eq(environment_id));
    db.primary().execute(&update).await?;
    Ok(())
}

/// Replaces the build settings of one environment, as the dashboard's form does. Empty paths are the repository's root and
/// its `Dockerfile`; without watch paths every push builds.
pub async fn set_build(
    db: &Db,
    environment_id: &str,
    docker_context: &str,
    dockerfile: &str,
    watch_paths: &[&str],
) -> Result<(), IntentError> {
    use sea_orm::sea_query::{Alias, Expr, ExprTrait, Query};
    let mut update = Query::update();
    update.table(Alias::new("app_build_settings"));
    update.value(Alias::new("docker_context"), docker_context);
    update.value(Alias::new("dockerfile"), dockerfile);
    let paths = serde_json::json!(watch_paths).to_string();
    update.value(Alias::new("watch_paths"), paths);
    update.value(Alias::new("updated_at"), mysql::now_ms());
    update.and_where(Expr::col(Alias::new("environment_id")).eq(environment_id));
    db.primary().execute(&update).await?;
    Ok(())
}

/// Connects the app to a repository on GitHub, as the dashboard does after the app was installed there.
pub async fn connect_repository(
    db: &Db,
    app: &AppRows,
    installation_id: i64,
    repository_id: i64,
    full_name: &str,
) -> Result<(), IntentError> {
    insert::row(
        db.primary(),
        "github_repo_connections",
        vec![
            ("project_id", app.project_id.clone().into()),
            ("app_id", app.app_id.clone().into()),
            ("installation_id", installation_id.into()),
            ("repository_id", repository_id.into()),
            ("repository_full_name", full_name.into()),
            ("created_at", mysql::now_ms().into()),
        ],
    )
    .await?;
    Ok(())
}

/// Adds a variable to one environment. `ciphertext` is what Vault answered for the keyring of the environment.
pub async fn add_environment_variable(
    db: &Db,
    app: &AppRows,
    environment_id: &str,
    name: &str,
    ciphertext: &str,
) -> Result<(), IntentError> {
    insert::row(
        db.primary(),
        "app_environment_variables",
        vec![
            ("id", ids::random(ids::Prefix::VARIABLE).into()),
            ("workspace_id", app.workspace_id.clone().into()),
            ("app_id", app.app_id.clone().into()),
            ("environment_id", environment_id.into()),
            ("key", name.into()),
            ("value", ciphertext.into()),
            ("type", "recoverable".into()),
            ("created_at", mysql::now_ms().into()),
        ],
    )
    .await?;
    Ok(())
}

fn runtime_columns(runtime: &Runtime) -> Vec<insert::Column> {
    let json = |value: &serde_json::Value| Value::from(value.to_string());
    vec![
        ("port", runtime.port.into()),
        ("cpu_millicores", runtime.cpu_millicores.into()),
        ("memory_mib", runtime.memory_mib.into()),
        ("command", json(&serde_json::json!(runtime.command))),
        (
            "healthcheck",
            runtime
                .healthcheck
                .as_ref()
                .map_or(Value::String(None), json),
        ),
        ("sentinel_config", runtime.sentinel_config.clone().into()),
        (
            "openapi_spec_path",
            runtime.openapi_spec_path.clone().into(),
        ),
    ]
}

async fn slug(
    db: &Db,
    table: &'static str,
    what: &'static str,
    id: &str,
) -> Result<String, IntentError> {
    use sea_orm::sea_query::{Alias, Expr, ExprTrait, Query};
    let mut select = Query::select();
    select
        .column(Alias::new("slug"))
        .from(Alias::new(table))
        .and_where(Expr::col(Alias::new("id")).eq(id));
    let row = db.primary().query_one(&select).await?;
    let row = row.ok_or_else(|| IntentError::NotFound {
        what,
        id: id.to_owned(),
    })?;
    Ok(row.try_get("", "slug")?)
}
