//! `ctl promote`, `ctl rollback`, `ctl wake`: one call each, then what it changed.

use std::collections::BTreeMap;

use messages::hydra::v1 as msg;
use mysql::entity::frontline_routes::Column;
use serde::Serialize;

use crate::access::Access;
use crate::failure::Failure;
use crate::output::Output;
use crate::read::{self, Route};

/// What a move of traffic changed.
#[derive(Debug, Serialize)]
struct Moved {
    deployment_id: String,
    status: String,
    /// The app's live deployment afterwards.
    live_deployment_id: Option<String>,
    /// The app is held by a rollback: new deployments do not go live.
    rolled_back: bool,
    /// Host names that changed their deployment.
    moved: Vec<MovedRoute>,
}

#[derive(Debug, Serialize)]
struct MovedRoute {
    host: String,
    from: Option<String>,
    to: String,
}

pub(crate) async fn promote(access: &Access, output: Output, target: &str) -> Result<(), Failure> {
    let request = msg::PromoteRequest {
        target_deployment_id: target.to_owned(),
    };
    traffic(access, output, target, "Promote", &request).await
}

pub(crate) async fn rollback(
    access: &Access,
    output: Output,
    target: &str,
    from: Option<String>,
) -> Result<(), Failure> {
    let source = match from {
        Some(source) => source,
        None => {
            let app = read::app(
                &access.db,
                &read::deployment(&access.db, target).await?.app_id,
            )
            .await?;
            app.current_deployment_id.ok_or_else(|| {
                Failure::NotFound(format!("app `{}` has no live deployment to leave", app.id))
            })?
        }
    };
    let request = msg::RollbackRequest {
        source_deployment_id: source,
        target_deployment_id: target.to_owned(),
    };
    traffic(access, output, target, "Rollback", &request).await
}

pub(crate) async fn wake(access: &Access, output: Output, deployment: &str) -> Result<(), Failure> {
    let request = msg::WakeDeploymentRequest {
        deployment_id: deployment.to_owned(),
    };
    traffic(access, output, deployment, "WakeDeployment", &request).await
}

async fn traffic(
    access: &Access,
    output: Output,
    deployment_id: &str,
    handler: &'static str,
    request: &impl Serialize,
) -> Result<(), Failure> {
    let row = read::deployment(&access.db, deployment_id).await?;
    let before = read::routes(&access.db, Column::AppId, &row.app_id).await?;
    access.call(&row.workspace_id, handler, request).await?;
    let after = read::routes(&access.db, Column::AppId, &row.app_id).await?;
    let app = read::app(&access.db, &row.app_id).await?;
    let row = read::deployment(&access.db, deployment_id).await?;
    output.say(&Moved {
        deployment_id: row.id,
        status: row.status.as_str().to_owned(),
        live_deployment_id: app.current_deployment_id,
        rolled_back: app.is_rolled_back,
        moved: moved(&before, after),
    });
    Ok(())
}

fn moved(before: &[Route], after: Vec<Route>) -> Vec<MovedRoute> {
    let old: BTreeMap<&str, &str> = before
        .iter()
        .map(|route| (route.host.as_str(), route.deployment_id.as_str()))
        .collect();
    let changed = after
        .into_iter()
        .filter(|route| old.get(route.host.as_str()) != Some(&route.deployment_id.as_str()));
    changed
        .map(|route| MovedRoute {
            from: old.get(route.host.as_str()).map(|id| (*id).to_owned()),
            host: route.host,
            to: route.deployment_id,
        })
        .collect()
}

impl std::fmt::Display for Moved {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} is {}", self.deployment_id, self.status)?;
        match &self.live_deployment_id {
            Some(live) if *live == self.deployment_id => write!(f, " and live")?,
            Some(live) => write!(f, "; live is {live}")?,
            None => write!(f, "; nothing is live")?,
        }
        if self.rolled_back {
            write!(f, "; held by a rollback until the next promote")?;
        }
        self.moved.iter().try_for_each(|route| {
            let from = route.from.as_deref().unwrap_or("nothing");
            write!(f, "\n  {}: {from} → {}", route.host, route.to)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(host: &str, deployment_id: &str) -> Route {
        Route {
            host: host.to_owned(),
            sticky: "live".to_owned(),
            deployment_id: deployment_id.to_owned(),
        }
    }

    #[test]
    fn only_what_moved_is_told() {
        let before = [route("a", "d_1"), route("b", "d_1")];
        let result = Moved {
            deployment_id: "d_2".to_owned(),
            status: "ready".to_owned(),
            live_deployment_id: Some("d_2".to_owned()),
            rolled_back: true,
            moved: moved(&before, vec![route("a", "d_2"), route("b", "d_1")]),
        };
        assert_eq!(
            result.to_string(),
            "d_2 is ready and live; held by a rollback until the next promote\n  a: d_1 → d_2"
        );
    }
}
