//! Waiting for the instances of a deployment: looks at the database, with the bookkeeping of the invocation that
//! waits, and durable sleeps between them.

use crate::Deps;
use crate::phase::{self, Phase};
use crate::timings::millis;
use crate::{names, ready, waits};
use durable::{Preset, Stop, codes};
use mysql::sql;
use mysql::{Lock, Tx, now_ms};
use restate_sdk::prelude::*;
use sea_orm::FromQueryResult;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// What a look found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Look {
    /// Enough regions are healthy; the wait is over.
    Ready,
    /// Not yet. The deadline (epoch ms) travels in the journal, so that it outlives the row.
    Waiting { deadline: i64, millis_left: u64 },
    /// The deadline has passed; what is missing, in words.
    TimedOut(String),
}

/// Who waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum For {
    /// Deploy: success enters phase `network`.
    Deploy,
    /// Promote, rollback or wake of a sleeping deployment.
    Wake,
}

#[derive(FromQueryResult)]
struct WaitRow {
    deadline_at: i64,
}

/// The end of a wait as a result.
pub(crate) fn outcome(look: Look) -> Result<(), Stop> {
    match look {
        Look::Ready => Ok(()),
        Look::TimedOut(missing) => Err(Stop::fault(
            codes::NOT_HEALTHY_IN_TIME,
            format!("Not enough regions became healthy in time. {missing}"),
        )),
        Look::Waiting { .. } => Err(Stop::retry("a wait ended without an outcome")),
    }
}

/// Waits until enough regions are healthy or the journaled deadline has passed, and holds no step open meanwhile.
pub(crate) async fn until_ready(
    deps: &Deps,
    ctx: &SharedObjectContext<'_>,
    id: &str,
    who: For,
) -> Result<Look, Stop> {
    let (await_step, check_step) = match who {
        For::Deploy => (names::AWAIT_INSTANCES, names::CHECK_INSTANCES),
        For::Wake => (names::AWAIT_WAKE, names::CHECK_WAKE),
    };
    let me = ctx.invocation_id();
    let mut known = None;
    loop {
        let (awakeable, woken) = ctx.awakeable::<Json<bool>>();
        let look = durable::run!(
            ctx,
            await_step,
            Preset::Database,
            arm(deps, me, id, &awakeable, who, known)
        )?;
        let Look::Waiting {
            deadline,
            millis_left,
        } = look
        else {
            return Ok(look);
        };
        known = Some(deadline);
        restate_sdk::select! {
            _ = woken => {},
            _ = ctx.sleep(Duration::from_millis(millis_left)) => {},
            on_cancel => return Err(TerminalError::new_with_code(409, "cancelled").into())
        }
        let look = durable::run!(
            ctx,
            check_step,
            Preset::Database,
            check(deps, me, id, who, deadline)
        )?;
        if !matches!(look, Look::Waiting { .. }) {
            return Ok(look);
        }
    }
}

/// Takes back the wait of an invocation that ends without having seen its end.
pub(crate) async fn forget(deps: &Deps, invocation: &str) -> Result<(), Stop> {
    Ok(waits::disarm(deps.db.primary(), invocation).await?)
}

/// Records the awakeable and the deadline (drawn once, kept over restarts), then looks. `known`: the deadline of an
/// earlier round of the same wait.
async fn arm(
    deps: &Deps,
    invocation: &str,
    id: &str,
    awakeable: &str,
    who: For,
    known: Option<i64>,
) -> Result<Look, Stop> {
    let look = mysql::retry_as(|| async {
        let tx = deps.db.begin().await?;
        let now = now_ms();
        let deadline = match deadline(&tx, invocation).await?.or(known) {
            Some(deadline) => deadline,
            None => {
                now + millis(if who == For::Deploy {
                    deps.timings.ready_timeout
                } else {
                    deps.timings.wake_timeout
                })
            }
        };
        if who == For::Deploy {
            set_run_deadline(&tx, id, deadline).await?;
        }
        waits::arm(&tx, invocation, id, awakeable, deadline, now).await?;
        let look = look(&tx, deps, invocation, id, who, deadline, now).await?;
        tx.commit().await?;
        Ok::<_, Stop>(look)
    })
    .await?;
    deps.bell.notify_one();
    Ok(look)
}

/// Looks again after a wake-up.
async fn check(
    deps: &Deps,
    invocation: &str,
    id: &str,
    who: For,
    known: i64,
) -> Result<Look, Stop> {
    mysql::retry_as(|| async {
        let tx = deps.db.begin().await?;
        let now = now_ms();
        let look = match state(&tx, invocation, id, who).await? {
            State::Open => look(&tx, deps, invocation, id, who, known, now).await?,
            // Committed before and the answer was lost.
            State::Passed => Look::Ready,
            State::Ended => {
                let text =
                    "The deployment was ended by somebody else while it waited for its instances.";
                return Err(Stop::fault(codes::CONFLICT, text));
            }
        };
        tx.commit().await?;
        Ok(look)
    })
    .await
}

async fn look(
    tx: &Tx,
    deps: &Deps,
    invocation: &str,
    id: &str,
    who: For,
    deadline: i64,
    now: i64,
) -> Result<Look, Stop> {
    let regions = ready::health(&**tx, id).await?;
    if ready::is_ready(&regions) {
        if who == For::Deploy {
            set_run_deadline(tx, id, now + millis(deps.timings.step_budget)).await?;
            phase::begin(tx, id, "'deploying','network'", Phase::Network, now).await?;
        }
        waits::disarm(&**tx, invocation).await?;
        return Ok(Look::Ready);
    }
    if now >= deadline {
        waits::disarm(&**tx, invocation).await?;
        return Ok(Look::TimedOut(ready::missing(&regions)));
    }
    Ok(Look::Waiting {
        deadline,
        millis_left: u64::try_from(deadline - now).unwrap_or(0),
    })
}

async fn deadline(tx: &Tx, invocation: &str) -> Result<Option<i64>, Stop> {
    let row: Option<WaitRow> = sql::one(
        &**tx,
        "SELECT deadline_at FROM ctrl_worker_waits WHERE invocation_id = ?",
        [invocation.into()],
    )
    .await?;
    Ok(row.map(|r| r.deadline_at))
}

pub(crate) async fn set_run_deadline(tx: &Tx, id: &str, deadline: i64) -> Result<(), Stop> {
    tx.touch(Lock::Runs);
    sql::execute(
        &**tx,
        "UPDATE ctrl_worker_runs SET deadline_at = ? WHERE deployment_id = ?",
        [deadline.into(), id.into()],
    )
    .await?;
    Ok(())
}

#[derive(FromQueryResult)]
struct RowState {
    status: String,
}

/// Where a wait stands when its invocation looks again.
enum State {
    /// It goes on, also when the row was lost with its table: the rows it is about still say so.
    Open,
    /// An earlier execution of the same step saw the deployment ready.
    Passed,
    /// Somebody else ended the deployment.
    Ended,
}

async fn state(tx: &Tx, invocation: &str, id: &str, who: For) -> Result<State, Stop> {
    if who == For::Wake || deadline(tx, invocation).await?.is_some() {
        return Ok(State::Open);
    }
    let row: Option<RowState> = sql::one(
        &**tx,
        "SELECT CAST(status AS CHAR) AS status FROM deployments WHERE id = ?",
        [id.into()],
    )
    .await?;
    Ok(match row.as_ref().map(|r| r.status.as_str()) {
        Some("deploying") => State::Open,
        Some("network") => State::Passed,
        _ => State::Ended,
    })
}
