//! The front of the edge: which deployment answers for a host name. Follows the rules of the real
//! front, without its caches, so that a moved route shows at once; a request is answered here with
//! the deployment's id instead of being passed on.

use mysql::{Db, DbError};
use sea_orm::Value;

use crate::cluster_api::query;
use crate::http::{Handler, Request, Response, text};

/// What the front found out about a host name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// A running instance of this deployment would answer.
    Deployment(String),
    /// No route has this name (404).
    NotConfigured,
    /// There is a route, but nothing behind it can answer (503).
    Unavailable {
        /// The deployment the route points to.
        deployment_id: String,
        /// In words.
        reason: &'static str,
    },
}

/// Finds the deployment that answers for a host name, compared as the database compares: without
/// regard to case. A port is ignored.
pub async fn lookup(db: &Db, host: &str) -> Result<Answer, DbError> {
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    let sql = "SELECT r.deployment_id, \
         EXISTS (SELECT 1 FROM sentinels s JOIN regions g ON g.id = s.region_id \
             WHERE s.environment_id = r.environment_id AND s.health = 'healthy') AS proxied, \
         EXISTS (SELECT 1 FROM instances i WHERE i.deployment_id = r.deployment_id AND i.status = 'running') AS runs \
         FROM frontline_routes r WHERE r.fully_qualified_domain_name = ?";
    let rows = query(db.replica(), sql, vec![Value::from(name)]).await?;
    let Some(row) = rows.first() else {
        return Ok(Answer::NotConfigured);
    };
    let deployment_id: String = row.try_get("", "deployment_id")?;
    let yes = |name: &str| -> Result<bool, DbError> { Ok(row.try_get::<i64>("", name)? != 0) };
    Ok(match (yes("runs")?, yes("proxied")?) {
        (true, true) => Answer::Deployment(deployment_id),
        (false, _) => Answer::Unavailable {
            deployment_id,
            reason: "no instance of the deployment is running",
        },
        (true, false) => Answer::Unavailable {
            deployment_id,
            reason: "no sentinel of the environment is healthy",
        },
    })
}

/// The HTTP server of the front.
pub(crate) struct Front {
    pub(crate) db: Db,
}

impl Handler for Front {
    async fn answer(&self, request: Request) -> Response {
        let header = request
            .headers()
            .get(http::header::HOST)
            .and_then(|host| host.to_str().ok());
        let Some(host) = header.or(request
            .uri()
            .authority()
            .map(|authority| authority.as_str()))
        else {
            return text(400, "the request names no host");
        };
        match lookup(&self.db, host).await {
            Ok(Answer::Deployment(deployment_id)) => {
                let mut response = text(200, deployment_id.clone());
                if let Ok(value) = http::HeaderValue::from_str(&deployment_id) {
                    response.headers_mut().insert("x-deployment-id", value);
                }
                response
            }
            Ok(Answer::NotConfigured) => text(
                404,
                format!("no route for {host}: the domain is not configured"),
            ),
            Ok(Answer::Unavailable {
                deployment_id,
                reason,
            }) => text(503, format!("{deployment_id}: {reason}")),
            Err(error) => text(502, format!("the route could not be read: {error}")),
        }
    }
}
