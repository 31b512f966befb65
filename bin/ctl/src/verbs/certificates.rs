//! `ctl certificates`: what is stored, when it is renewed, and renewing one by hand.

use std::fmt;

use mysql::entity::certificates::{Column, Entity, Model};
use mysql::entity::ctrl_worker_renewals;
use mysql::entity::custom_domains::{self, VerificationStatus};
use mysql::sql;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Value};
use serde::Serialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::access::Access;
use crate::cli::Certificates;
use crate::failure::Failure;
use crate::output::Output;

pub(crate) async fn run(
    access: &Access,
    output: Output,
    verb: Certificates,
) -> Result<(), Failure> {
    match verb {
        Certificates::List { limit } => {
            let rows = Entity::find()
                .order_by_asc(Column::Hostname)
                .limit(limit)
                .all(access.db.primary())
                .await?;
            let mut certificates = Vec::new();
            for row in rows {
                certificates.push(shown(access, row).await?);
            }
            output.say(&List { certificates });
        }
        Certificates::Show { host } => {
            output.say(&shown(access, find(access, &host).await?).await?)
        }
        Certificates::Renew { host } => {
            let host = host.trim_end_matches('.').to_ascii_lowercase();
            output.say(&renew(access, &host).await?);
        }
    }
    Ok(())
}

async fn find(access: &Access, host: &str) -> Result<Model, Failure> {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    let row = Entity::find()
        .filter(Column::Hostname.eq(&host))
        .one(access.db.primary())
        .await?;
    row.ok_or_else(|| {
        Failure::NotFound(format!(
            "no certificate for {host}; `ctl domains status {host}` says how its domain stands"
        ))
    })
}

async fn shown(access: &Access, row: Model) -> Result<Certificate, Failure> {
    let renewal = ctrl_worker_renewals::Entity::find_by_id(row.hostname.clone())
        .one(access.db.primary())
        .await?;
    let said = acme::read(&row.certificate).ok();
    let said = said.as_ref();
    Ok(Certificate {
        hostname: row.hostname,
        certificate_id: row.id,
        workspace_id: row.workspace_id,
        names: said.map_or_else(Vec::new, |s| s.names.clone()),
        issuer: said.map(|s| s.issuer.clone()),
        serial: said.map(|s| s.serial.clone()),
        not_before: said.map(|s| instant(s.not_before_ms)),
        not_after: said.map(|s| instant(s.not_after_ms)),
        renew_at: renewal.as_ref().map(|r| instant(r.renew_at)),
        renew_because: renewal.as_ref().map(|r| r.reason.clone()),
        failures: renewal.as_ref().map_or(0, |r| r.failures),
    })
}

/// Makes the renewal due now and asks for it.
async fn renew(access: &Access, host: &str) -> Result<Renewed, Failure> {
    let domain = custom_domains::Entity::find()
        .filter(custom_domains::Column::Domain.eq(host))
        .filter(custom_domains::Column::VerificationStatus.eq(VerificationStatus::Verified))
        .one(access.db.primary())
        .await?;
    let domain = domain.ok_or_else(|| {
        Failure::NotFound(format!(
            "no verified domain {host}; `ctl domains status {host}` says how it stands"
        ))
    })?;
    let now = mysql::now_ms();
    let sql = "INSERT INTO ctrl_worker_renewals (hostname, domain_id, workspace_id, domain_created_at, renew_at, reason, expires_at, ari_next_at, failures, updated_at) \
         VALUES (?, ?, ?, ?, ?, 'asked', 0, ?, 0, ?) ON DUPLICATE KEY UPDATE domain_id = VALUES(domain_id), workspace_id = VALUES(workspace_id), \
         renew_at = VALUES(renew_at), reason = 'asked', updated_at = VALUES(updated_at)";
    let values: [Value; 7] = [
        domain.domain.as_str().into(),
        domain.id.as_str().into(),
        domain.workspace_id.as_str().into(),
        domain.created_at.into(),
        now.into(),
        now.into(),
        now.into(),
    ];
    sql::execute(access.db.primary(), sql, values).await?;
    let answer = access
        .process_challenge(&domain.workspace_id, &domain.domain)
        .await?;
    let row = custom_domains::Entity::by_id(domain.id)
        .one(access.db.primary())
        .await?;
    match answer.status.as_str() {
        "failed" => Err(Failure::Worker(
            row.and_then(|r| r.verification_error)
                .unwrap_or_else(|| "the worker does not obtain certificates: acme.enabled is false, or it has no Vault".to_owned()),
        )),
        status => Ok(Renewed {
            hostname: host.to_owned(),
            status: status.to_owned(),
            certificate_id: answer.certificate_id,
        }),
    }
}

fn instant(ms: i64) -> String {
    OffsetDateTime::from_unix_timestamp(ms.div_euclid(1000))
        .ok()
        .and_then(|at| at.format(&Rfc3339).ok())
        .unwrap_or_default()
}

/// One certificate, for people and programs. Times are RFC 3339 in UTC.
#[derive(Serialize)]
struct Certificate {
    hostname: String,
    certificate_id: String,
    workspace_id: String,
    names: Vec<String>,
    issuer: Option<String>,
    /// Lower-case hexadecimal digits.
    serial: Option<String>,
    not_before: Option<String>,
    not_after: Option<String>,
    /// From when on it is renewed.
    renew_at: Option<String>,
    /// `lifetime`, `ari`, or why the last attempt has failed.
    renew_because: Option<String>,
    failures: i32,
}

#[derive(Serialize)]
struct List {
    certificates: Vec<Certificate>,
}

#[derive(Serialize)]
struct Renewed {
    hostname: String,
    /// `success` or `pending`.
    status: String,
    certificate_id: String,
}

impl fmt::Display for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |text: &Option<String>| text.clone().unwrap_or_else(|| "unknown".to_owned());
        write!(f, "{}  {}", self.hostname, self.certificate_id)?;
        write!(f, "\n  names      {}", self.names.join(", "))?;
        write!(f, "\n  issuer     {}", text(&self.issuer))?;
        write!(f, "\n  serial     {}", text(&self.serial))?;
        write!(f, "\n  not after  {}", text(&self.not_after))?;
        write!(
            f,
            "\n  renewed    {} ({})",
            text(&self.renew_at),
            text(&self.renew_because)
        )?;
        match self.failures {
            0 => Ok(()),
            n => write!(f, "\n  failures   {n}"),
        }
    }
}

impl fmt::Display for List {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.certificates.is_empty() {
            return write!(f, "no certificates");
        }
        let width = |c: &Certificate| c.hostname.len();
        let width = self.certificates.iter().map(width).max().unwrap_or(0);
        for (number, one) in self.certificates.iter().enumerate() {
            if number > 0 {
                writeln!(f)?;
            }
            let end = one.not_after.as_deref().unwrap_or("unknown");
            let renewed = one.renew_at.as_deref().unwrap_or("unknown");
            write!(f, "{:width$}  until {end}  renewed {renewed}", one.hostname)?;
        }
        Ok(())
    }
}

impl fmt::Display for Renewed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.status.as_str() {
            "success" => write!(
                f,
                "{} has a new certificate ({})",
                self.hostname, self.certificate_id
            ),
            _ => write!(
                f,
                "{} is under way; `ctl certificates show {}` shows what is stored",
                self.hostname, self.hostname
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::instant;

    #[test]
    fn instants_are_written_for_people_and_programs() {
        assert_eq!(instant(1_700_000_000_999), "2023-11-14T22:13:20Z");
    }
}
