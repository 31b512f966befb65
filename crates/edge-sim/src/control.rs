//! The control surface: `GET /sim` lists the regions, `GET /sim/{region}/state` shows one,
//! `POST /sim/{region}/behaviour` changes it. For people and scripts; tests use the handle.

use std::sync::Arc;

use serde::Deserialize;

use crate::handle::Shared;
use crate::http::{Handler, Request, Response, json, text};
use crate::{Behaviour, Scope};

/// What may be posted: a behaviour with the thing it applies to, or an action.
#[derive(Debug, Deserialize)]
struct Order {
    #[serde(default)]
    deployment_id: Option<String>,
    #[serde(default)]
    image: Option<String>,
    #[serde(default)]
    restart_agent: bool,
    #[serde(default)]
    resync: bool,
    /// Removes the behaviour of the deployment or image; the region goes back to the default one.
    #[serde(default)]
    reset: bool,
    #[serde(flatten)]
    behaviour: serde_json::Map<String, serde_json::Value>,
}

/// The HTTP server of the control surface.
pub(crate) struct Control {
    pub(crate) agents: Vec<Arc<Shared>>,
}

impl Handler for Control {
    async fn answer(&self, request: Request) -> Response {
        let path: Vec<&str> = request
            .uri()
            .path()
            .split('/')
            .filter(|part| !part.is_empty())
            .collect();
        match (request.method().as_str(), path.as_slice()) {
            ("GET", ["sim"]) => {
                let regions: Vec<&str> = self
                    .agents
                    .iter()
                    .map(|agent| agent.region.as_str())
                    .collect();
                json(200, &regions)
            }
            ("GET", ["sim", region, "state"]) => match self.agent(region) {
                Some(agent) => json(200, &agent.state()),
                None => self.unknown(region),
            },
            ("POST", ["sim", region, "behaviour"]) => match self.agent(region) {
                Some(agent) => obey(agent, request.body()),
                None => self.unknown(region),
            },
            _ => text(
                404,
                "try GET /sim, GET /sim/{region}/state or POST /sim/{region}/behaviour",
            ),
        }
    }
}

impl Control {
    fn agent(&self, region: &str) -> Option<&Arc<Shared>> {
        self.agents.iter().find(|agent| agent.region == region)
    }

    fn unknown(&self, region: &str) -> Response {
        text(
            404,
            format!("no region `{region}` is simulated here; GET /sim lists those that are"),
        )
    }
}

fn obey(agent: &Shared, body: &[u8]) -> Response {
    let order: Order = match serde_json::from_slice(body) {
        Ok(order) => order,
        Err(error) => return text(400, format!("not an order: {error}")),
    };
    let action = order.restart_agent || order.resync || order.reset;
    let behaviour = match serde_json::from_value::<Behaviour>(order.behaviour.clone().into()) {
        Ok(behaviour) => behaviour,
        Err(error) => return text(400, format!("not a behaviour: {error}")),
    };
    let scope = match (order.deployment_id, order.image) {
        (Some(id), _) => Scope::Deployment(id),
        (None, Some(image)) => Scope::Image(image),
        (None, None) => Scope::Region,
    };
    let mut inner = agent.lock();
    inner.restart |= order.restart_agent;
    inner.resync |= order.resync;
    // An action alone leaves the behaviour as it is; an empty object sets the default one.
    if order.reset || !order.behaviour.is_empty() || !action {
        inner
            .behaviours
            .set(scope, (!order.reset).then_some(behaviour));
        inner.behaviour_changed = true;
    }
    drop(inner);
    agent.wake.notify_one();
    json(200, &agent.state())
}
