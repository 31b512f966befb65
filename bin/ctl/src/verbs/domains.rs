//! `ctl domains`: what the control API's domain calls do, and how a verification stands.

use std::time::{Duration, Instant};

use mysql::entity::custom_domains::Model;
use mysql::entity::{acme_challenges, frontline_routes};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde::Serialize;

use crate::access::Access;
use crate::cli::{AddDomain, Domains};
use crate::failure::Failure;
use crate::output::Output;

/// Time between two looks.
const LOOK: Duration = Duration::from_millis(200);

pub(crate) async fn run(access: &Access, output: Output, verb: Domains) -> Result<(), Failure> {
    match verb {
        Domains::Add(add) => self::add(access, output, add).await,
        Domains::Status { domain } => {
            let row = find(access, &domain).await?;
            output.say(&state(access, row).await?);
            Ok(())
        }
        Domains::Retry {
            domain,
            no_wait,
            timeout,
        } => {
            let row = find(access, &domain).await?;
            retry(access, &row).await?;
            wait(access, output, &row.id, no_wait, timeout).await
        }
        Domains::Delete { domain } => {
            let row = find(access, &domain).await?;
            access.cancel_stored(row.invocation_id.as_deref()).await;
            intent::delete_domain(&access.db, &row.id).await?;
            output.say(&Deleted {
                domain_id: row.id,
                domain: row.domain,
            });
            Ok(())
        }
    }
}

async fn add(access: &Access, output: Output, add: AddDomain) -> Result<(), Failure> {
    let app = super::find_app(access, &add.app).await?;
    let environment = match add.environment.slug() {
        "production" => &app.production_environment_id,
        _ => &app.preview_environment_id,
    };
    let domain = add.domain.trim_end_matches('.').to_ascii_lowercase();
    if let Some(there) = intent::find_domain(&access.db, &app.workspace_id, &domain).await? {
        return Err(Failure::Usage(format!(
            "the workspace has {domain} already ({}); `ctl domains retry {}` verifies it again",
            there.id, there.id
        )));
    }
    let cname_domain = add.cname_domain.trim_matches('.');
    let row = intent::add_domain(&access.db, &app, environment, &domain, cname_domain).await?;
    match access.send_verify(&row.id).await {
        Ok(invocation) => intent::store_invocation(&access.db, &row.id, &invocation).await?,
        Err(failure) => {
            // nobody would ever check it
            intent::delete_domain(&access.db, &row.id).await?;
            return Err(failure);
        }
    }
    output.say(&Added {
        event: "added",
        txt_name: format!("_unkey.{domain}"),
        txt_value: format!("unkey-domain-verify={}", row.verification_token),
        cname_target: row.target_cname,
        domain_id: row.id.clone(),
        domain,
    });
    wait(access, output, &row.id, add.no_wait, add.timeout).await
}

/// The existing verification is cancelled, the row is new again, the next one begins: in this order, so that a quick
/// success is not overwritten. A verified domain is only looked at again.
async fn retry(access: &Access, row: &Model) -> Result<(), Failure> {
    access.cancel_stored(row.invocation_id.as_deref()).await;
    if row.verification_status.as_str() != "verified" {
        intent::reset_domain(&access.db, &row.id, "").await?;
    }
    let invocation = access.send_verify(&row.id).await?;
    intent::store_invocation(&access.db, &row.id, &invocation).await?;
    Ok(())
}

/// Tells of the domain whenever what is said of it changes, until it is verified or has failed.
async fn wait(
    access: &Access,
    output: Output,
    id: &str,
    no_wait: bool,
    timeout: u64,
) -> Result<(), Failure> {
    let started = Instant::now();
    let mut told = None;
    loop {
        let row = intent::domain_row(&access.db, id).await?;
        let now = (row.verification_status, row.verification_error.clone());
        let status = row.verification_status.as_str();
        if told.as_ref() != Some(&now) {
            output.say(&state(access, row).await?);
            told = Some(now.clone());
        }
        match status {
            _ if no_wait => return Ok(()),
            "verified" => return Ok(()),
            "failed" => return Err(Failure::Worker(now.1.unwrap_or_default())),
            _ if started.elapsed() >= Duration::from_secs(timeout) => {
                return Err(Failure::StillRunning(format!(
                    "{id} is still {status} after {timeout} s; it is checked for a day, look with `ctl domains status {id}`"
                )));
            }
            _ => tokio::time::sleep(LOOK).await,
        }
    }
}

