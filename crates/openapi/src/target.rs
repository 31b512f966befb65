//! Where the document of a deployment is, from the rows.

use crate::fetch::Way;
use crate::path;
use durable::{Stop, codes};
use mysql::{Db, sql};
use sea_orm::FromQueryResult;
use serde::{Deserialize, Serialize};

/// Host names under this apex are those of a development cluster without DNS: the instance itself is asked.
const DEVELOPMENT: &str = ".unkey.local";

/// What is to be done; journaled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Target {
    /// There is no way to ask: no host name, or nothing runs.
    Skip(String),
    /// No path is set, so nothing is to be stored.
    NoPath { workspace_id: String },
    /// Ask here.
    At {
        workspace_id: String,
        url: String,
        /// Whether the URL is an instance of the deployment.
        instance: bool,
    },
}

#[derive(FromQueryResult)]
struct Row {
    id: String,
    workspace_id: String,
    path: Option<String>,
    host: Option<String>,
}

#[derive(FromQueryResult)]
struct Address {
    address: String,
}

/// Terminal: 404 for an unknown deployment, 400 for a path that leads away.
pub(crate) async fn find(db: &Db, way: &Way, deployment_id: &str) -> Result<Target, Stop> {
    let row: Option<Row> = sql::one(
        db.primary(),
        "SELECT d.id, d.workspace_id, r.openapi_spec_path AS path, f.fully_qualified_domain_name AS host FROM deployments d
         LEFT JOIN app_runtime_settings r ON r.app_id = d.app_id AND r.environment_id = d.environment_id
         LEFT JOIN frontline_routes f ON f.deployment_id = d.id AND f.sticky = 'deployment'
             AND f.app_id = d.app_id AND f.environment_id = d.environment_id
         WHERE d.id = ? ORDER BY f.pk LIMIT 1",
        [deployment_id.into()],
    )
    .await?;
    // The collation ignores case; an id that differs in case is another id.
    let Some(row) = row.filter(|row| row.id == deployment_id) else {
        let text = format!("There is no deployment `{deployment_id}`. Check the id.");
        return Err(Stop::fault(codes::DEPLOYMENT_NOT_FOUND, text));
    };
    let workspace_id = row.workspace_id;
    let Some(path) = row.path.filter(|path| !path.is_empty()) else {
        return Ok(Target::NoPath { workspace_id });
    };
    let Some(host) = row.host else {
        return Ok(Target::Skip(
            "the deployment has no host name of its own".to_owned(),
        ));
    };
    let instance = host.to_ascii_lowercase().ends_with(DEVELOPMENT);
    let base = if instance {
        let address: Option<Address> = sql::one(
            db.primary(),
            "SELECT address FROM instances WHERE deployment_id = ? AND status = 'running' ORDER BY pk LIMIT 1",
            [deployment_id.into()],
        )
        .await?;
        match address {
            Some(instance) => format!("http://{}", instance.address),
            None => {
                return Ok(Target::Skip(
                    "no instance of the deployment is running".to_owned(),
                ));
            }
        }
    } else if path::is_name(&host) {
        way.base(&host)
    } else {
        return Ok(Target::Skip(
            "the host of the deployment is not a name".to_owned(),
        ));
    };
    Ok(Target::At {
        workspace_id,
        url: path::url(&base, &path)?.to_string(),
        instance,
    })
}
