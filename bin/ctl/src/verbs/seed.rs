//! `ctl seed`: what an installation needs before its first deployment. Repeating it changes nothing.

use intent::{
    AppRows, Autoscaling, IntentError, NewApp, NewProject, NewWorkspace, Quota, Region, Repository,
    Runtime, allow_region, build_settings, create_app, create_due_keys, create_project,
    create_region, create_workspace, find_app_by_slugs, set_build_settings, set_repository,
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
    /// Connected, `owner/name`.
    #[serde(skip_serializing_if = "Option::is_none")]
    repository: Option<String>,
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
    connect(db, &app, &seed).await?;
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
        repository: seed.repository,
    });
    Ok(())
}

/// Connects the repository and sets what was said about building it, in both environments.
async fn connect(db: &Db, app: &AppRows, seed: &Seed) -> Result<(), Failure> {
    if let (Some(name), Some(installation_id), Some(repository_id)) =
        (&seed.repository, seed.installation, seed.repository_id)
    {
        let repository = Repository {
            installation_id,
            repository_id,
            full_name: name.clone(),
        };
        set_repository(db, app, &repository).await?;
    }
    for environment in [&app.production_environment_id, &app.preview_environment_id] {
        let known = build_settings(db, environment).await?;
        let mut settings = known.clone();
        if let Some(context) = &seed.context {
            settings.context.clone_from(context);
        }
        if let Some(dockerfile) = &seed.dockerfile {
            settings.dockerfile.clone_from(dockerfile);
        }
        if !seed.watch_paths.is_empty() {
            settings.watch_paths.clone_from(&seed.watch_paths);
        }
        if settings != known {
            set_build_settings(db, environment, &settings).await?;
        }
    }
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
        default_branch: seed.default_branch.clone(),
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
        )?;
        match &self.repository {
            Some(repository) => write!(f, ", built from {repository}"),
            None => Ok(()),
        }
    }
}
