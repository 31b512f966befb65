//! `ProcessChallenge`: obtains or renews the certificate of one host name, in as many invocations as it takes.
//!
//! request → resolve → claim → (issue) → end. A failure is never the end of renewal: each one names the next attempt.

use crate::authority::Authority;
use crate::challenge::{self, Kept, Plan};
use crate::issue::{End, Issue};
use crate::request::{checked, gone, other_key};
use crate::round::{Arrival, ROUND, Record, Round};
use crate::subject::{Resolved, Subject, resolve};
use crate::timings::{Thrice, duration, millis};
use crate::verdict::{Cause, Failure, pause};
use crate::{Deps, due, record, steps, store};
use certificate_client::{CertificateClient, SERVICE};
use durable::{Fault, Preset, Stop, UndoStack, codes};
use messages::hydra::v1::{ProcessChallengeRequest, ProcessChallengeResponse};
use restate_sdk::context::{ContextClient, ContextReadState, ContextWriteState, ObjectContext};
use restate_sdk::errors::HandlerResult;
use restate_sdk::serde::Json;
use std::time::Duration;

/// What a cancellation takes back.
#[derive(Debug, Clone)]
enum Undo {
    Claim,
    Publish,
}

/// How it ended, as in the answer's `status` and in the metric.
fn answer(status: &'static str, id: &str, cause: &'static str) -> ProcessChallengeResponse {
    metrics::counter!("ctrl_worker_certificates_total", "outcome" => status, "cause" => cause)
        .increment(1);
    ProcessChallengeResponse {
        certificate_id: id.to_owned(),
        status: status.to_owned(),
    }
}

pub(crate) async fn handler(
    deps: &Deps,
    ctx: ObjectContext<'_>,
    req: ProcessChallengeRequest,
) -> HandlerResult<ProcessChallengeResponse> {
    let (invocation, key) = (ctx.invocation_id().to_owned(), ctx.key().to_owned());
    durable::handle(SERVICE, "ProcessChallenge", &invocation, &key, async {
        let req = checked(&key, req)?;
        let (Some(acme), Some(vault)) = (&deps.acme, &deps.vault) else {
            tracing::warn!("no certificate: acme.enabled is false, or there is no Vault");
            return Ok(answer("failed", "", "disabled"));
        };
        let now = durable::now!(ctx)?;
        let mut round: Option<Round> = ctx.get::<Json<Round>>(ROUND).await?.map(Json::into_inner);
        let arrival = round.as_ref().map(|r| r.arrival(now, &deps.timings));
        match arrival {
            Some(Arrival::Waiting) => return Ok(answer("pending", "", "waiting")),
            Some(Arrival::Again(delay)) => {
                again(&ctx, &key, &req, delay);
                return Ok(answer("pending", "", "waiting"));
            }
            Some(Arrival::Limited) => return Ok(answer("pending", "", "rate_limited")),
            Some(Arrival::Go | Arrival::Round) | None => {}
        }
        let resolved = durable::run!(
            ctx,
            steps::RESOLVE,
            Preset::Database,
            resolve(&deps.db, &req.workspace_id, &req.domain)
        )?;
        let subject = match resolved {
            Resolved::Subject(subject) => subject,
            other => return Err(refuse(deps, &ctx, &req, &other).await?.into()),
        };
        if subject.hostname != req.domain {
            // the database compares without case, keys do not
            return Err(other_key(&req.domain, &subject.hostname).into());
        }
        if round
            .as_ref()
            .is_some_and(|r| r.domain_id != subject.domain_id)
        {
            round = None;
            ctx.clear(ROUND);
        }
        let mut run = Run {
            deps,
            ctx: &ctx,
            req: &req,
            subject: &subject,
            authority: Authority { deps, acme, vault },
            undo: UndoStack::default(),
            now,
        };
        if round.is_some() && arrival == Some(Arrival::Round) {
            return run.later(round.unwrap_or_default(), 0).await;
        }
        // an issuance under way goes on, whatever is stored meanwhile
        let under_way = round.as_ref().is_some_and(Round::is_under_way);
        if !under_way
            && let Some(held) = &subject.held
            && due::is_fresh(held, subject.planned.as_ref(), now)
        {
            durable::run!(
                ctx,
                steps::KEEP,
                Preset::Database,
                store::keep(deps, &subject, now)
            )?;
            if round.is_some() {
                // its order is used up, or another's certificate came before it
                ctx.clear(ROUND);
            }
            return Ok(answer("success", &held.id, "fresh"));
        }
        let gap = millis(deps.timings.proof_gap);
        if !under_way && due::too_soon(subject.planned.as_ref(), now, gap) {
            return Ok(answer("failed", "", "too_soon"));
        }
        run.obtain(round.unwrap_or_default()).await
    })
    .await
}

