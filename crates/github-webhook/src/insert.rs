//! The one transaction that makes a push a deployment: where it stands among its branch's, its row with a copy of the
//! settings, and its first step. The app's row is locked meanwhile, so that two deliveries never both find it missing.

use crate::contexts::Context;
use crate::place::{self, Place, Rival, Row};
use crate::push::Push;
use crate::row::{self, New};
use durable::Stop;
use mysql::{Db, DbError, Lock, now_ms, sql};
use serde::{Deserialize, Serialize};

/// How far ahead the clock of whoever wrote the deployment before may be, ms.
const SKEW: i64 = 60_000;

/// What is known beside the push and the app.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Known<'a> {
    /// Whether a watched path changed.
    pub(crate) concerned: bool,
    pub(crate) needs_approval: bool,
    /// What was found out about a rival: whether it is the later one.
    pub(crate) verdict: Option<&'a (Rival, bool)>,
}

/// How it ended; journaled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Outcome {
    /// Deploy it; these are left behind by it.
    Deploy { id: String, older: Vec<String> },
    /// It waits for an approval.
    Approve { id: String },
    /// There is nothing to do: it was delivered before, concerns nobody, or is overtaken.
    Done,
    /// Find out which is the later one, and come again.
    Ask(Rival),
}

/// The deployment of a push for an app, the same however often it is delivered.
fn deployment_id(push: &Push, app_id: &str) -> String {
    let repository = push.repository_id.to_string();
    ids::derived(
        ids::Prefix::DEPLOYMENT,
        &["push", &repository, &push.delivery, app_id],
    )
}

/// Writes the deployment unless it is there. Repeated it gives the same.
pub(crate) async fn insert(
    db: &Db,
    push: &Push,
    context: &Context,
    known: Known<'_>,
) -> Result<Outcome, Stop> {
    Ok(mysql::retry(|| once(db, push, context, known)).await?)
}

async fn once(
    db: &Db,
    push: &Push,
    context: &Context,
    known: Known<'_>,
) -> Result<Outcome, DbError> {
    let id = deployment_id(push, &context.app_id);
    let tx = db.begin().await?;
    tx.touch(Lock::Apps);
    sql::execute(
        &*tx,
        "SELECT pk FROM apps WHERE id = ? FOR UPDATE",
        [context.app_id.as_str().into()],
    )
    .await?;
    let rows = row::newest(&tx, context).await?;
    let decision = match rows.iter().find(|row| row.id == id) {
        Some(own) => Decision::Keep(own.clone()),
        None => decide(&rows, push, known),
    };
    let (status, overtaken_by) = match decision {
        Decision::Keep(row) => return Ok(again(&row, &id, &rows, push)),
        Decision::Ask(rival) => return Ok(Outcome::Ask(rival)),
        Decision::Write(status, overtaken_by) => (status, overtaken_by),
    };
    let new = New {
        id: &id,
        status,
        overtaken_by,
        created_at: created_at(&rows, now_ms()),
    };
    if !row::write(&tx, push, context, &new).await? {
        return Ok(Outcome::Done);
    }
    tx.commit().await?;
    Ok(match status {
        "pending" => Outcome::Deploy {
            older: place::left_behind(&rows, push, &id),
            id,
        },
        "awaiting_approval" => Outcome::Approve { id },
        _ => Outcome::Done,
    })
}

enum Decision {
    /// It is there.
    Keep(Row),
    Ask(Rival),
    /// With this status; of one that is overtaken, by whom.
    Write(&'static str, Option<String>),
}

fn decide(rows: &[Row], push: &Push, known: Known<'_>) -> Decision {
    let status = match (known.concerned, known.needs_approval) {
        (false, _) => "skipped",
        (true, true) => "awaiting_approval",
        (true, false) => "pending",
    };
    match (place::of(rows, push), known.verdict) {
        (Place::Known(row), _) => Decision::Keep(row),
        (Place::Unclear(rival), Some((asked, true))) if asked.id == rival.id => {
            Decision::Write("skipped", Some(rival.id))
        }
        (Place::Unclear(rival), Some((asked, false))) if asked.id == rival.id => {
            Decision::Write(status, None)
        }
        (Place::Unclear(rival), _) if known.concerned => Decision::Ask(rival),
        (Place::Unclear(_) | Place::New, _) => Decision::Write(status, None),
    }
}

/// A row that is there already. What an earlier delivery may have failed to send is sent again.
fn again(row: &Row, own: &str, rows: &[Row], push: &Push) -> Outcome {
    match row.status.as_str() {
        "pending" if row.taken == 0 => Outcome::Deploy {
            id: row.id.clone(),
            older: place::left_behind(rows, push, &row.id),
        },
        "awaiting_approval" if row.id == own => Outcome::Approve { id: row.id.clone() },
        _ => Outcome::Done,
    }
}

/// Later than the deployments before it, also where another clock wrote them: the order of two decides which one keeps
/// the traffic.
fn created_at(rows: &[Row], now: i64) -> i64 {
    let newest = rows.iter().map(|row| row.created_at).max();
    newest.map_or(now, |newest| now.max(newest.min(now + SKEW) + 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::push::samples::push;

    #[test]
    fn a_delivery_has_one_id_for_each_app() {
        let id = deployment_id(&push(), "app_1");
        assert_eq!(id, deployment_id(&push(), "app_1"));
        assert_ne!(id, deployment_id(&push(), "app_2"));
        let other = Push {
            delivery: "other".into(),
            ..push()
        };
        assert_ne!(id, deployment_id(&other, "app_1"));
    }

    #[test]
    fn a_new_one_is_later_than_those_before_it() {
        let rows = |at: &[i64]| -> Vec<Row> {
            let row = |created_at: &i64| Row {
                created_at: *created_at,
                ..Row::default()
            };
            at.iter().map(row).collect()
        };
        assert_eq!(created_at(&[], 1_000), 1_000);
        assert_eq!(created_at(&rows(&[5, 900]), 1_000), 1_000);
        assert_eq!(created_at(&rows(&[1_000]), 1_000), 1_001);
        assert_eq!(created_at(&rows(&[1_500]), 1_000), 1_501);
        assert_eq!(created_at(&rows(&[i64::MAX]), 1_000), 61_001);
    }
}
