//! The rows of a challenge and of its renewal while a certificate is obtained: taken into work, published, failed, at rest.
//!
//! Every function is one transaction that holds the domain's row: a domain that is deleted or contested meanwhile is
//! noticed. Not for the certificate itself: see `store`.

use crate::subject::Subject;
use crate::verdict::Failure;
use mysql::{Db, DbError, Lock, Tx, sql};
use sea_orm::{FromQueryResult, Value};
use serde::{Deserialize, Serialize};

/// Front of every text this service writes into a domain's row, by which it finds its own again.
const TOLD: &str = "Certificate: ";

/// What one transaction found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Kept {
    /// The domain is there and verified; the rows are written.
    Yes,
    /// It is not any more; nothing is written.
    Gone,
}

/// When the next attempt is due, and why.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan<'a> {
    pub(crate) renew_at: i64,
    pub(crate) reason: &'a str,
    pub(crate) failures: i32,
    pub(crate) now: i64,
}

/// Locks the domain's row and says whether it is still verified for its owner.
pub(crate) async fn hold_domain(tx: &Tx, subject: &Subject) -> Result<Kept, DbError> {
    #[derive(FromQueryResult)]
    struct Status {
        status: String,
    }
    tx.touch(Lock::CustomDomains);
    let sql = "SELECT CAST(verification_status AS CHAR) AS status FROM custom_domains WHERE id = ? AND workspace_id = ? FOR UPDATE";
    let values = [
        subject.domain_id.as_str().into(),
        subject.workspace_id.as_str().into(),
    ];
    let row: Option<Status> = sql::one(tx, sql, values).await?;
    Ok(match row {
        Some(row) if row.status == "verified" => Kept::Yes,
        _ => Kept::Gone,
    })
}

/// Takes the challenge into work; makes its row where there is none. A sweep finds it again should nobody end it.
pub(crate) async fn claim(db: &Db, subject: &Subject, plan: Plan<'_>) -> Result<Kept, DbError> {
    mysql::retry(|| async {
        let tx = db.begin().await?;
        if hold_domain(&tx, subject).await? == Kept::Gone {
            tx.rollback().await?;
            return Ok(Kept::Gone);
        }
        tx.touch(Lock::AcmeChallenges);
        let kind = if subject.is_wildcard() { "DNS-01" } else { "HTTP-01" };
        let sql = "INSERT INTO acme_challenges (domain_id, workspace_id, token, challenge_type, `authorization`, status, expires_at, created_at)
                   VALUES (?, ?, '', ?, '', 'pending', 0, ?)
                   ON DUPLICATE KEY UPDATE status = 'pending', updated_at = ?";
        let values: [Value; 5] = [
            subject.domain_id.as_str().into(),
            subject.workspace_id.as_str().into(),
            kind.into(),
            plan.now.into(),
            plan.now.into(),
        ];
        sql::execute(&tx, sql, values).await?;
        plan_next(&tx, subject, plan).await?;
        tx.commit().await?;
        Ok(Kept::Yes)
    })
    .await
}

/// Writes what the edge answers with, and what an HTTP-01 look of the authority gets.
pub(crate) async fn present(
    db: &Db,
    subject: &Subject,
    token: &str,
    authorization: &str,
    now: i64,
) -> Result<Kept, DbError> {
    mysql::retry(|| async {
        let tx = db.begin().await?;
        if hold_domain(&tx, subject).await? == Kept::Gone {
            tx.rollback().await?;
            return Ok(Kept::Gone);
        }
        tx.touch(Lock::AcmeChallenges);
        let sql = "UPDATE acme_challenges SET status = 'pending', token = ?, `authorization` = ?, updated_at = ? WHERE domain_id = ?";
        let values: [Value; 4] = [
            token.into(),
            authorization.into(),
            now.into(),
            subject.domain_id.as_str().into(),
        ];
        sql::execute(&tx, sql, values).await?;
        tx.commit().await?;
        Ok(Kept::Yes)
    })
    .await
}

/// Ends an attempt: the challenge gets `status`, the renewal its next instant, and the domain's row the reason, if there
/// is one. A domain that is gone is left alone.
pub(crate) async fn end(
    db: &Db,
    subject: &Subject,
    status: &str,
    plan: Plan<'_>,
    failure: Option<&Failure>,
) -> Result<Kept, DbError> {
    mysql::retry(|| async {
        let tx = db.begin().await?;
        if hold_domain(&tx, subject).await? == Kept::Gone {
            tx.rollback().await?;
            return Ok(Kept::Gone);
        }
        if let Some(failure) = failure {
            let sql =
                "UPDATE custom_domains SET verification_error = ?, updated_at = ? WHERE id = ?";
            let values: [Value; 3] = [
                format!("{TOLD}{}", failure.text).into(),
                plan.now.into(),
                subject.domain_id.as_str().into(),
            ];
            sql::execute(&tx, sql, values).await?;
        }
        tx.touch(Lock::AcmeChallenges);
        let sql = "UPDATE acme_challenges SET status = ?, updated_at = ? WHERE domain_id = ?";
        let values: [Value; 3] = [
            status.into(),
            plan.now.into(),
            subject.domain_id.as_str().into(),
        ];
        sql::execute(&tx, sql, values).await?;
        plan_next(&tx, subject, plan).await?;
        tx.commit().await?;
        Ok(Kept::Yes)
    })
    .await
}

