//! `ctl seed`: what an installation needs before its first deployment. Repeating it changes nothing.

use intent::{
    AppRows, Autoscaling, IntentError, NewApp, NewProject, NewWorkspace, Quota, Region, Runtime,
    allow_region, create_app, create_due_keys, create_project, create_region, create_workspace,
    find_app_by_slugs,
};
use mysql::Db;
use mysql::entity::{projects, workspaces};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde::Serialize;

use crate::access::Access;
use crate::cli::Seed;
use crate::failure::Failure;
use crate::output::Output;

#[derive(Serialize)]
struct Seeded {
    workspace_id: String,
    project_id: String,
    app_id: String,
    /// How the other verbs name it.
    app: String,
    production_environment_id: String,
    preview_environment_id: String,
    regions: Vec<String>,
}

pub(crate) async fn run(access: &Access, output: Output, seed: Seed) -> Result<(), Failure> {
    let db = &access.db;
    let mut app = match find_app_by_slugs(db, &seed.workspace, &seed.project, &seed.app).await {
        Ok(app) => app,
        Err(IntentError::NotFound { .. }) => create(db, &seed).await?,
        Err(error) => return Err(error.into()),
    };
    for name in &seed.regions {
        let region = Region {
            id: create_region(db, name, &seed.platform).await?,
            name: name.clone(),
        };
        if !app.regions.contains(&region) {
            let policy = (seed.min, seed.max) != (1, 1);
            allow_region(
                db,
                &app,
                &region,
                policy.then(|| Autoscaling::replicas(seed.min, seed.max)),
            )
            .await?;
            app.regions.push(region);
        }
    }
    create_due_keys(db, &app.workspace_id, seed.due_keys).await?;
    output.say(&Seeded {
        app: format!(
            "{}/{}/{}",
            app.workspace_slug, app.project_slug, app.app_slug
        ),
        workspace_id: app.workspace_id,
        project_id: app.project_id,
        app_id: app.app_id,
        production_environment_id: app.production_environment_id,
        preview_environment_id: app.preview_environment_id,
        regions: app.regions.into_iter().map(|region| region.name).collect(),
    });
    Ok(())
}

async fn create(db: &Db, seed: &Seed) -> Result<AppRows, Failure> {
    let workspace = workspaces::Entity::find()
        .filter(workspaces::Column::Slug.eq(&seed.workspace))
        .one(db.primary())
        .await?;
    let workspace_id = match workspace {
        Some(row) => row.id,
        None => {
            let quota = Some(Quota::default());
            let new = NewWorkspace {
                name: seed.workspace.clone(),
                slug: seed.workspace.clone(),
                quota,
            };
            create_workspace(db, &new).await?
        }
    };
    let project = projects::Entity::find()
        .filter(projects::Column::WorkspaceId.eq(&workspace_id))
        .filter(projects::Column::Slug.eq(&seed.project))
        .one(db.primary())
        .await?;
    let project_id = match project {
        Some(row) => row.id,
        None => {
            let (name, slug) = (seed.project.clone(), seed.project.clone());
            create_project(
                db,
                &NewProject {
                    workspace_id: workspace_id.clone(),
                    name,
                    slug,
                },
            )
            .await?
        }
    };
    let runtime = Runtime {
        port: seed.port,
        cpu_millicores: seed.cpu,
        memory_mib: seed.memory,
        ..Runtime::default()
    };
    let new = NewApp {
        workspace_id,
        project_id,
        name: seed.app.clone(),
        slug: seed.app.clone(),
        default_branch: "main".to_owned(),
        runtime,
    };
    Ok(create_app(db, &new).await?)
}

impl std::fmt::Display for Seeded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} ({}) deploys to {}",
            self.app,
            self.app_id,
            self.regions.join(", ")
        )
    }
}
