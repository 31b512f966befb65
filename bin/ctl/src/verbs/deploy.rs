//! `ctl deploy`: what the control API's CreateDeployment does, and then to wait for the result.

use std::time::Duration;

use intent::{AppRows, GitCommit, NewDeployment};
use messages::hydra::v1 as msg;

use crate::access::Access;
use crate::cli::Deploy;
use crate::failure::Failure;
use crate::follow::follow;
use crate::output::Output;
use crate::progress::Event;
use crate::read;
use crate::source::{self, Reference};

/// Branch of an app that names none.
const DEFAULT_BRANCH: &str = "main";

/// What is deployed.
struct Source {
    commit: GitCommit,
    request: msg::deploy_request::Source,
    /// For people.
    told: String,
}

pub(crate) async fn run(access: &Access, output: Output, deploy: Deploy) -> Result<(), Failure> {
    let app = super::find_app(access, &deploy.app).await?;
    let source = match (&deploy.image, &deploy.repo) {
        (Some(image), _) => of_image(image, &deploy),
        (None, Some(repository)) => of_repository(access, &app, repository, &deploy).await?,
        (None, None) => return Err(Failure::Usage("name an image or a --repo".to_owned())),
    };
    let mut new = NewDeployment::of(&app.app_id, deploy.environment.slug());
    new.git = source.commit;
    let id = intent::create_deployment(&access.db, &new).await?;
    output.say(&Event::Created {
        deployment_id: id.clone(),
        app: format!(
            "{}/{}/{}",
            app.workspace_slug, app.project_slug, app.app_slug
        ),
        environment: deploy.environment.slug().to_owned(),
        image: deploy.image,
        source: source.told,
    });
    let request = msg::DeployRequest {
        deployment_id: id.clone(),
        source: Some(source.request),
        ..Default::default()
    };
    match access.send_deploy(&app.workspace_id, &request).await {
        Ok(invocation_id) => output.say(&Event::Sent { invocation_id }),
        Err(failure) => {
            intent::mark_not_sent(&access.db, &id).await?;
            return Err(failure);
        }
    }
    if deploy.no_wait {
        return Ok(());
    }
    follow(
        access,
        output,
        &id,
        Duration::from_secs(deploy.patience.timeout),
    )
    .await
}

fn of_image(image: &str, deploy: &Deploy) -> Source {
    let text = |option: &Option<String>| option.clone().unwrap_or_default();
    Source {
        commit: GitCommit {
            sha: text(&deploy.commit),
            branch: text(&deploy.branch),
            message: text(&deploy.message),
            ..GitCommit::default()
        },
        request: msg::DockerImage {
            image: image.to_owned(),
        }
        .into(),
        told: image.to_owned(),
    }
}

async fn of_repository(
    access: &Access,
    app: &AppRows,
    repository: &str,
    deploy: &Deploy,
) -> Result<Source, Failure> {
    let name = &app.app_slug;
    let Some(connected) = intent::repository_of(&access.db, &app.app_id).await? else {
        return Err(Failure::NotFound(format!(
            "app `{name}` has no repository; connect one in the dashboard, or with `ctl seed --repository {repository}`"
        )));
    };
    // GitHub's names do not tell large letters from small ones
    if !connected.full_name.eq_ignore_ascii_case(repository) {
        return Err(Failure::Usage(format!(
            "app `{name}` is connected to {}, not to {repository}: deploy that, or connect the app anew",
            connected.full_name
        )));
    }
    let default_branch = read::app(&access.db, &app.app_id).await?.default_branch;
    let (sha, branch) = match (&deploy.reference, &deploy.branch) {
        (Some(Reference::Commit(sha)), branch) => (sha.clone(), branch.clone()),
        (Some(Reference::Branch(branch)), None) | (None, Some(branch)) => {
            (String::new(), Some(branch.clone()))
        }
        (Some(Reference::Branch(_)), Some(_)) => {
            return Err(Failure::Usage(
                "--branch says which branch a commit is on; --ref is a branch already".to_owned(),
            ));
        }
        (None, None) => (String::new(), None),
    };
    let branch = branch
        .or(Some(default_branch).filter(|branch| !branch.is_empty()))
        .unwrap_or_else(|| DEFAULT_BRANCH.to_owned());
    source::branch_name(&branch).map_err(Failure::Usage)?;
    let environment = match deploy.environment.slug() {
        "production" => &app.production_environment_id,
        _ => &app.preview_environment_id,
    };
    let settings = intent::build_settings(&access.db, environment).await?;
    let told = match sha.is_empty() {
        true => &branch,
        false => &sha,
    };
    Ok(Source {
        told: format!("{}@{told}", connected.full_name),
        request: msg::GitSource {
            installation_id: connected.installation_id,
            repository: connected.full_name,
            commit_sha: sha.clone(),
            context_path: deploy.context.clone().unwrap_or(settings.context),
            dockerfile_path: deploy.dockerfile.clone().unwrap_or(settings.dockerfile),
            branch: branch.clone(),
            ..Default::default()
        }
        .into(),
        commit: GitCommit {
            sha,
            branch,
            ..GitCommit::default()
        },
    })
}