fn again(ctx: &ObjectContext<'_>, key: &str, req: &ProcessChallengeRequest, delay: Duration) {
    ctx.object_client::<CertificateClient>(key)
        .process_challenge(req.clone())
        .send_after(delay);
}

/// A name without a verified domain of the caller: nothing is ordered, and nothing will be renewed.
async fn refuse(
    deps: &Deps,
    ctx: &ObjectContext<'_>,
    req: &ProcessChallengeRequest,
    found: &Resolved,
) -> Result<Fault, Stop> {
    let name = &req.domain;
    if *found != Resolved::Foreign {
        durable::run!(ctx, steps::FORGET, Preset::Database, async {
            Ok::<u64, Stop>(challenge::forget(&deps.db, name).await?)
        })?;
        ctx.clear(ROUND);
    }
    Ok(match found {
        Resolved::Gone => gone(name),
        _ => Fault {
            code: codes::DOMAIN_NOT_VERIFIED,
            text: format!(
                "{name} is not verified in this workspace: verify the domain first, then its certificate is asked for by itself."
            ),
        },
    })
}

/// One invocation that works on the certificate.
struct Run<'a, 'ctx> {
    deps: &'a Deps,
    ctx: &'a ObjectContext<'ctx>,
    req: &'a ProcessChallengeRequest,
    subject: &'a Subject,
    authority: Authority<'a>,
    undo: UndoStack<Undo>,
    now: i64,
}

impl Run<'_, '_> {
    async fn obtain(&mut self, mut round: Round) -> Result<ProcessChallengeResponse, Stop> {
        round.domain_id.clone_from(&self.subject.domain_id);
        self.undo.push(Undo::Claim);
        self.undo.push(Undo::Publish);
        let mut issue = Issue::new(self.ctx, self.authority, self.subject, round);
        let ended = match claim(self.deps, self.ctx, self.subject, self.now).await {
            Ok(Kept::Yes) => issue.run(self.now).await,
            Ok(Kept::Gone) => Ok(End::Gone),
            Err(stop) => Err(stop),
        };
        let round = issue.round;
        match ended {
            Ok(End::Issued(id)) => {
                self.withdraw(round.record.as_ref()).await;
                self.ctx.clear(ROUND);
                Ok(answer("success", &id, "issued"))
            }
            Ok(End::Later(at)) => self.later(round, at).await,
            Ok(End::Failed(failure)) => self.failed(round, &failure).await,
            Ok(End::Gone) => {
                self.withdraw(round.record.as_ref()).await;
                self.ctx.clear(ROUND);
                Err(gone(&self.req.domain).into())
            }
            Err(stop @ Stop::Ended(_)) if !stop.is_cancelled() => {
                // out of retries: the authority, the Vault or a name server has failed for minutes
                self.failed(round, &Failure::new(Cause::Outage, stop.public_text()))
                    .await
            }
            Err(stop) => {
                self.take_back(round).await;
                Err(stop)
            }
        }
    }

    /// Ends this invocation and goes on at an instant.
    async fn later(&self, round: Round, at: i64) -> Result<ProcessChallengeResponse, Stop> {
        let wanted = at.max(round.not_before);
        let limited = round.not_before > self.now;
        let set_aside = round.clone();
        let Some(next) = round.next(self.now, wanted, &self.deps.timings) else {
            return self.give_up(set_aside, limited).await;
        };
        let delay = duration(next.until.saturating_sub(self.now));
        tracing::info!(round = next.round, ms = delay.as_millis(), "goes on later");
        again(self.ctx, &self.req.domain, self.req, delay);
        self.ctx.set(ROUND, Json(next));
        let cause = if limited { "rate_limited" } else { "slow" };
        Ok(answer("pending", "", cause))
    }

