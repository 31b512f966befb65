//! The statements of the sweep over `ctrl_worker_renewals`: rebuilt from the rows they describe, cleared of what is gone,
//! read page by page.
//!
//! Not for when a certificate is due: see `due` and `windows`.

use mysql::{Db, DbError, sql};
use sea_orm::{FromQueryResult, Value};
use serde::{Deserialize, Serialize};

/// Domains looked at by one statement.
const RANGE: u64 = 5_000;
/// Before the end of an adopted certificate, of which nothing else is known yet; ms.
const ADOPTED: i64 = 30 * 86_400_000;

/// One name that is due.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, FromQueryResult)]
pub(crate) struct Due {
    pub(crate) hostname: String,
    pub(crate) workspace_id: String,
    pub(crate) domain_created_at: i64,
}

/// Where a page ended.
#[derive(Debug, Clone, Default)]
pub(crate) struct Cursor {
    created_at: i64,
    hostname: String,
}

impl Cursor {
    /// Before the first one.
    pub(crate) fn start() -> Self {
        Self {
            created_at: i64::MIN,
            hostname: String::new(),
        }
    }

    /// Behind the last one of a page.
    pub(crate) fn behind(page: &[Due]) -> Option<Self> {
        page.last().map(|last| Self {
            created_at: last.domain_created_at,
            hostname: last.hostname.clone(),
        })
    }
}

/// Gives every verified domain with a challenge its row: where it has none, where the row is of another domain of the same
/// name, and where the challenge was asked for again. Gives the number of rows written.
///
/// Of a certificate that is adopted only the end is known; whether it is really due is seen when its turn comes.
///
/// The plan is given: under statistics that lag behind, the server would begin each range with all challenges.
pub(crate) async fn adopt(db: &Db, now: i64, stuck: i64) -> Result<u64, DbError> {
    #[derive(FromQueryResult)]
    struct Last {
        pk: Option<u64>,
    }
    let last: Option<Last> =
        sql::one(db.primary(), "SELECT MAX(pk) AS pk FROM custom_domains", []).await?;
    let last = last.and_then(|l| l.pk).unwrap_or(0);
    let sql = "INSERT INTO ctrl_worker_renewals (hostname, domain_id, workspace_id, domain_created_at, renew_at, reason, expires_at, ari_next_at, failures, updated_at)
        SELECT d.domain, d.id, d.workspace_id, d.created_at,
          CASE c.status WHEN 'waiting' THEN ? WHEN 'verified' THEN c.expires_at - ? ELSE COALESCE(c.updated_at, c.created_at) + ? END,
          IF(c.status = 'waiting', 'waiting', 'adopted'), IF(c.status = 'verified', c.expires_at, 0), ?, 0, ?
        FROM custom_domains d FORCE INDEX (PRIMARY) STRAIGHT_JOIN acme_challenges c ON c.domain_id = d.id
        LEFT JOIN ctrl_worker_renewals r ON r.hostname = d.domain
        WHERE d.pk > ? AND d.pk <= ? AND d.verification_status = 'verified'
          AND (r.hostname IS NULL OR r.domain_id <> d.id OR (c.status = 'waiting' AND r.reason <> 'waiting'))
        ON DUPLICATE KEY UPDATE domain_id = VALUES(domain_id), workspace_id = VALUES(workspace_id), domain_created_at = VALUES(domain_created_at),
          renew_at = VALUES(renew_at), reason = VALUES(reason), expires_at = VALUES(expires_at), failures = 0, updated_at = VALUES(updated_at)";
    let (mut from, mut written) = (0, 0);
    while from < last {
        let to = from + RANGE;
        let values: [Value; 7] = [
            now.into(),
            ADOPTED.into(),
            stuck.into(),
            now.into(),
            now.into(),
            from.into(),
            to.into(),
        ];
        written += mysql::retry(|| sql::execute(db.primary(), sql, values.clone())).await?;
        from = to;
    }
    Ok(written)
}

/// Drops the rows of domains that are gone or not verified.
pub(crate) async fn drop_gone(db: &Db) -> Result<u64, DbError> {
    let sql = "DELETE r FROM ctrl_worker_renewals r
        LEFT JOIN custom_domains d ON d.id = r.domain_id AND d.verification_status = 'verified'
        WHERE d.pk IS NULL";
    mysql::retry(|| sql::execute(db.primary(), sql, [])).await
}

/// Makes due now what ends before an instant.
pub(crate) async fn widen(db: &Db, now: i64, until: i64) -> Result<u64, DbError> {
    let sql = "UPDATE ctrl_worker_renewals SET renew_at = ?, reason = 'widened', updated_at = ?
        WHERE expires_at > 0 AND expires_at <= ? AND renew_at > ? AND reason IN ('lifetime', 'ari', 'adopted')";
    let values: [Value; 4] = [now.into(), now.into(), until.into(), now.into()];
    mysql::retry(|| sql::execute(db.primary(), sql, values.clone())).await
}

/// The next page of what is due, in the order in which the domains were made.
pub(crate) async fn page(
    db: &Db,
    now: i64,
    after: &Cursor,
    size: u64,
) -> Result<Vec<Due>, DbError> {
    let sql = "SELECT hostname, workspace_id, domain_created_at FROM ctrl_worker_renewals
        WHERE renew_at <= ? AND (domain_created_at > ? OR (domain_created_at = ? AND hostname > ?))
        ORDER BY domain_created_at, hostname LIMIT ?";
    let values: [Value; 5] = [
        now.into(),
        after.created_at.into(),
        after.created_at.into(),
        after.hostname.as_str().into(),
        size.into(),
    ];
    sql::all(db.primary(), sql, values).await
}
