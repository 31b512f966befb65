//! `RunCheck`: reads usage page by page, compares it with the quotas, tells whoever is newly over, then the monitor.

use crate::decide;
use crate::period::Period;
use crate::state::{self, HeldUp, Notified};
use crate::tell::{Told, tell};
use crate::usage::WorkspaceUsage;
use crate::workspaces::{self, Exceeded, STEP};
use crate::{QuotaCheck, heartbeat, message, page, steps};
use durable::{Preset, Stop, codes};
use messages::hydra::v1::{RunCheckRequest, RunCheckResponse};
use quota_check_client::{QuotaCheckClient, SERVICE};
use restate_sdk::context::{ContextClient, ObjectContext};
use restate_sdk::errors::HandlerResult;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How often Slack may hold up one run without taking a single message in between.
const PATIENCE: u32 = 20;
/// A run that was held up longer ago than this, seconds, is over: the next one begins anew.
const STALE: i64 = 86_400;

/// What a run counted; of a run that was held up, all its parts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Counts {
    /// When it began, epoch seconds.
    pub(crate) begun: i64,
    pub(crate) checked: u64,
    exceeded: u64,
    sent: u64,
    refused: u64,
    /// Parts in a row in which Slack took nothing.
    in_vain: u32,
}

/// The first step's answer; journaled.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Begin {
    /// Epoch seconds.
    now: i64,
    /// Whether there is a webhook.
    webhook: bool,
}

/// How far a run came.
enum End {
    /// Everybody was looked at.
    Done,
    /// Slack wants to be left alone: the last workspace that is done with, and for how long.
    HeldUp(String, Duration),
}

pub(crate) async fn handler(
    service: &QuotaCheck,
    ctx: ObjectContext<'_>,
) -> HandlerResult<RunCheckResponse> {
    let (invocation, key) = (ctx.invocation_id().to_owned(), ctx.key().to_owned());
    durable::handle(SERVICE, "RunCheck", &invocation, &key, async {
        let period = Period::of_key(&key)?;
        run(service, &ctx, period).await
    })
    .await
}

async fn run(
    service: &QuotaCheck,
    ctx: &ObjectContext<'_>,
    period: Period,
) -> Result<RunCheckResponse, Stop> {
    let mut notified = Notified::read(ctx).await?;
    let held_up = state::held_up(ctx).await?;
    let begin = durable::run!(ctx, steps::BEGIN, Preset::Hint, async {
        Ok::<_, Stop>(Begin {
            now: durable::clock::wall_ms() / 1_000,
            webhook: service.slack.is_some(),
        })
    })?;
    let fresh = HeldUp {
        after: String::new(),
        counts: Counts {
            begun: begin.now,
            ..Counts::default()
        },
    };
    let HeldUp { after, mut counts } = held_up
        .filter(|part| begin.now - part.counts.begun < STALE)
        .unwrap_or(fresh);
    let sent_before = counts.sent;
    let end = pages(
        service,
        ctx,
        period,
        begin,
        after,
        &mut notified,
        &mut counts,
    )
    .await;
    notified.fold(ctx);
    match end? {
        End::Done => {
            state::go_on(ctx);
            if counts.refused == 0 {
                heartbeat::send(ctx, &service.heartbeat, &counts).await;
            } else {
                tracing::error!(
                    refused = counts.refused,
                    "the heartbeat of the quota check is withheld: Slack did not take every message"
                );
            }
        }
        End::HeldUp(after, wait) => {
            counts.in_vain = if counts.sent == sent_before {
                counts.in_vain + 1
            } else {
                0
            };
            if counts.in_vain > PATIENCE {
                state::go_on(ctx);
                return Err(Stop::fault(
                    codes::SLACK_REFUSED,
                    "Slack keeps asking to be left alone. Look at the webhook of the quota check; the next run tells the rest.",
                ));
            }
            tracing::warn!(
                ?wait,
                "Slack limits the rate of messages; the rest is told later"
            );
            state::hold_up(
                ctx,
                HeldUp {
                    after,
                    counts: counts.clone(),
                },
            );
            ctx.object_client::<QuotaCheckClient<'_>>(ctx.key())
                .run_check(RunCheckRequest::default())
                .send_after(wait);
        }
    }
    let number = |n: u64| i32::try_from(n).unwrap_or(i32::MAX);
    Ok(RunCheckResponse {
        workspaces_checked: number(counts.checked),
        workspaces_exceeded: number(counts.exceeded),
        notifications_sent: number(counts.sent),
    })
}

/// All pages from a workspace on.
async fn pages(
    service: &QuotaCheck,
    ctx: &ObjectContext<'_>,
    period: Period,
    begin: Begin,
    mut after: String,
    notified: &mut Notified,
    counts: &mut Counts,
) -> Result<End, Stop> {
    loop {
        let page = durable::run!(
            ctx,
            steps::USAGE,
            Preset::Outside,
            page::read(&*service.usage, period, &after, service.page)
        )?;
        let full = page.len() >= service.page;
        let usage: Vec<WorkspaceUsage> = page
            .into_iter()
            .map(|(workspace_id, total)| WorkspaceUsage {
                workspace_id,
                total,
            })
            .collect();
        for batch in usage.chunks(STEP) {
            let told = notified.all();
            let looked = durable::run!(
                ctx,
                steps::FETCH,
                Preset::Database,
                workspaces::look(&service.db, batch, &told)
            )?;
            for id in &looked.below {
                notified.forget(id);
            }
            let before = counts.clone();
            counts.checked += looked.checked as u64;
            counts.exceeded += looked.over.len() as u64;
            if !begin.webhook {
                continue;
            }
            for workspace in &looked.over {
                if let Some(wait) =
                    one(service, ctx, begin.now, workspace, notified, counts).await?
                {
                    // this part is looked at again from its beginning; who was told is known
                    counts.checked = before.checked;
                    counts.exceeded = before.exceeded;
                    counts.refused = before.refused;
                    return Ok(End::HeldUp(after, wait));
                }
            }
            if let Some(last) = batch.last() {
                after.clone_from(&last.workspace_id);
            }
        }
        match usage.last() {
            Some(last) if full => after.clone_from(&last.workspace_id),
            _ => return Ok(End::Done),
        }
    }
}

/// Tells about one workspace if that is due; gives how long Slack wants to be left alone.
async fn one(
    service: &QuotaCheck,
    ctx: &ObjectContext<'_>,
    now: i64,
    workspace: &Exceeded,
    notified: &mut Notified,
    counts: &mut Counts,
) -> Result<Option<Duration>, Stop> {
    let Some(notice) = decide::notice(notified.last(&workspace.id), now) else {
        return Ok(None);
    };
    let message = message::about(workspace, notice);
    match tell(ctx, service.slack.as_ref(), &workspace.id, &message).await? {
        Told::Sent => {
            notified.tell(ctx, &workspace.id, now);
            counts.sent += 1;
        }
        Told::Refused => counts.refused += 1,
        Told::Later(ms) => return Ok(Some(Duration::from_millis(ms))),
    }
    Ok(None)
}