/// Takes a challenge out of work again, as if the attempt had not begun. One that is not in work is left alone: the step
/// whose answer was lost to the cancellation may have stored the certificate.
pub(crate) async fn release(
    db: &Db,
    subject: &Subject,
    status: &str,
    plan: Plan<'_>,
) -> Result<(), DbError> {
    mysql::retry(|| async {
        let tx = db.begin().await?;
        if hold_domain(&tx, subject).await? == Kept::Yes {
            tx.touch(Lock::AcmeChallenges);
            let sql = "UPDATE acme_challenges SET status = ?, updated_at = ? WHERE domain_id = ? AND status = 'pending'";
            let values: [Value; 3] = [
                status.into(),
                plan.now.into(),
                subject.domain_id.as_str().into(),
            ];
            if sql::execute(&tx, sql, values).await? > 0 {
                plan_next(&tx, subject, plan).await?;
            }
        }
        tx.commit().await
    })
    .await
}

/// What a challenge is called when nothing is being done about it: a certificate that clients still take is never
/// called failed.
pub(crate) fn resting(subject: &Subject, failed: bool, now: i64) -> &'static str {
    match &subject.held {
        Some(held) if held.is_valid(now) => "verified",
        _ if failed => "failed",
        _ => "waiting",
    }
}

/// Takes back a text that an earlier attempt has left in the domain's row.
pub(crate) async fn clear_told(tx: &Tx, subject: &Subject, now: i64) -> Result<(), DbError> {
    let sql = "UPDATE custom_domains SET verification_error = NULL, updated_at = ? WHERE id = ? AND verification_error LIKE ?";
    let values: [Value; 3] = [
        now.into(),
        subject.domain_id.as_str().into(),
        format!("{TOLD}%").into(),
    ];
    sql::execute(tx, sql, values).await?;
    Ok(())
}

/// Writes when the next attempt is due. What is known of the certificate stays.
pub(crate) async fn plan_next(tx: &Tx, subject: &Subject, plan: Plan<'_>) -> Result<(), DbError> {
    tx.touch(Lock::Renewals);
    let expires = subject.held.as_ref().map_or(0, |held| held.not_after);
    let sql = "INSERT INTO ctrl_worker_renewals (hostname, domain_id, workspace_id, domain_created_at, renew_at, reason, expires_at, ari_next_at, failures, updated_at)
               VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
               ON DUPLICATE KEY UPDATE domain_id = VALUES(domain_id), workspace_id = VALUES(workspace_id), domain_created_at = VALUES(domain_created_at),
                 renew_at = VALUES(renew_at), reason = VALUES(reason), expires_at = VALUES(expires_at), failures = VALUES(failures), updated_at = VALUES(updated_at)";
    let values: [Value; 10] = [
        subject.hostname.as_str().into(),
        subject.domain_id.as_str().into(),
        subject.workspace_id.as_str().into(),
        subject.created_at.into(),
        plan.renew_at.into(),
        plan.reason.into(),
        expires.into(),
        plan.now.into(),
        plan.failures.into(),
        plan.now.into(),
    ];
    sql::execute(tx, sql, values).await?;
    Ok(())
}

/// Ends the renewals of a name that no verified domain has any more.
pub(crate) async fn forget(db: &Db, hostname: &str) -> Result<u64, DbError> {
    let sql = "DELETE FROM ctrl_worker_renewals WHERE hostname = ? AND NOT EXISTS
               (SELECT 1 FROM custom_domains d WHERE d.id = ctrl_worker_renewals.domain_id AND d.verification_status = 'verified')";
    mysql::retry(|| sql::execute(db.primary(), sql, [hostname.into()])).await
}

/// Calls the challenge verified until the end of the certificate that is stored, and plans its renewal.
pub(crate) async fn keep_verified(
    db: &Db,
    subject: &Subject,
    expires_at: i64,
    plan: Plan<'_>,
) -> Result<Kept, DbError> {
    mysql::retry(|| async {
        let tx = db.begin().await?;
        if hold_domain(&tx, subject).await? == Kept::Gone {
            tx.rollback().await?;
            return Ok(Kept::Gone);
        }
        tx.touch(Lock::AcmeChallenges);
        let sql = "UPDATE acme_challenges SET status = 'verified', expires_at = ?, updated_at = ? WHERE domain_id = ?";
        let values: [Value; 3] = [
            expires_at.into(),
            plan.now.into(),
            subject.domain_id.as_str().into(),
        ];
        sql::execute(&tx, sql, values).await?;
        plan_next(&tx, subject, plan).await?;
        tx.commit().await?;
        Ok(Kept::Yes)
    })
    .await
}
