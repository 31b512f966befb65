//! What a deployment tells GitHubStatusService: one-way messages, sent only when that service is bound and the
//! app has a repository.

use crate::Deps;
use crate::claim::Subject;
use crate::hostnames::{Naming, environment_hostname};
use github_status_client::GitHubStatusClient;
use messages::hydra::v1 as msg;
use restate_sdk::prelude::*;
use std::time::Duration;

/// Sends nothing, or the statuses of one deployment.
pub(crate) struct Reporter {
    to: Option<(String, Box<msg::GitHubStatusInitRequest>)>,
}

impl Reporter {
    /// Sends nothing.
    pub(crate) fn silent() -> Self {
        Self { to: None }
    }

    pub(crate) fn new(deps: &Deps, s: &Subject) -> Self {
        match s.installation_id {
            Some(installation) if deps.neighbours.github_status && installation != 0 => Self {
                to: Some((s.id.clone(), Box::new(init_request(deps, s, installation)))),
            },
            _ => Self::silent(),
        }
    }

    pub(crate) fn init(&self, ctx: &SharedObjectContext<'_>) {
        if let Some((id, init)) = &self.to {
            let _ = ctx
                .object_client::<GitHubStatusClient<'_>>(id)
                .init((**init).clone())
                .send();
        }
    }

    pub(crate) fn in_progress(&self, ctx: &SharedObjectContext<'_>, text: &str) {
        self.report(
            ctx,
            msg::GitHubDeploymentState::GITHUB_DEPLOYMENT_STATE_IN_PROGRESS,
            text,
        );
    }

    pub(crate) fn success(&self, ctx: &SharedObjectContext<'_>) {
        self.report(
            ctx,
            msg::GitHubDeploymentState::GITHUB_DEPLOYMENT_STATE_SUCCESS,
            "deployment is live",
        );
    }

    pub(crate) fn failure(&self, ctx: &SharedObjectContext<'_>) {
        self.report(
            ctx,
            msg::GitHubDeploymentState::GITHUB_DEPLOYMENT_STATE_FAILURE,
            "deployment failed",
        );
    }

    /// As [`Self::failure`], of what somebody else ended: a little later, when that one has written why, because GitHub
    /// is told something else of a deployment that was superseded.
    pub(crate) fn ended(&self, ctx: &SharedObjectContext<'_>, after: Duration) {
        if let Some((id, _)) = &self.to {
            let request = request(
                msg::GitHubDeploymentState::GITHUB_DEPLOYMENT_STATE_FAILURE,
                "deployment failed",
            );
            let _ = ctx
                .object_client::<GitHubStatusClient<'_>>(id)
                .report_status(request)
                .send_after(after);
        }
    }

    fn report(&self, ctx: &SharedObjectContext<'_>, state: msg::GitHubDeploymentState, text: &str) {
        if let Some((id, _)) = &self.to {
            let _ = ctx
                .object_client::<GitHubStatusClient<'_>>(id)
                .report_status(request(state, text))
                .send();
        }
    }
}

fn request(state: msg::GitHubDeploymentState, text: &str) -> msg::GitHubStatusReportRequest {
    msg::GitHubStatusReportRequest {
        state: state.into(),
        description: text.to_owned(),
    }
}

fn init_request(deps: &Deps, s: &Subject, installation: i64) -> msg::GitHubStatusInitRequest {
    let text = |o: &Option<String>| o.clone().unwrap_or_default();
    let (workspace, project, app, environment) = (
        text(&s.workspace_slug),
        text(&s.project_slug),
        text(&s.app_slug),
        text(&s.environment_slug),
    );
    let label = if app == "default" {
        format!("{project} - {environment}")
    } else {
        format!("{project}/{app} - {environment}")
    };
    let host = environment_hostname(&Naming {
        deployment_id: &s.id,
        workspace: &workspace,
        project: &project,
        app: &app,
        environment: &environment,
        commit_sha: None,
        branch: None,
        fork: None,
        apex: &deps.settings.default_domain,
    });
    msg::GitHubStatusInitRequest {
        installation_id: installation,
        repo: text(&s.repository),
        commit_sha: text(&s.git_commit_sha),
        branch: text(&s.git_branch),
        environment_label: label,
        environment_url: format!("https://{host}"),
        log_url: format!(
            "{}/{workspace}/projects/{}/deployments/{}",
            deps.settings.dashboard_url.trim_end_matches('/'),
            s.project_id,
            s.id
        ),
        is_production: s.is_production(),
        project_slug: project,
        app_slug: app,
        env_slug: environment,
        pr_number: s.pr_number.and_then(|n| i32::try_from(n).ok()).unwrap_or(0),
        existing_github_deployment_id: s.github_deployment_id.unwrap_or(0),
    }
}
