//! The last step: fetches the chain, checks it against key, names and clock, and stores certificate, challenge and next
//! renewal in one transaction.
//!
//! Not for serving it: the edge reads the row.

use crate::Deps;
use crate::account;
use crate::authority::{Authority, Told, told};
use crate::challenge::{self, Kept, Plan};
use crate::due;
use crate::subject::Subject;
use acme::Checked;
use durable::Stop;
use mysql::{Db, DbError, Lock, sql};
use sea_orm::{FromQueryResult, Value};
use serde::{Deserialize, Serialize};

/// How storing ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Stored {
    /// The row's id.
    Yes(String),
    /// The domain is gone or not verified any more; nothing is stored.
    Gone,
    /// The chain is not what was ordered; in words.
    Flawed(String),
}

/// What goes into the row.
struct Certificate<'a> {
    chain: &'a str,
    sealed_key: &'a str,
    checked: Checked,
    /// Id of a row that is made; an existing one keeps its own.
    id: String,
}

impl Authority<'_> {
    /// Fetches, checks and stores. A repetition finds the row as it made it.
    pub(crate) async fn store(
        &self,
        account_url: &str,
        order_url: &str,
        subject: &Subject,
        sealed_key: &str,
    ) -> Result<Told<Stored>, Stop> {
        let account = account::of(self.deps, self.acme, self.vault, account_url).await?;
        let chain = match told(account.certificate(order_url).await)? {
            Told::Done(chain) => chain,
            Told::Refused(problem) => return Ok(Told::Refused(problem)),
        };
        let key = self
            .vault
            .decrypt(&subject.workspace_id, sealed_key)
            .await
            .map_err(Stop::retry)?;
        let now = durable::clock::wall_ms();
        let checked = match acme::check(&chain, key.expose(), &[subject.name()], now) {
            Ok(checked) => checked,
            Err(flaw) => return Ok(Told::Done(Stored::Flawed(flaw.to_string()))),
        };
        let certificate = Certificate {
            chain: &chain,
            sealed_key,
            checked,
            id: ids::derived(ids::Prefix::CERTIFICATE, &[&subject.domain_id, order_url]),
        };
        let id = mysql::retry(|| write(&self.deps.db, subject, &certificate, now)).await?;
        Ok(Told::Done(id.map_or(Stored::Gone, Stored::Yes)))
    }
}

async fn write(
    db: &Db,
    subject: &Subject,
    new: &Certificate<'_>,
    now: i64,
) -> Result<Option<String>, DbError> {
    #[derive(FromQueryResult)]
    struct Old {
        id: String,
        certificate: String,
    }
    let tx = db.begin().await?;
    if challenge::hold_domain(&tx, subject).await? == Kept::Gone {
        tx.rollback().await?;
        return Ok(None);
    }
    challenge::clear_told(&tx, subject, now).await?;
    tx.touch(Lock::AcmeChallenges);
    let sql = "UPDATE acme_challenges SET status = 'verified', expires_at = ?, updated_at = ? WHERE domain_id = ?";
    let values: [Value; 3] = [
        new.checked.not_after_ms.into(),
        now.into(),
        subject.domain_id.as_str().into(),
    ];
    sql::execute(&tx, sql, values).await?;
    tx.touch(Lock::Certificates);
    let host: Value = subject.hostname.as_str().into();
    let sql = "SELECT id, certificate FROM certificates WHERE hostname = ? FOR UPDATE";
    let old: Option<Old> = sql::one(&tx, sql, [host.clone()]).await?;
    let workspace: Value = subject.workspace_id.as_str().into();
    let id = match old {
        // a repetition: the row is as it was made, and was never renewed
        Some(old) if old.certificate == new.chain => old.id,
        Some(old) => {
            let sql = "UPDATE certificates SET workspace_id = ?, certificate = ?, encrypted_private_key = ?, updated_at = ? WHERE hostname = ?";
            let values = [
                workspace,
                new.chain.into(),
                new.sealed_key.into(),
                now.into(),
                host,
            ];
            sql::execute(&tx, sql, values).await?;
            old.id
        }
        None => {
            let sql = "INSERT INTO certificates (id, workspace_id, hostname, certificate, encrypted_private_key, created_at) VALUES (?, ?, ?, ?, ?, ?)";
            let values = [
                new.id.as_str().into(),
                workspace,
                host,
                new.chain.into(),
                new.sealed_key.into(),
                now.into(),
            ];
            sql::execute(&tx, sql, values).await?;
            new.id.clone()
        }
    };
    let said = &new.checked;
    let mut after = subject.clone();
    after.held = Some(due::Held {
        id: id.clone(),
        not_before: said.not_before_ms,
        not_after: said.not_after_ms,
        serial: said.serial.clone(),
        certificate_id: said.certificate_id.clone(),
    });
    let plan = Plan {
        renew_at: due::by_lifetime(said.not_before_ms, said.not_after_ms, &said.serial),
        reason: "lifetime",
        failures: 0,
        now,
    };
    challenge::plan_next(&tx, &after, plan).await?;
    // another certificate has another window
    let sql =
        "UPDATE ctrl_worker_renewals SET ari_next_at = ?, ari_checked_at = NULL WHERE hostname = ?";
    sql::execute(&tx, sql, [now.into(), subject.hostname.as_str().into()]).await?;
    tx.commit().await?;
    Ok(Some(id))
}

/// Puts challenge and renewal right for a certificate that is still good: after the loss of our own table, or when the
/// challenge was asked for again.
pub(crate) async fn keep(deps: &Deps, subject: &Subject, now: i64) -> Result<(), Stop> {
    let Some(held) = &subject.held else {
        return Ok(());
    };
    let planned = subject.planned.as_ref();
    let settled = planned.is_some_and(|p| ["lifetime", "ari"].contains(&p.reason.as_str()));
    if settled && subject.challenge_is_verified {
        return Ok(());
    }
    let renew_at = due::by_lifetime(held.not_before, held.not_after, &held.serial);
    let plan = Plan {
        renew_at: planned.filter(|_| settled).map_or(renew_at, |p| p.renew_at),
        reason: planned
            .filter(|_| settled)
            .map_or("lifetime", |p| p.reason.as_str()),
        failures: 0,
        now,
    };
    challenge::keep_verified(&deps.db, subject, held.not_after, plan).await?;
    Ok(())
}
