//! The platform's own wildcard names: sees to it that each has a domain and a challenge, and asks for its certificate.
//!
//! Runs beside the handlers in every replica and may run at any time: rows are found by their name, made with ids that the
//! name fixes, both in one transaction, and asking twice for a certificate orders one.

use crate::Deps;
use certificate_client::SERVICE;
use mysql::{Db, DbError, Lock, sql};
use sea_orm::{FromQueryResult, Value};
use std::collections::BTreeSet;
use std::future::Future;

/// Owner of the platform's own names, in every owner column.
pub const OWNER: &str = "unkey_internal";

/// Which names the platform has.
#[derive(Debug, Clone, Default)]
pub struct Names {
    /// The platform's domain; empty: none.
    pub default_domain: String,
    /// Domain below which each region has its own; empty: none.
    pub regional_domain: String,
}

/// What one name needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// Its certificate has to be asked for.
    Certificate,
    /// Nothing.
    Nothing,
}

/// The wildcard names of the platform and its regions. Pure.
pub(crate) fn wildcards(names: &Names, regions: &[String]) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    if !names.default_domain.is_empty() {
        all.insert(format!("*.{}", names.default_domain));
    }
    if !names.regional_domain.is_empty() {
        for region in regions.iter().filter(|r| !r.is_empty()) {
            all.insert(format!("*.{region}.{}", names.regional_domain));
        }
    }
    all
}

/// Sees to every name once and asks for the certificates of those that have none, through `ask`, which is given workspace
/// and host name. Gives how many were asked for.
///
/// # Errors
/// The database's, in words. A failed `ask` is told in the log: the sweep asks again.
pub async fn ensure<F, R>(deps: &Deps, names: &Names, ask: F) -> Result<usize, String>
where
    F: Fn(&'static str, String) -> R,
    R: Future<Output = Result<(), String>>,
{
    if deps.acme.is_none() || deps.route53.is_none() {
        tracing::warn!(
            "no certificates for the platform's wildcard names: acme.enabled and acme.route53.enabled are needed"
        );
        return Ok(0);
    }
    let mut asked = 0;
    let regions = regions(&deps.db).await.map_err(|e| e.to_string())?;
    for name in wildcards(names, &regions) {
        let needs = ensure_one(&deps.db, &name)
            .await
            .map_err(|e| e.to_string())?;
        if needs == Needs::Certificate {
            asked += 1;
            if let Err(why) = ask(OWNER, name.clone()).await {
                tracing::warn!(
                    name,
                    why,
                    "the certificate could not be asked for at {SERVICE}"
                );
            }
        }
    }
    Ok(asked)
}

async fn regions(db: &Db) -> Result<Vec<String>, DbError> {
    #[derive(FromQueryResult)]
    struct Region {
        name: String,
    }
    let sql = "SELECT DISTINCT name FROM regions ORDER BY name LIMIT 1000";
    let rows: Vec<Region> = sql::all(db.primary(), sql, []).await?;
    Ok(rows.into_iter().map(|r| r.name).collect())
}

/// Domain and challenge of one name, both or neither. A failed challenge is tried anew once its pause is over.
pub(crate) async fn ensure_one(db: &Db, name: &str) -> Result<Needs, DbError> {
    #[derive(FromQueryResult)]
    struct Found {
        id: String,
    }
    #[derive(FromQueryResult)]
    struct Challenge {
        status: String,
        paused: i64,
    }
    let now = mysql::now_ms();
    mysql::retry(|| async {
        let tx = db.begin().await?;
        tx.touch(Lock::CustomDomains);
        let id = ids::derived(ids::Prefix::DOMAIN, &[OWNER, name]);
        let owner: Value = OWNER.into();
        let sql = "INSERT IGNORE INTO custom_domains (id, workspace_id, project_id, app_id, environment_id, domain, challenge_type, verification_status, verification_token, target_cname, created_at)
                   VALUES (?, ?, ?, ?, ?, ?, 'DNS-01', 'verified', '', ?, ?)";
        let values: [Value; 8] = [
            id.into(),
            owner.clone(),
            owner.clone(),
            owner.clone(),
            owner.clone(),
            name.into(),
            ids::derived_dns_label(16, &[OWNER, name]).into(),
            now.into(),
        ];
        sql::execute(&tx, sql, values).await?;
        // an existing installation's row has an id of its own
        let sql = "SELECT id FROM custom_domains WHERE workspace_id = ? AND domain = ? FOR UPDATE";
        let Some(found) = sql::one::<Found>(&tx, sql, [owner.clone(), name.into()]).await? else {
            tx.rollback().await?;
            return Ok(Needs::Nothing);
        };
        tx.touch(Lock::AcmeChallenges);
        let sql = "INSERT IGNORE INTO acme_challenges (domain_id, workspace_id, token, challenge_type, `authorization`, status, expires_at, created_at)
                   VALUES (?, ?, '', 'DNS-01', '', 'waiting', 0, ?)";
        let domain: Value = found.id.as_str().into();
        sql::execute(&tx, sql, [domain.clone(), owner, now.into()]).await?;
        let sql = "SELECT CAST(c.status AS CHAR) AS status, COALESCE(r.renew_at > ?, 0) AS paused
                   FROM acme_challenges c LEFT JOIN ctrl_worker_renewals r ON r.domain_id = c.domain_id WHERE c.domain_id = ?";
        let state: Option<Challenge> = sql::one(&tx, sql, [now.into(), domain.clone()]).await?;
        let needs = match state {
            Some(c) if c.status == "waiting" => Needs::Certificate,
            Some(c) if c.status == "failed" && c.paused == 0 => {
                let sql = "UPDATE acme_challenges SET status = 'waiting', updated_at = ? WHERE domain_id = ?";
                sql::execute(&tx, sql, [now.into(), domain]).await?;
                Needs::Certificate
            }
            _ => Needs::Nothing,
        };
        tx.commit().await?;
        Ok(needs)
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_region_has_a_name_of_its_own() {
        let names = Names {
            default_domain: "unkey.app".into(),
            regional_domain: "unkey.cloud".into(),
        };
        let regions = ["us-east-1".to_owned(), String::new()];
        let all: Vec<String> = wildcards(&names, &regions).into_iter().collect();
        assert_eq!(all, ["*.unkey.app", "*.us-east-1.unkey.cloud"]);
        assert!(wildcards(&Names::default(), &regions).is_empty());
    }
}
