//! One look: the row, and what the DNS says about its name. Reads only.

use crate::evidence::Evidence;
use crate::resolve::{self, Found};
use crate::rows::Row;
use crate::{Deps, rows, rules, saw};
use dns::{Agreement, Caa, Verdict};
use durable::{Stop, clock};
use mysql::entity::custom_domains::Model;
use serde::{Deserialize, Serialize};

/// What a look found; journaled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Looked {
    /// No row; seen at this time, epoch milliseconds.
    Missing(i64),
    /// Several rows; their ids.
    Several(Vec<String>),
    /// The row stands as the window left it: verified, or taken by another workspace meanwhile.
    Settled,
    /// The name cannot be used.
    BadName {
        /// Row.
        id: String,
        /// What is wrong and what to do.
        text: String,
    },
    /// What the DNS says.
    Seen {
        /// About whom.
        subject: Subject,
        /// What was seen.
        evidence: Evidence,
    },
}

/// What of a row never changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Subject {
    /// Row.
    pub(crate) id: String,
    /// Owner.
    pub(crate) workspace_id: String,
    /// Owner, and the key of its routes.
    pub(crate) project_id: String,
    /// Owner.
    pub(crate) app_id: String,
    /// Owner.
    pub(crate) environment_id: String,
    /// The host name, and the key of its certificate.
    pub(crate) domain: String,
}

/// `first`: the first look of its window; `confirming`: the window has succeeded already.
pub(crate) async fn look(
    deps: &Deps,
    key: &str,
    first: bool,
    confirming: bool,
) -> Result<Looked, Stop> {
    let row = match resolve::find(&deps.db, key).await? {
        Found::One(row) => row,
        Found::Missing => return Ok(Looked::Missing(clock::wall_ms())),
        Found::Several(ids) => return Ok(Looked::Several(ids)),
    };
    // A row that failed within the window was taken by another workspace: only a new window brings it back.
    if (confirming && row.is_verified()) || (!first && row.is_failed()) {
        return Ok(Looked::Settled);
    }
    let lower = row.domain.to_ascii_lowercase();
    if let Err(error) = dns::check_host_name(&lower, &deps.settings.own_domains) {
        let text = format!("The host name cannot be used: {error}.");
        return Ok(Looked::BadName { id: row.id, text });
    }
    let contested = rows::looks_contested(&deps.db, &row).await?;
    // Boxed: all questions of a look together are a large future.
    let evidence = Box::pin(ask(deps, &row, &lower, contested)).await;
    let subject = Subject {
        id: row.id,
        workspace_id: row.workspace_id,
        project_id: row.project_id,
        app_id: row.app_id,
        environment_id: row.environment_id,
        domain: row.domain,
    };
    Ok(Looked::Seen { subject, evidence })
}

/// Asks for no more than is needed: a CNAME that suffices ends it, the rest is asked at the same time.
async fn ask(deps: &Deps, row: &Model, domain: &str, contested: bool) -> Evidence {
    let resolver = &deps.resolver;
    let target = row.target_cname.trim_end_matches('.').to_ascii_lowercase();
    let cname = resolver.cname(domain).await;
    let mut evidence = Evidence {
        cname: cname.judge(Agreement::Quorum, |found| *found == target) == Verdict::Yes,
        apex: dns::apex(domain).as_deref() == Some(domain),
        ..Evidence::default()
    };
    let mut lacking = Vec::new();
    let mut hints = Vec::new();
    if !evidence.cname || contested {
        let name = format!("_unkey.{domain}");
        let value = format!("unkey-domain-verify={}", row.verification_token);
        let (texts, own, ours) = tokio::join!(
            resolver.texts(&name),
            resolver.addresses(domain),
            resolver.addresses(&target)
        );
        let agreed = |agreement| {
            let found = |texts: &Vec<String>| texts.iter().any(|t| saw::is_value(t, &value));
            texts.judge(agreement, found) == Verdict::Yes
        };
        evidence.txt = agreed(Agreement::Quorum);
        evidence.txt_by_all = agreed(Agreement::All);
        evidence.address = own.judge(Agreement::Quorum, |_| true) == Verdict::Yes;
        let agreement = match contested {
            true => Agreement::All,
            false => Agreement::Quorum,
        };
        let owned = if contested {
            evidence.txt_by_all
        } else {
            evidence.txt
        };
        if !evidence.cname {
            if !owned {
                lacking.push(saw::cname(domain, &target, &cname));
            }
            if owned && evidence.apex && !evidence.address {
                lacking.push(saw::no_address(domain, &target, &own));
            }
            hints.push(saw::unrouted(domain, &target, &own, &ours));
        }
        if !owned {
            lacking.push(saw::text(&name, &value, &texts, agreement));
        }
        if contested && evidence.cname && !owned {
            lacking.push(rules::IN_USE.to_owned());
        }
    }
    evidence.saw = lacking.join("; ");
    if evidence.proves(contested) {
        hints.push(caa_conflict(deps, domain).await);
        hints.retain(|hint| !hint.is_empty());
        evidence.hint = hints.join("; ");
    }
    evidence
}

/// What will keep the certificate from being issued; empty when nothing is known to.
async fn caa_conflict(deps: &Deps, domain: &str) -> String {
    let issuers = &deps.settings.caa_issuers;
    if issuers.is_empty() {
        return String::new();
    }
    match deps.resolver.caa(domain).await {
        Caa::Set(set) if !set.allows(issuers, false) => format!(
            "no certificate can be issued: {}; add a CAA record issue \"{}\"",
            set.describe(),
            issuers[0]
        ),
        // Unknown is no conflict: the certificate's own check asks again.
        _ => String::new(),
    }
}