/// By id, or by host name where one workspace alone has it.
async fn find(access: &Access, name: &str) -> Result<Model, Failure> {
    use mysql::entity::custom_domains::{Column, Entity};
    let by = match name.starts_with("dom_") {
        true => Column::Id.eq(name),
        false => Column::Domain.eq(name.trim_end_matches('.').to_ascii_lowercase()),
    };
    let mut rows = Entity::find().filter(by).all(access.db.primary()).await?;
    match rows.len() {
        0 => Err(Failure::NotFound(format!(
            "no domain `{name}`; `ctl domains add` adds one"
        ))),
        1 => Ok(rows.remove(0)),
        _ => {
            let ids: Vec<&str> = rows.iter().map(|row| row.id.as_str()).collect();
            Err(Failure::Usage(format!(
                "several workspaces have {name}: name one by its id ({})",
                ids.join(", ")
            )))
        }
    }
}

/// How a domain stands.
#[derive(Serialize)]
struct State {
    domain_id: String,
    domain: String,
    status: String,
    /// What the last check has to say.
    message: Option<String>,
    ownership_verified: bool,
    cname_verified: bool,
    check_attempts: i32,
    /// Epoch milliseconds.
    last_checked_at: Option<i64>,
    cname_target: String,
    txt_name: String,
    txt_value: String,
    /// Whether the host name leads to the domain's own app, and where to.
    route: Option<Route>,
    /// Status of the certificate's challenge.
    certificate: Option<String>,
    invocation_id: Option<String>,
}

#[derive(Serialize)]
struct Route {
    own: bool,
    /// Empty: nothing is live yet.
    deployment_id: String,
}

async fn state(access: &Access, row: Model) -> Result<State, Failure> {
    let conn = access.db.primary();
    let by_name = frontline_routes::Column::FullyQualifiedDomainName.eq(&row.domain);
    let route = frontline_routes::Entity::find()
        .filter(by_name)
        .one(conn)
        .await?;
    let challenge = acme_challenges::Entity::find()
        .filter(acme_challenges::Column::DomainId.eq(&row.id))
        .one(conn)
        .await?;
    Ok(State {
        route: route.map(|route| Route {
            own: (&route.app_id, &route.environment_id) == (&row.app_id, &row.environment_id),
            deployment_id: route.deployment_id,
        }),
        certificate: challenge.map(|challenge| challenge.status.as_str().to_owned()),
        status: row.verification_status.as_str().to_owned(),
        message: row.verification_error,
        ownership_verified: row.ownership_verified,
        cname_verified: row.cname_verified,
        check_attempts: row.check_attempts,
        last_checked_at: row.last_checked_at,
        cname_target: row.target_cname,
        txt_name: format!("_unkey.{}", row.domain),
        txt_value: format!("unkey-domain-verify={}", row.verification_token),
        invocation_id: row.invocation_id.filter(|id| !id.is_empty()),
        domain_id: row.id,
        domain: row.domain,
    })
}

#[derive(Serialize)]
struct Added {
    event: &'static str,
    domain_id: String,
    domain: String,
    cname_target: String,
    txt_name: String,
    txt_value: String,
}

#[derive(Serialize)]
struct Deleted {
    domain_id: String,
    domain: String,
}

impl std::fmt::Display for Added {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}  {}\n  publish one of", self.domain_id, self.domain)?;
        write!(f, "\n  {}  CNAME  {}", self.domain, self.cname_target)?;
        write!(f, "\n  {}  TXT  \"{}\"", self.txt_name, self.txt_value)
    }
}

impl std::fmt::Display for Deleted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}  {} is deleted", self.domain_id, self.domain)
    }
}

impl std::fmt::Display for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}  {}  {}", self.domain_id, self.domain, self.status)?;
        if let Some(message) = &self.message {
            write!(f, "\n  {message}")?;
        }
        if self.status != "verified" {
            write!(f, "\n  {}  CNAME  {}", self.domain, self.cname_target)?;
            write!(f, "\n  {}  TXT  \"{}\"", self.txt_name, self.txt_value)?;
        }
        match &self.route {
            Some(Route { own: false, .. }) => write!(f, "\n  the host name leads to another app")?,
            Some(route) if route.deployment_id.is_empty() => {
                write!(f, "\n  routed; nothing is live yet")?;
            }
            Some(route) => write!(f, "\n  leads to {}", route.deployment_id)?,
            None => {}
        }
        match &self.certificate {
            Some(certificate) => write!(f, "\n  certificate: {certificate}"),
            None => Ok(()),
        }
    }
}
