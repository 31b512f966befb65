//! The object state: what `Init` was told, in the form of the worker before this one, and what is ours beside it.

use durable::Stop;
use messages::hydra::v1::GitHubStatusInitRequest;
use restate_sdk::context::{ContextReadState, ContextWriteState, ObjectContext};
use restate_sdk::serde::Json;
use serde::{Deserialize, Serialize};

/// What `Init` was told.
const CONFIG: &str = "config";
/// Number of the deployment at GitHub.
const DEPLOYMENT: &str = "github_deployment_id";
/// Number of the pull request.
const PULL: &str = "pr_number";
/// Number of the comment; of the worker before, here the comment has an object of its own.
const COMMENT: &str = "pr_comment_id";
/// What is still to be told, and by which timer.
const TIMER: &str = "settle";

/// `Init`'s request as plain JSON, members without a value left out: the form the worker before this one reads.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Config {
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) installation_id: i64,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) repo: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) commit_sha: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) branch: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) environment_label: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) environment_url: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) log_url: String,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) is_production: bool,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) project_slug: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) app_slug: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) env_slug: String,
    #[serde(skip_serializing_if = "is_zero_32")]
    pub(crate) pr_number: i32,
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) existing_github_deployment_id: i64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_zero(number: &i64) -> bool {
    *number == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_zero_32(number: &i32) -> bool {
    *number == 0
}

impl From<GitHubStatusInitRequest> for Config {
    fn from(r: GitHubStatusInitRequest) -> Self {
        Self {
            installation_id: r.installation_id,
            repo: r.repo,
            commit_sha: r.commit_sha,
            branch: r.branch,
            environment_label: r.environment_label,
            environment_url: r.environment_url,
            log_url: r.log_url,
            is_production: r.is_production,
            project_slug: r.project_slug,
            app_slug: r.app_slug,
            env_slug: r.env_slug,
            pr_number: r.pr_number,
            existing_github_deployment_id: r.existing_github_deployment_id,
        }
    }
}

/// The timer that sees to the end.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Timer {
    /// Token of the one message that may act.
    pub(crate) nonce: String,
    /// How often it has looked.
    pub(crate) looks: u32,
    /// A final state that GitHub has not taken yet: its number and its text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) untold: Option<(i32, String)>,
}

/// Everything known of one deployment's statuses.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct State {
    pub(crate) config: Config,
    pub(crate) deployment: i64,
    pub(crate) pull: i64,
    pub(crate) timer: Timer,
}

/// Nothing before `Init`, and after the end.
pub(crate) async fn read(ctx: &ObjectContext<'_>) -> Result<Option<State>, Stop> {
    let Some(Json(config)) = ctx.get::<Json<Config>>(CONFIG).await? else {
        return Ok(None);
    };
    let deployment: Option<Json<i64>> = ctx.get(DEPLOYMENT).await?;
    let pull: Option<Json<i64>> = ctx.get(PULL).await?;
    let timer: Option<Json<Timer>> = ctx.get(TIMER).await?;
    Ok(Some(State {
        config,
        deployment: deployment.map_or(0, Json::into_inner),
        pull: pull.map_or(0, Json::into_inner),
        timer: timer.map(Json::into_inner).unwrap_or_default(),
    }))
}

pub(crate) fn write(ctx: &ObjectContext<'_>, state: &State) {
    ctx.set(CONFIG, Json(state.config.clone()));
    if state.deployment > 0 {
        ctx.set(DEPLOYMENT, Json(state.deployment));
    }
    if state.pull > 0 {
        ctx.set(PULL, Json(state.pull));
    }
    ctx.set(TIMER, Json(state.timer.clone()));
}

/// Everything is told.
pub(crate) fn clear(ctx: &ObjectContext<'_>) {
    for key in [CONFIG, DEPLOYMENT, PULL, COMMENT, TIMER] {
        ctx.clear(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_request_is_kept_as_the_worker_before_keeps_it() {
        let config = Config {
            installation_id: 42,
            repo: "acme/shop".into(),
            is_production: true,
            pr_number: 7,
            ..Config::default()
        };
        let text = serde_json::to_string(&config).expect("JSON");
        assert_eq!(
            text,
            r#"{"installation_id":42,"repo":"acme/shop","is_production":true,"pr_number":7}"#
        );
        assert_eq!(serde_json::from_str::<Config>(&text).expect("read"), config);
        assert_eq!(
            serde_json::from_str::<Config>("{}").expect("read"),
            Config::default()
        );
    }
}
