//! Weighs the evidence under the locks of all rows of the host name: proven or not yet. Who held the name loses it
//! here, so that its new route can be made.

use crate::evidence::Evidence;
use crate::rows::{Locked, Row};
use crate::writes::{self, Checked};
use crate::{rows, rules};
use durable::Stop;
use mysql::{Db, DbError, Tx, sql};
use sea_orm::FromQueryResult;
use serde::{Deserialize, Serialize};

/// What was decided; journaled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Decision {
    /// The row is gone.
    Gone,
    /// To be checked again.
    NotYet,
    /// To be routed.
    Proven {
        /// Where a new route leads; empty: to whatever is live, or nowhere yet.
        deployment_id: String,
    },
}

/// A second run decides the same: a holder that lost the name in the first one contests it no more.
pub(crate) async fn decide(
    db: &Db,
    id: &str,
    evidence: &Evidence,
    attempt: i32,
) -> Result<Decision, Stop> {
    let Some((tx, locked)) = rows::lock(db, id).await? else {
        return Ok(Decision::Gone);
    };
    let contested = locked.is_contested();
    let own = &locked.own;
    // A verified domain stays verified, whatever its records say today.
    let stands = own.is_verified() && !contested;
    if !stands && !evidence.proves(contested) {
        not_yet(&tx, &locked, evidence, attempt, contested).await?;
        tx.commit().await?;
        return Ok(Decision::NotYet);
    }
    if contested {
        take_over(&tx, &locked).await?;
    }
    let what = Checked {
        attempt,
        flags: flags(&locked, evidence, contested),
        status: if own.is_verified() {
            "verified"
        } else {
            "verifying"
        },
        text: text(evidence, contested),
    };
    writes::checked(&tx, id, &what).await?;
    let deployment_id = first_target(&tx, &own.environment_id).await?;
    tx.commit().await?;
    Ok(Decision::Proven { deployment_id })
}

/// What the customer is told: what is still lacking, or what will not work though it is proven.
fn text(evidence: &Evidence, contested: bool) -> &str {
    match evidence.proves(contested) {
        true => &evidence.hint,
        false => &evidence.saw,
    }
}

/// Flags of a domain that stays verified are never taken back.
fn flags(locked: &Locked, evidence: &Evidence, contested: bool) -> (bool, bool) {
    let (owned, cname) = evidence.flags(contested);
    match locked.own.is_verified() {
        true => (
            owned || locked.own.ownership_verified,
            cname || locked.own.cname_verified,
        ),
        false => (owned, cname),
    }
}

async fn not_yet(
    tx: &Tx,
    locked: &Locked,
    evidence: &Evidence,
    attempt: i32,
    contested: bool,
) -> Result<(), DbError> {
    let saw = match evidence.saw.as_str() {
        // Proven for a free name; it was contested after the look.
        "" => rules::IN_USE,
        saw => saw,
    };
    let what = Checked {
        attempt,
        flags: flags(locked, evidence, contested),
        status: if locked.own.is_verified() {
            "verified"
        } else {
            "verifying"
        },
        text: saw,
    };
    writes::checked(tx, &locked.own.id, &what).await
}

/// The name's old holders fail and lose challenge and route.
async fn take_over(tx: &Tx, locked: &Locked) -> Result<(), DbError> {
    if let Some(route) = locked
        .route
        .as_ref()
        .filter(|_| locked.is_routed_elsewhere())
    {
        tracing::warn!(
            domain = locked.own.id,
            from = route.app_id,
            "a host name changes hands"
        );
        writes::delete_route(tx, &route.id).await?;
    }
    for loser in locked.holders() {
        let token = ids::random_of_length(ids::Prefix::DOMAIN, 24);
        let token = token.rsplit('_').next().unwrap_or_default();
        writes::revoke(tx, loser, token).await?;
    }
    for loser in locked.holders() {
        writes::delete_challenge(tx, &loser.id).await?;
    }
    Ok(())
}

#[derive(FromQueryResult)]
struct Id {
    id: String,
}

/// The newest ready deployment of the domain's own environment. Production's live one is chosen by RoutingService.
async fn first_target(tx: &Tx, environment_id: &str) -> Result<String, DbError> {
    let statement = "SELECT d.id FROM deployments d JOIN environments e ON e.id = d.environment_id \
         WHERE d.environment_id = ? AND e.slug <> 'production' AND d.status = 'ready' ORDER BY d.created_at DESC, d.pk DESC LIMIT 1";
    let found: Option<Id> = sql::one(tx, statement, [environment_id.into()]).await?;
    Ok(found.map_or_else(String::new, |found| found.id))
}
