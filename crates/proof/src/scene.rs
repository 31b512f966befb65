//! The world of one play: an app with regions and edge agents of its own, the names that differ from play to play,
//! and the request.
//!
//! Not for what must hold afterwards: see `story` and `invariants`.

use edge_sim::{AgentHandle, Behaviour};
use intent::AppRows;
use serde_json::Value;
use std::time::Duration;

/// A call of the handler the story covers.
#[derive(Debug, Clone)]
pub struct Request {
    /// Like `hydra.v1.DeployService`.
    pub service: &'static str,
    /// Object key; empty for a service without keys.
    pub key: String,
    /// Like `Deploy`.
    pub handler: &'static str,
    /// The message as JSON.
    pub body: Value,
}

/// One play's world. Ids are fresh in each, so that plays of a lane cannot meet.
pub struct Scene {
    /// The rows of the app.
    pub app: AppRows,
    /// One edge agent a region.
    pub agents: Vec<AgentHandle>,
    /// Real name → placeholder.
    pub names: Vec<(String, String)>,
    /// Deployments with a role, `<live>`, `<subject>`…, by role.
    pub deployments: Vec<(&'static str, String)>,
    /// The request.
    pub request: Request,
    /// Deployment whose instances start only once a handler waits for them.
    pub late: Option<String>,
    /// Sleeps of the handler before the one in which it waits for the late instances.
    pub sleeps_before: usize,
    /// Another invocation that has to end after the request; its instances start when the request is done.
    pub beside: Option<String>,
}

impl Scene {
    /// The id of the deployment with this role.
    pub fn id(&self, role: &str) -> &str {
        self.deployments
            .iter()
            .find(|(r, _)| *r == role)
            .map_or("", |(_, id)| id)
    }

    /// The ids of all deployments.
    pub fn keys(&self) -> Vec<&str> {
        self.deployments.iter().map(|(_, id)| id.as_str()).collect()
    }

    /// Gives a name that differs from play to play a placeholder like `<domain>`. Object keys need one: only commands of
    /// invocations on a named key, or of the covered service when it has no keys, are struck.
    pub fn name(&mut self, name: &str, placeholder: &str) {
        self.names
            .insert(0, (name.to_owned(), placeholder.to_owned()));
    }

    /// Names replaced by placeholders.
    pub fn nameless(&self, text: &str) -> String {
        self.names
            .iter()
            .fold(text.to_owned(), |text, (name, placeholder)| {
                text.replace(name, placeholder)
            })
    }

    /// The real name of an object key in this scene; none for a service without keys.
    pub fn real<'a>(&'a self, placeholder: &'a str) -> &'a str {
        self.names
            .iter()
            .find(|(_, p)| p == placeholder)
            .map_or(placeholder, |(name, _)| name)
    }

    /// The instances of the late deployment start now.
    pub fn let_instances_start(&self, of: &str) {
        for agent in &self.agents {
            agent.behave_for(of, Behaviour::ready_after(Duration::ZERO));
        }
    }

    /// The instances of a deployment stay pending until told otherwise.
    pub fn hold_instances(&self, of: &str) {
        for agent in &self.agents {
            agent.behave_for(of, Behaviour::never_ready());
        }
    }
}
