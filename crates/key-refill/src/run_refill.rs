//! `RunRefill`: walks all keys for the date of its key and tells the monitor. A small population is walked here, a
//! large one in ranges by calls of `RefillRange`.

use crate::chunk::Task;
use crate::day::{Day, Start};
use crate::plan;
use crate::state::{self, Progress};
use crate::walk::walk;
use crate::{KeyRefill, heartbeat, steps};
use durable::{Preset, Stop};
use key_refill_client::{KeyRefillClient, SERVICE};
use messages::hydra::v1::{RefillRangeRequest, RunRefillRequest, RunRefillResponse};
use mysql::{Db, DbError, sql};
use restate_sdk::context::{ContextClient, ObjectContext};
use restate_sdk::errors::HandlerResult;

/// How long the row of an invocation that was killed is kept, ms.
const FORGET_AFTER: i64 = 7 * 86_400_000;

pub(crate) async fn handler(
    service: &KeyRefill,
    ctx: ObjectContext<'_>,
) -> HandlerResult<RunRefillResponse> {
    let (invocation, key) = (ctx.invocation_id().to_owned(), ctx.key().to_owned());
    durable::handle(SERVICE, "RunRefill", &invocation, &key, async {
        let day = Day::of_key(&key)?;
        let now = durable::now!(ctx)?;
        if let Start::In(delay) = day.start(now)? {
            tracing::info!(
                day = day.name(),
                ?delay,
                "the date has not begun; it is waited for"
            );
            ctx.object_client::<KeyRefillClient<'_>>(&key)
                .run_refill(RunRefillRequest::default())
                .send_after(delay);
            return Ok(RunRefillResponse::default());
        }
        let progress = refill(service, &ctx, &invocation, day, now).await?;
        durable::run!(
            ctx,
            steps::FINISH,
            Preset::Database,
            finish(&service.db, day, progress.begun)
        )?;
        heartbeat::send(&ctx, &service.heartbeat).await;
        tracing::info!(
            day = day.name(),
            refilled = progress.refilled,
            "keys are refilled"
        );
        Ok(RunRefillResponse {
            keys_refilled: i32::try_from(progress.refilled).unwrap_or(i32::MAX),
        })
    })
    .await
}

/// Walks whatever is left of the date, and clears the state when all is walked.
async fn refill(
    service: &KeyRefill,
    ctx: &ObjectContext<'_>,
    invocation: &str,
    day: Day,
    now: i64,
) -> Result<Progress, Stop> {
    let processed = state::processed(ctx).await?;
    let mut progress = match state::progress(ctx).await? {
        Some(unfinished) => unfinished,
        None => {
            let ranges = durable::run!(
                ctx,
                steps::PLAN,
                Preset::Database,
                plan::plan(&service.db, &service.settings)
            )?;
            Progress {
                begun: now,
                refilled: 0,
                small: ranges.len() <= 1,
                ranges,
            }
        }
    };
    // Only this object knows the keys the existing worker refilled, so it leaves them out itself.
    if progress.small || !processed.is_empty() {
        let task = Task {
            db: &service.db,
            settings: &service.settings,
            invocation,
            day,
            processed: &processed,
        };
        here(ctx, &task, &mut progress).await?;
    } else {
        side_by_side(ctx, &mut progress).await?;
    }
    state::clear(ctx);
    Ok(progress)
}

/// One range after the other, within this invocation.
async fn here(
    ctx: &ObjectContext<'_>,
    task: &Task<'_>,
    progress: &mut Progress,
) -> Result<(), Stop> {
    for (lane, range) in progress.ranges.clone().into_iter().enumerate() {
        walk(ctx, task, range, usize::MAX, |chunk| {
            progress.reached(lane, chunk.reached, chunk.refilled);
            state::set(ctx, progress);
        })
        .await?;
    }
    Ok(())
}

/// All ranges at once, each by calls of bounded length, until none is left.
async fn side_by_side(ctx: &ObjectContext<'_>, progress: &mut Progress) -> Result<(), Stop> {
    progress.drop_done();
    while !progress.ranges.is_empty() {
        let calls: Vec<_> = progress
            .ranges
            .iter()
            .map(|range| {
                let key = format!("{}-from-{}", ctx.key(), range.after);
                let request = RefillRangeRequest {
                    after_pk: range.after,
                    to_pk: range.to,
                };
                ctx.object_client::<KeyRefillClient<'_>>(key)
                    .refill_range(request)
                    .call()
            })
            .collect();
        let mut failed = None;
        for (lane, call) in calls.into_iter().enumerate() {
            match call.await {
                Ok(answer) => {
                    let refilled = u64::try_from(answer.keys_refilled).unwrap_or(0);
                    progress.reached(lane, answer.reached_pk, refilled);
                }
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        progress.drop_done();
        state::set(ctx, progress);
        if let Some(error) = failed {
            return Err(error.into());
        }
    }
    Ok(())
}

/// Forgets the rows of this date's invocations, and of any that was killed long ago.
async fn finish(db: &Db, day: Day, begun: i64) -> Result<(), Stop> {
    let now = mysql::now_ms();
    mysql::retry(|| async {
        let sql = "DELETE FROM ctrl_worker_refills WHERE day = ? OR updated_at < ?";
        let values = [day.name().into(), (now - FORGET_AFTER).into()];
        sql::execute(db.primary(), sql, values).await?;
        Ok::<(), DbError>(())
    })
    .await?;
    let kind = [("kind", "key-refill")];
    metrics::histogram!("ctrl_worker_run_seconds", &kind).record((now - begun) as f64 / 1_000.0);
    metrics::gauge!("ctrl_worker_run_last_success_timestamp_seconds", &kind)
        .set(now as f64 / 1_000.0);
    Ok(())
}
