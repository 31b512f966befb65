//! Custom domains: their verification is cancelled, then row, challenge, certificate and renewal go together, so that
//! the host name is free at once.

use crate::owner::Owner;
use crate::running::cancel_one;
use durable::Stop;
use mysql::{Db, DbError, Lock, sql};
use restate_api::Admin;
use sea_orm::{FromQueryResult, Value};
use teardown::chunk;

/// Domains of one step.
const SOME: usize = 100;

#[derive(FromQueryResult)]
struct Domain {
    pk: u64,
    id: String,
    domain: String,
    verification_status: String,
    invocation_id: Option<String>,
}

#[derive(FromQueryResult)]
struct Name {
    domain: String,
}

/// Deletes some domains; true while there are more.
pub(crate) async fn delete(db: &Db, admin: &Admin, owner: &Owner) -> Result<bool, Stop> {
    let sql = format!(
        "SELECT pk, id, domain, CAST(verification_status AS CHAR) AS verification_status, invocation_id FROM custom_domains
         WHERE project_id = ? AND environment_id = ? AND workspace_id = ? ORDER BY pk LIMIT {SOME}"
    );
    let domains: Vec<Domain> = sql::all(
        db.primary(),
        &sql,
        [
            owner.project_id.as_str().into(),
            owner.id.as_str().into(),
            owner.workspace_id.as_str().into(),
        ],
    )
    .await?;
    for domain in &domains {
        let works = matches!(domain.verification_status.as_str(), "pending" | "verifying");
        if let Some(invocation) = domain
            .invocation_id
            .as_deref()
            .filter(|id| works && !id.is_empty())
        {
            cancel_one(admin, invocation).await?;
        }
    }
    mysql::retry(|| rows(db, owner, &domains)).await?;
    Ok(domains.len() == SOME)
}

async fn rows(db: &Db, owner: &Owner, domains: &[Domain]) -> Result<(), DbError> {
    if domains.is_empty() {
        return Ok(());
    }
    let names: Vec<Value> = domains.iter().map(|d| d.domain.as_str().into()).collect();
    let free = only_ours(db, owner, domains, &names).await?;
    let tx = db.begin().await?;
    tx.touch(Lock::CustomDomains);
    let pks = domains.iter().map(|d| d.pk.into()).collect();
    chunk::delete_by(&*tx, "custom_domains", "PRIMARY", "pk", pks).await?;
    tx.touch(Lock::AcmeChallenges);
    let ids = domains.iter().map(|d| d.id.as_str().into()).collect();
    chunk::delete_by(
        &*tx,
        "acme_challenges",
        "acme_challenges_domain_id_unique",
        "domain_id",
        ids,
    )
    .await?;
    let marks = sql::marks(free.len());
    for (table, index) in [
        ("certificates", "unique_hostname"),
        ("ctrl_worker_renewals", "PRIMARY"),
    ] {
        let sql = format!(
            "DELETE t FROM {table} t FORCE INDEX ({index}) WHERE t.hostname IN ({marks}) AND t.workspace_id = ?"
        );
        if !free.is_empty() {
            let values = free
                .iter()
                .cloned()
                .chain([owner.workspace_id.as_str().into()]);
            sql::execute(&*tx, &sql, values).await?;
        }
    }
    tx.commit().await
}

/// The names nobody else holds: the certificate of a host name is one row for all.
async fn only_ours(
    db: &Db,
    owner: &Owner,
    domains: &[Domain],
    names: &[Value],
) -> Result<Vec<Value>, DbError> {
    let sql = format!(
        "SELECT domain FROM custom_domains WHERE domain IN ({}) AND workspace_id <> ? AND verification_status = 'verified'",
        sql::marks(names.len())
    );
    let values = names
        .iter()
        .cloned()
        .chain([owner.workspace_id.as_str().into()]);
    let others: Vec<Name> = sql::all(db.primary(), &sql, values).await?;
    let others: Vec<String> = others
        .into_iter()
        .map(|o| o.domain.to_lowercase())
        .collect();
    Ok(domains
        .iter()
        .filter(|d| !others.contains(&d.domain.to_lowercase()))
        .map(|d| d.domain.as_str().into())
        .collect())
}
