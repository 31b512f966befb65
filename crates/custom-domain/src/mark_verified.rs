//! The last write of a verification: `verified` and a challenge for its certificate, once the host name leads to the
//! domain's app. What came in between is seen under the locks: the row deleted, the name taken, the route refused.

use crate::evidence::Evidence;
use crate::look::Subject;
use crate::rows::{self, Locked, Row};
use crate::rules;
use crate::writes::{self, Checked};
use durable::Stop;
use mysql::{Db, sql};
use serde::{Deserialize, Serialize};

/// How the route came out; an answer of RoutingService.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Routed {
    /// The host name leads to the domain's app.
    Yes,
    /// Somebody else has it.
    Elsewhere,
    /// RoutingService refuses for good, in these words.
    Refused(String),
}

/// How it ended; journaled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Marked {
    /// Verified; `true`: a certificate is to be obtained.
    Verified(bool),
    /// To be checked again.
    NotYet,
    /// Given up.
    Failed,
    /// The row was deleted; so is what was made for it.
    Gone,
}

/// A second run finds the row verified and its challenge waiting, and answers the same.
pub(crate) async fn mark(
    db: &Db,
    subject: &Subject,
    evidence: &Evidence,
    attempt: i32,
    routed: &Routed,
) -> Result<Marked, Stop> {
    let Some((tx, locked)) = rows::lock(db, &subject.id).await? else {
        withdraw(db, subject).await?;
        return Ok(Marked::Gone);
    };
    let own = &locked.own;
    let in_work = if own.is_verified() {
        "verified"
    } else {
        "verifying"
    };
    let (status, text, marked) = match routed {
        Routed::Refused(why) => ("failed", why.as_str(), Marked::Failed),
        Routed::Elsewhere => (in_work, rules::ROUTED_ELSEWHERE, Marked::NotYet),
        // Somebody with better proof took the route away again.
        Routed::Yes if !is_routed(&locked) => (in_work, rules::ROUTED_ELSEWHERE, Marked::NotYet),
        // Another workspace was faster; the next check meets it as a holder.
        Routed::Yes if locked.holders().next().is_some() && !own.is_verified() => {
            (in_work, rules::IN_USE, Marked::NotYet)
        }
        Routed::Yes => ("verified", evidence.hint.as_str(), Marked::Verified(false)),
    };
    let flags = evidence.flags(false);
    let what = Checked {
        attempt,
        flags: match own.is_verified() {
            true => (
                flags.0 || own.ownership_verified,
                flags.1 || own.cname_verified,
            ),
            false => flags,
        },
        status,
        text,
    };
    writes::checked(&tx, &subject.id, &what).await?;
    let marked = match marked {
        Marked::Verified(_) => Marked::Verified(writes::want_certificate(&tx, own).await?),
        other => other,
    };
    tx.commit().await?;
    Ok(marked)
}

fn is_routed(locked: &Locked) -> bool {
    locked.route.is_some() && !locked.is_routed_elsewhere()
}

/// Takes back the route of a domain that was deleted while it was made, unless the name has a domain again.
async fn withdraw(db: &Db, subject: &Subject) -> Result<(), Stop> {
    let statement = "DELETE FROM frontline_routes WHERE fully_qualified_domain_name = ? AND project_id = ? AND app_id = ? \
         AND environment_id = ? AND NOT EXISTS (SELECT 1 FROM custom_domains WHERE domain = ?)";
    let values = [
        subject.domain.as_str().into(),
        subject.project_id.as_str().into(),
        subject.app_id.as_str().into(),
        subject.environment_id.as_str().into(),
        subject.domain.as_str().into(),
    ];
    mysql::retry(|| sql::execute(db.primary(), statement, values.clone())).await?;
    Ok(())
}
