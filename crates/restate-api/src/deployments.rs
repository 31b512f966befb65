//! What Restate knows of deployments, and what it would know if one were registered now.
//!
//! Not for changing anything: see [`Admin::register`] and [`Admin::remove_deployment`].

use reqwest::Method;
use serde::Deserialize;
use serde_json::json;

use crate::{Admin, ApiError, Registered};

/// A deployment Restate has registered.
#[derive(Debug, Clone, Deserialize)]
pub struct DeploymentInfo {
    /// `dp_…`.
    pub id: String,
    /// Where it is; absent of one that is not reached over HTTP.
    #[serde(default)]
    pub uri: Option<String>,
    /// What was found there when it was registered, the newest or not.
    pub services: Vec<ServiceRevision>,
}

/// A service at a deployment.
#[derive(Debug, Clone, Deserialize)]
pub struct ServiceRevision {
    /// Like `hydra.v1.DeployService`.
    pub name: String,
}

impl Admin {
    /// All deployments, also those that only old invocations still run on.
    pub async fn deployments(&self) -> Result<Vec<DeploymentInfo>, ApiError> {
        #[derive(Deserialize)]
        struct List {
            deployments: Vec<DeploymentInfo>,
        }
        let list: List = self
            .json(
                Method::GET,
                "list_deployments",
                "/deployments".to_owned(),
                None,
            )
            .await?;
        Ok(list.deployments)
    }

    /// Has Restate ask the endpoint at `uri` what it offers, and changes nothing.
    pub async fn discover(&self, uri: &str) -> Result<Registered, ApiError> {
        // without `force` a known address is not asked again
        let body = json!({ "uri": uri, "force": true, "dry_run": true });
        self.json(
            Method::POST,
            "discover",
            "/deployments".to_owned(),
            Some(body),
        )
        .await
    }
}
