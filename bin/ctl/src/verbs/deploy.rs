//! `ctl deploy`: what the control API's CreateDeployment does, and then to wait for the result.

use std::time::Duration;

use intent::{GitCommit, NewDeployment};
use messages::hydra::v1 as msg;

use crate::access::Access;
use crate::cli::Deploy;
use crate::failure::Failure;
use crate::follow::follow;
use crate::output::Output;
use crate::progress::Event;

pub(crate) async fn run(access: &Access, output: Output, deploy: Deploy) -> Result<(), Failure> {
    let app = super::find_app(access, &deploy.app).await?;
    let mut new = NewDeployment::of(&app.app_id, deploy.environment.slug());
    new.git = GitCommit {
        sha: deploy.commit.unwrap_or_default(),
        branch: deploy.branch.unwrap_or_default(),
        message: deploy.message.unwrap_or_default(),
        ..GitCommit::default()
    };
    let id = intent::create_deployment(&access.db, &new).await?;
    output.say(&Event::Created {
        deployment_id: id.clone(),
        app: format!(
            "{}/{}/{}",
            app.workspace_slug, app.project_slug, app.app_slug
        ),
        environment: deploy.environment.slug().to_owned(),
        image: deploy.image.clone(),
    });
    let image = msg::DockerImage {
        image: deploy.image,
    };
    let request = msg::DeployRequest {
        deployment_id: id.clone(),
        source: Some(image.into()),
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
