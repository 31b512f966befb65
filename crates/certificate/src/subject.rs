//! Whose certificate it is: finds the domain of a host name, the certificate that is stored for it and what is planned.
//!
//! Reads the primary, without any cache: a domain that was deleted and added again is another one.

use crate::due::{Held, Planned};
use durable::Stop;
use mysql::entity::custom_domains::{ChallengeType, VerificationStatus};
use mysql::{Db, DbError, sql};
use sea_orm::FromQueryResult;
use serde::{Deserialize, Serialize};

/// The domain a certificate is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Subject {
    pub(crate) domain_id: String,
    /// Owner, and keyring of the private key.
    pub(crate) workspace_id: String,
    /// As it is stored; a wildcard keeps its `*.`.
    pub(crate) hostname: String,
    pub(crate) created_at: i64,
    /// What is stored under the name for this owner.
    pub(crate) held: Option<Held>,
    pub(crate) planned: Option<Planned>,
    pub(crate) challenge_is_verified: bool,
}

impl Subject {
    /// The name to order: as the authority compares it.
    pub(crate) fn name(&self) -> String {
        self.hostname.to_ascii_lowercase()
    }

    /// Whether it is proven by a DNS record instead of by an answer over HTTP.
    pub(crate) fn is_wildcard(&self) -> bool {
        self.hostname.starts_with("*.") && self.hostname.len() > 2
    }
}

/// What a host name leads to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Resolved {
    /// A verified domain.
    Subject(Box<Subject>),
    /// No domain has this name.
    Gone,
    /// None that is verified, in the workspace asked for.
    Unverified,
    /// Another workspace holds it.
    Foreign,
}

#[derive(Debug, Clone, FromQueryResult)]
struct Row {
    id: String,
    workspace_id: String,
    domain: String,
    #[expect(
        dead_code,
        reason = "read so that a value this code does not know is noticed"
    )]
    challenge_type: ChallengeType,
    verification_status: VerificationStatus,
    created_at: i64,
}

const ROW: &str = "SELECT id, workspace_id, domain, challenge_type, verification_status, created_at FROM custom_domains";

/// Finds the verified domain of a name. With a workspace only its own counts.
pub(crate) async fn resolve(db: &Db, workspace: &str, name: &str) -> Result<Resolved, Stop> {
    let mut rows: Vec<Row> = Vec::new();
    if !workspace.is_empty() {
        // the one look-up the table has an index for
        let sql = format!("{ROW} WHERE workspace_id = ? AND domain = ?");
        rows = sql::all(db.primary(), &sql, [workspace.into(), name.into()]).await?;
    }
    if !rows.iter().any(is_verified) {
        let sql = format!("{ROW} WHERE domain = ? ORDER BY pk LIMIT 100");
        rows = sql::all(db.primary(), &sql, [name.into()]).await?;
    }
    let row = match choose(&rows, workspace) {
        Ok(row) => row,
        Err(resolved) => return Ok(resolved),
    };
    let planned = planned(db, name, &row.id).await?;
    let (status, held) = stored(db, row).await?;
    Ok(Resolved::Subject(Box::new(Subject {
        domain_id: row.id.clone(),
        workspace_id: row.workspace_id.clone(),
        hostname: row.domain.clone(),
        created_at: row.created_at,
        held,
        planned,
        challenge_is_verified: status,
    })))
}

fn is_verified(row: &Row) -> bool {
    row.verification_status == VerificationStatus::Verified
}

/// The row that may have a certificate. A row of somebody else is never taken because the caller's own is missing.
fn choose<'a>(rows: &'a [Row], workspace: &str) -> Result<&'a Row, Resolved> {
    let verified = || rows.iter().filter(|r| is_verified(r));
    let own = |r: &&Row| workspace.is_empty() || r.workspace_id == workspace;
    if let Some(row) = verified().find(own) {
        return Ok(row);
    }
    Err(if rows.is_empty() {
        Resolved::Gone
    } else if verified().next().is_some() {
        Resolved::Foreign
    } else {
        Resolved::Unverified
    })
}

async fn planned(db: &Db, name: &str, domain_id: &str) -> Result<Option<Planned>, DbError> {
    #[derive(FromQueryResult)]
    struct Renewal {
        renew_at: i64,
        reason: String,
        failures: i32,
        updated_at: i64,
    }
    let sql = "SELECT renew_at, reason, failures, updated_at FROM ctrl_worker_renewals WHERE hostname = ? AND domain_id = ?";
    let row: Option<Renewal> = sql::one(db.primary(), sql, [name.into(), domain_id.into()]).await?;
    Ok(row.map(|r| Planned {
        renew_at: r.renew_at,
        reason: r.reason,
        failures: r.failures,
        updated_at: r.updated_at,
    }))
}

/// Whether the challenge says there is a certificate, and what the certificate says of itself. One that is filed under
/// another owner, or that cannot be read, is none.
async fn stored(db: &Db, row: &Row) -> Result<(bool, Option<Held>), DbError> {
    #[derive(FromQueryResult)]
    struct Status {
        status: String,
    }
    #[derive(FromQueryResult)]
    struct Certificate {
        id: String,
        certificate: String,
    }
    let sql = "SELECT CAST(status AS CHAR) AS status FROM acme_challenges WHERE domain_id = ?";
    let status: Option<Status> = sql::one(db.primary(), sql, [row.id.as_str().into()]).await?;
    let sql = "SELECT id, certificate FROM certificates WHERE hostname = ? AND workspace_id = ?";
    let values = [row.domain.as_str().into(), row.workspace_id.as_str().into()];
    let found: Option<Certificate> = sql::one(db.primary(), sql, values).await?;
    let held = found.and_then(|found| {
        let said = acme::read(&found.certificate).ok()?;
        Some(Held {
            id: found.id,
            not_before: said.not_before_ms,
            not_after: said.not_after_ms,
            serial: said.serial,
            certificate_id: said.certificate_id,
        })
    });
    Ok((status.is_some_and(|s| s.status == "verified"), held))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(id: &str, workspace: &str, status: VerificationStatus) -> Row {
        Row {
            id: id.into(),
            workspace_id: workspace.into(),
            domain: "a.test".into(),
            challenge_type: ChallengeType::Http01,
            verification_status: status,
            created_at: 1,
        }
    }

    #[test]
    fn the_verified_row_of_the_workspace_counts_and_no_other() {
        use VerificationStatus::{Pending, Verified};
        let rows = [row("old", "x", Pending), row("new", "y", Verified)];
        assert_eq!(choose(&rows, "y").map(|r| &*r.id), Ok("new"));
        assert_eq!(choose(&rows, "").map(|r| &*r.id), Ok("new"));
        assert_eq!(choose(&rows, "x").err(), Some(Resolved::Foreign));
        assert_eq!(choose(&rows[..1], "x").err(), Some(Resolved::Unverified));
        assert_eq!(choose(&[], "x").err(), Some(Resolved::Gone));
    }
}
