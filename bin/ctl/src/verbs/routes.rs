//! `ctl routes`: host names and where they lead.

use mysql::entity::frontline_routes::Column;
use serde::Serialize;

use crate::access::Access;
use crate::failure::Failure;
use crate::output::Output;
use crate::read::{self, Route};

#[derive(Serialize)]
struct Routes {
    live_deployment_id: Option<String>,
    routes: Vec<Route>,
}

pub(crate) async fn run(
    access: &Access,
    output: Output,
    app: Option<String>,
    deployment: Option<String>,
) -> Result<(), Failure> {
    let app_id = match (&app, &deployment) {
        (Some(app), _) => super::find_app(access, app).await?.app_id,
        (None, Some(id)) => read::deployment(&access.db, id).await?.app_id,
        (None, None) => return Err(Failure::Usage("name an --app or a --deployment".to_owned())),
    };
    let mut routes = read::routes(&access.db, Column::AppId, &app_id).await?;
    if let Some(id) = &deployment {
        routes.retain(|route| route.deployment_id == *id);
    }
    let live_deployment_id = read::app(&access.db, &app_id).await?.current_deployment_id;
    output.say(&Routes {
        live_deployment_id,
        routes,
    });
    Ok(())
}

impl std::fmt::Display for Routes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.routes.is_empty() {
            return write!(f, "no routes");
        }
        let width = self
            .routes
            .iter()
            .map(|route| route.host.len())
            .max()
            .unwrap_or(0);
        for (number, route) in self.routes.iter().enumerate() {
            let Route {
                host,
                sticky,
                deployment_id,
            } = route;
            let live = self.live_deployment_id.as_ref() == Some(deployment_id);
            let end = if number + 1 < self.routes.len() {
                "\n"
            } else {
                ""
            };
            write!(
                f,
                "{host:width$}  {sticky:11}  {deployment_id}{}{end}",
                if live { " (live)" } else { "" }
            )?;
        }
        Ok(())
    }
}
