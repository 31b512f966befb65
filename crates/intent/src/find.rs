//! Finds an app by what a person calls it. Reads only.

use mysql::Db;
use sea_orm::{ConnectionTrait, DbBackend, Statement, Value};

use crate::{AppRows, IntentError, Region};

/// The app with this id.
///
/// # Errors
/// [`IntentError::NotFound`] when there is none, or one of its two environments is missing.
pub async fn find_app(db: &Db, app_id: &str) -> Result<AppRows, IntentError> {
    find(db, "a.id = ?", vec![app_id.into()], app_id).await
}

/// The app with these slugs, the names people see.
///
/// # Errors
/// As [`find_app`].
pub async fn find_app_by_slugs(
    db: &Db,
    workspace: &str,
    project: &str,
    app: &str,
) -> Result<AppRows, IntentError> {
    let name = format!("{workspace}/{project}/{app}");
    let values = vec![workspace.into(), project.into(), app.into()];
    find(
        db,
        "w.slug = ? AND p.slug = ? AND a.slug = ?",
        values,
        &name,
    )
    .await
}

async fn find(
    db: &Db,
    condition: &str,
    values: Vec<Value>,
    name: &str,
) -> Result<AppRows, IntentError> {
    let sql = format!(
        "SELECT w.id AS workspace_id, w.slug AS workspace_slug, p.id AS project_id, p.slug AS project_slug, \
         a.id AS app_id, a.slug AS app_slug, live.id AS production_id, preview.id AS preview_id \
         FROM apps a JOIN projects p ON p.id = a.project_id JOIN workspaces w ON w.id = a.workspace_id \
         JOIN environments live ON live.app_id = a.id AND live.slug = 'production' \
         JOIN environments preview ON preview.app_id = a.id AND preview.slug = 'preview' WHERE {condition}"
    );
    let statement = Statement::from_sql_and_values(DbBackend::MySql, sql, values);
    let row = db.primary().query_one_raw(statement).await?;
    let row = row.ok_or_else(|| IntentError::NotFound {
        what: "app",
        id: name.to_owned(),
    })?;
    let text = |column: &str| row.try_get::<String>("", column);
    let mut app = AppRows {
        workspace_id: text("workspace_id")?,
        workspace_slug: text("workspace_slug")?,
        project_id: text("project_id")?,
        project_slug: text("project_slug")?,
        app_id: text("app_id")?,
        app_slug: text("app_slug")?,
        production_environment_id: text("production_id")?,
        preview_environment_id: text("preview_id")?,
        regions: Vec::new(),
    };
    let statement = Statement::from_sql_and_values(
        DbBackend::MySql,
        "SELECT r.id, r.name FROM app_regional_settings s JOIN regions r ON r.id = s.region_id \
         WHERE s.environment_id = ? ORDER BY s.pk",
        [app.production_environment_id.clone().into()],
    );
    for row in db.primary().query_all_raw(statement).await? {
        let (id, name) = (row.try_get("", "id")?, row.try_get("", "name")?);
        app.regions.push(Region { id, name });
    }
    Ok(app)
}
