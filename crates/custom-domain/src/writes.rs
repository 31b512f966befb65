//! The statements that change `custom_domains` and `acme_challenges`, and delete a route. Not for deciding when.

use crate::rules::{self, fit};
use mysql::entity::custom_domains::Model;
use mysql::{Db, DbError, Lock, Tx, sql};

/// How far ahead a challenge's `expires_at` lies before there is a certificate.
const PLACEHOLDER_MS: i64 = 30 * 24 * 60 * 60 * 1000;

/// What one check writes to its row.
pub(crate) struct Checked<'a> {
    pub(crate) attempt: i32,
    /// `ownership_verified`, `cname_verified`.
    pub(crate) flags: (bool, bool),
    pub(crate) status: &'static str,
    /// Empty: nothing to tell.
    pub(crate) text: &'a str,
}

/// Writes the result of a check. A second run writes the same.
pub(crate) async fn checked(tx: &Tx, id: &str, what: &Checked<'_>) -> Result<(), DbError> {
    tx.touch(Lock::CustomDomains);
    let statement = "UPDATE custom_domains SET verification_status = ?, check_attempts = ?, ownership_verified = ?, \
         cname_verified = ?, verification_error = ?, last_checked_at = ?, updated_at = ? WHERE id = ?";
    let now = mysql::now_ms();
    let text = Some(fit(what.text)).filter(|text| !text.is_empty());
    let values = [
        what.status.into(),
        what.attempt.into(),
        what.flags.0.into(),
        what.flags.1.into(),
        text.into(),
        now.into(),
        now.into(),
        id.into(),
    ];
    sql::execute(tx, statement, values).await.map(drop)
}

/// Gives a domain in work up; whether it was in work.
pub(crate) async fn fail(db: &Db, id: &str, text: &str) -> Result<bool, DbError> {
    let statement = "UPDATE custom_domains SET verification_status = 'failed', verification_error = ?, updated_at = ? \
         WHERE id = ? AND verification_status IN ('pending', 'verifying')";
    let values = [fit(text).into(), mysql::now_ms().into(), id.into()];
    let done = mysql::retry(|| sql::execute(db.primary(), statement, values.clone())).await?;
    Ok(done == 1)
}

/// Takes the name from a domain. Its token is replaced: the TXT record that may still be published would otherwise take
/// the name back.
pub(crate) async fn revoke(tx: &Tx, loser: &Model, token: &str) -> Result<(), DbError> {
    tx.touch(Lock::CustomDomains);
    let statement = "UPDATE custom_domains SET verification_status = 'failed', verification_error = ?, ownership_verified = 0, \
         cname_verified = 0, verification_token = ?, updated_at = ? WHERE id = ?";
    let values = [
        rules::CLAIMED.into(),
        token.into(),
        mysql::now_ms().into(),
        loser.id.as_str().into(),
    ];
    sql::execute(tx, statement, values).await.map(drop)
}

/// Deletes one route.
pub(crate) async fn delete_route(tx: &Tx, id: &str) -> Result<(), DbError> {
    tx.touch(Lock::FrontlineRoutes);
    let statement = "DELETE FROM frontline_routes WHERE id = ?";
    sql::execute(tx, statement, [id.into()]).await.map(drop)
}

/// Deletes the challenge of a domain.
pub(crate) async fn delete_challenge(tx: &Tx, domain_id: &str) -> Result<(), DbError> {
    tx.touch(Lock::AcmeChallenges);
    let statement = "DELETE FROM acme_challenges WHERE domain_id = ?";
    sql::execute(tx, statement, [domain_id.into()])
        .await
        .map(drop)
}

/// Makes the domain have a challenge; whether one waits to be processed. A challenge in work, and one with a
/// certificate, stay as they are.
pub(crate) async fn want_certificate(tx: &Tx, row: &Model) -> Result<bool, DbError> {
    tx.touch(Lock::AcmeChallenges);
    let now = mysql::now_ms();
    let insert = "INSERT INTO acme_challenges (domain_id, workspace_id, token, authorization, challenge_type, status, expires_at, \
         created_at, updated_at) VALUES (?, ?, '', '', 'HTTP-01', 'waiting', ?, ?, ?) ON DUPLICATE KEY UPDATE \
         workspace_id = VALUES(workspace_id), \
         token = IF(status = 'failed', '', token), authorization = IF(status = 'failed', '', authorization), \
         updated_at = IF(status = 'failed', VALUES(updated_at), updated_at), \
         expires_at = IF(status = 'failed', VALUES(expires_at), expires_at), \
         status = IF(status = 'failed', 'waiting', status)";
    let values = [
        row.id.as_str().into(),
        row.workspace_id.as_str().into(),
        (now + PLACEHOLDER_MS).into(),
        now.into(),
        now.into(),
    ];
    sql::execute(tx, insert, values).await?;
    let waiting = "SELECT status FROM acme_challenges WHERE domain_id = ? AND status = 'waiting'";
    let found: Option<Status> = sql::one(tx, waiting, [row.id.as_str().into()]).await?;
    Ok(found.is_some_and(|found| found.status == "waiting"))
}

#[derive(sea_orm::FromQueryResult)]
struct Status {
    status: String,
}