    /// Too many rounds: the sweep begins anew, with the same order if there is one.
    async fn give_up(&self, round: Round, limited: bool) -> Result<ProcessChallengeResponse, Stop> {
        if !limited {
            let failure = Failure::new(Cause::Outage, "the authority did not finish in time");
            return self.failed(round, &failure).await;
        }
        // a limit is not the name's fault: the challenge is not called failed
        let plan = Plan {
            renew_at: round.not_before.max(self.now),
            reason: "waiting",
            failures: self.failures(),
            now: self.now,
        };
        let status = challenge::resting(self.subject, false, self.now);
        durable::run!(self.ctx, steps::REST, Preset::Undo, async {
            Ok::<Kept, Stop>(challenge::end(&self.deps.db, self.subject, status, plan, None).await?)
        })?;
        self.withdraw(round.record.as_ref()).await;
        self.ctx.set(ROUND, Json(round.set_aside()));
        Ok(answer("failed", "", "rate_limited"))
    }

    fn failures(&self) -> i32 {
        self.subject.planned.as_ref().map_or(0, |p| p.failures)
    }

    /// Notes the failure, plans the next attempt, and keeps an order that is still good.
    async fn failed(
        &self,
        round: Round,
        failure: &Failure,
    ) -> Result<ProcessChallengeResponse, Stop> {
        let failures = self.failures().saturating_add(1);
        let timings = &self.deps.timings;
        let delay = pause(failure.cause, failures, timings);
        let status = challenge::resting(self.subject, true, self.now);
        durable::run!(self.ctx, steps::MARK_FAILED, Preset::Undo, async {
            let now = durable::clock::wall_ms();
            let plan = Plan {
                renew_at: now.saturating_add(millis(delay)),
                reason: failure.cause.label(),
                failures,
                now,
            };
            let ended =
                challenge::end(&self.deps.db, self.subject, status, plan, Some(failure)).await?;
            Ok::<Kept, Stop>(ended)
        })?;
        self.withdraw(round.record.as_ref()).await;
        keep(self.ctx, round);
        if delay <= timings.own_retry {
            again(self.ctx, &self.req.domain, self.req, delay);
        }
        Ok(answer("failed", "", failure.cause.label()))
    }

    /// Takes the record away. One that stays harms nobody and is told of in the log.
    async fn withdraw(&self, record: Option<&Record>) {
        let (Some(record), Some(route53)) = (record, &self.deps.route53) else {
            return;
        };
        let taken: Result<(), Stop> = durable::run!(
            self.ctx,
            steps::WITHDRAW,
            Thrice,
            record::withdraw(route53, record)
        );
        if let Err(stop) = taken {
            tracing::warn!(error = %stop, "the challenge's DNS record is left behind");
        }
    }

    /// After a cancellation: as if the attempt had not begun, but the order is kept for the next one.
    async fn take_back(&mut self, round: Round) {
        let (deps, ctx, subject) = (self.deps, self.ctx, self.subject);
        let (failures, now) = (self.failures(), self.now);
        let record = &round.record;
        let undo = |undo: Undo| async move {
            match (undo, record, &deps.route53) {
                (Undo::Publish, Some(record), Some(route53)) => durable::run!(
                    ctx,
                    steps::UNDO_PUBLISH,
                    Preset::Undo,
                    record::withdraw(route53, record)
                ),
                (Undo::Publish, ..) => Ok(()),
                (Undo::Claim, ..) => durable::run!(ctx, steps::UNDO_CLAIM, Preset::Undo, async {
                    let plan = Plan {
                        renew_at: now,
                        reason: "waiting",
                        failures,
                        now,
                    };
                    let status = challenge::resting(subject, false, now);
                    Ok::<(), Stop>(challenge::release(&deps.db, subject, status, plan).await?)
                }),
            }
        };
        std::mem::take(&mut self.undo).unwind(undo).await;
        keep(ctx, round);
    }
}

/// Keeps an order that is still good, and the authority's word about when to come back, for the next attempt.
fn keep(ctx: &ObjectContext<'_>, round: Round) {
    if round.order_url.is_some() || round.not_before > 0 {
        ctx.set(ROUND, Json(round.set_aside()));
    } else {
        ctx.clear(ROUND);
    }
}

async fn claim(
    deps: &Deps,
    ctx: &ObjectContext<'_>,
    subject: &Subject,
    now: i64,
) -> Result<Kept, Stop> {
    let plan = Plan {
        renew_at: now.saturating_add(millis(deps.timings.stuck)),
        reason: "pending",
        failures: subject.planned.as_ref().map_or(0, |p| p.failures),
        now,
    };
    durable::run!(ctx, steps::CLAIM, Preset::Database, async {
        Ok::<Kept, Stop>(challenge::claim(&deps.db, subject, plan).await?)
    })
}
