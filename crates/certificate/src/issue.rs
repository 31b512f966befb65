//! The way from an order to a stored certificate, step by step. Whatever takes longer than a few seconds ends the
//! invocation and goes on in a round with the same order.
//!
//! Not for rows before and after it, and not for what a failure leads to: see `process_challenge`.

use crate::authority::{Authority, Look, Published, Told};
use crate::round::{ROUND, Round, after_limit};
use crate::steps;
use crate::store::Stored;
use crate::subject::Subject;
use crate::timings::{Tries, duration, millis};
use crate::verdict::{Cause, Failure};
use acme::{OrderStatus, Problem, Remedy};
use durable::{Preset, Stop};
use restate_sdk::context::{ContextTimers, ContextWriteState, ObjectContext};
use restate_sdk::serde::Json;

/// How an invocation's part of an issuance ends.
#[derive(Debug)]
pub(crate) enum End {
    /// Stored under this id.
    Issued(String),
    /// Goes on at this instant, epoch ms.
    Later(i64),
    /// Failed for now.
    Failed(Failure),
    /// The domain is gone.
    Gone,
}

/// One invocation's part.
pub(crate) struct Issue<'a, 'ctx> {
    pub(crate) ctx: &'a ObjectContext<'ctx>,
    pub(crate) authority: Authority<'a>,
    pub(crate) subject: &'a Subject,
    pub(crate) round: Round,
    looks: usize,
    registered_again: bool,
}

/// Goes on with the value, or ends with what the problem amounts to.
macro_rules! told {
    ($self:ident, $now:expr, $told:expr) => {
        match $told {
            Told::Done(value) => value,
            Told::Refused(problem) => return Ok($self.refused($now, &problem)),
        }
    };
}

impl<'a, 'ctx> Issue<'a, 'ctx> {
    pub(crate) fn new(
        ctx: &'a ObjectContext<'ctx>,
        authority: Authority<'a>,
        subject: &'a Subject,
        round: Round,
    ) -> Self {
        Self {
            ctx,
            authority,
            subject,
            round,
            looks: 0,
            registered_again: false,
        }
    }

    fn tries(&self) -> Tries {
        Tries(self.authority.deps.timings.first_retry)
    }

    /// Keeps what is known of the issuance, for whoever goes on.
    fn save(&self) {
        self.ctx.set(ROUND, Json(self.round.clone()));
    }

    /// What a problem means where nothing else can be done about it at once.
    fn refused(&mut self, now: i64, problem: &Problem) -> End {
        tracing::warn!(%problem, "the authority refused");
        match problem.remedy() {
            Remedy::Wait { until_ms } => {
                let timings = &self.authority.deps.timings;
                self.round.not_before = after_limit(now, until_ms, timings);
                End::Later(self.round.not_before)
            }
            Remedy::NewOrder => {
                self.spoil();
                End::Failed(Failure::of(problem))
            }
            _ => End::Failed(Failure::of(problem)),
        }
    }

    /// The order is of no more use.
    fn spoil(&mut self) {
        self.round.order_url = None;
        self.round.key = None;
        self.round.ready = false;
    }

    /// Everything from here to the end of this invocation.
    pub(crate) async fn run(&mut self, now: i64) -> Result<End, Stop> {
        let (authority, subject) = (self.authority, self.subject);
        let mut first = None;
        if self.round.order_url.is_none() {
            let preflight = told!(
                self,
                now,
                durable::run!(
                    self.ctx,
                    steps::PREFLIGHT,
                    self.tries(),
                    authority.preflight(subject)
                )?
            );
            if let Some(why) = preflight.forbidden {
                return Ok(End::Failed(Failure::new(Cause::Customer, why)));
            }
            let (account, look) = match self.order(now, preflight.replaces).await? {
                Ok(made) => made,
                Err(end) => return Ok(end),
            };
            self.round.order_url = Some(look.order.url.clone());
            self.save();
            first = Some((account, look));
        }
        let (account, mut look) = match first {
            Some((account, look)) => (account, Some(look)),
            None => (told!(self, now, self.account().await?), None),
        };
        loop {
            let Some(order_url) = self.round.order_url.clone() else {
                return Ok(End::Failed(Failure::new(Cause::Proof, "the order is gone")));
            };
            let seen = match look.take() {
                Some(look) => look,
                None => told!(
                    self,
                    now,
                    durable::run!(
                        self.ctx,
                        steps::LOOK,
                        self.tries(),
                        authority.look(&account, &order_url)
                    )?
                ),
            };
            let next = match seen.order.status {
                OrderStatus::Pending if !self.round.ready => {
                    self.prove(&account, &order_url, seen.now).await?
                }
                OrderStatus::Pending | OrderStatus::Processing => {
                    self.wait(seen.now, seen.order.retry_after_ms).await?
                }
                OrderStatus::Ready => match self.finalize(&account, &order_url).await? {
                    Told::Done(after) => {
                        look = Some(after);
                        None
                    }
                    // the authority's servers do not agree yet
                    Told::Refused(problem) if problem.remedy() == Remedy::Look => {
                        self.wait(seen.now, problem.retry_after_ms).await?
                    }
                    Told::Refused(problem) => Some(self.refused(seen.now, &problem)),
                },
                OrderStatus::Valid => Some(self.store(&account, &order_url, seen.now).await?),
                OrderStatus::Invalid => {
                    self.spoil();
                    Some(match &seen.order.problem {
                        Some(problem) => self.refused(seen.now, problem),
                        None => End::Failed(Failure::new(Cause::Proof, "the order has failed")),
                    })
                }
            };
            if let Some(end) = next {
                return Ok(end);
            }
        }
    }

    async fn account(&self) -> Result<Told<String>, Stop> {
        let authority = self.authority;
        durable::run!(
            self.ctx,
            steps::ACCOUNT,
            self.tries(),
            crate::account::ensure(authority.deps, authority.acme, authority.vault)
        )
    }

    /// Account and order. An account the authority has forgotten is registered again, once; an order that may not name the
    /// certificate it replaces is made without.
    async fn order(
        &mut self,
        now: i64,
        replaces: bool,
    ) -> Result<Result<(String, Look), End>, Stop> {
        let (authority, subject) = (self.authority, self.subject);
        let mut replaced = subject
            .held
            .as_ref()
            .filter(|_| replaces)
            .and_then(|held| held.certificate_id.clone());
        loop {
            let account = match self.account().await? {
                Told::Done(account) => account,
                Told::Refused(problem) => return Ok(Err(self.refused(now, &problem))),
            };
            let made = durable::run!(
                self.ctx,
                steps::NEW_ORDER,
                self.tries(),
                authority.new_order(&account, subject, replaced.clone())
            )?;
            let problem = match made {
                Told::Done(look) => return Ok(Ok((account, look))),
                Told::Refused(problem) => problem,
            };
            match problem.remedy() {
                Remedy::Register if !self.registered_again => {
                    self.registered_again = true;
                    durable::run!(
                        self.ctx,
                        steps::DROP_ACCOUNT,
                        Preset::Database,
                        crate::account::drop_url(authority.deps, &account)
                    )?;
                }
                // an authority may also call the certificate of another one malformed
                Remedy::DropReplaces | Remedy::Bug if replaced.is_some() => replaced = None,
                _ => return Ok(Err(self.refused(now, &problem))),
            }
        }
    }

    /// Publishes the challenge, sees that it can be found, and says so.
    async fn prove(
        &mut self,
        account: &str,
        order_url: &str,
        now: i64,
    ) -> Result<Option<End>, Stop> {
        let (authority, subject) = (self.authority, self.subject);
        if self.round.record.is_none() {
            let published = told_some(
                self,
                now,
                durable::run!(
                    self.ctx,
                    steps::PUBLISH,
                    self.tries(),
                    authority.publish(account, order_url, subject)
                )?,
            );
            match published {
                Err(end) => return Ok(Some(end)),
                Ok(Published::Refused(failure)) => return Ok(Some(End::Failed(failure))),
                Ok(Published::Gone) => return Ok(Some(End::Gone)),
                Ok(Published::Record(record)) => {
                    self.round.record = Some(record);
                    self.save();
                }
                Ok(Published::Rows | Published::Nothing) => {}
            }
        }
        if let (Some(record), Some(route53)) = (self.round.record.clone(), &authority.deps.route53)
            && !record.seen
        {
            while !durable::run!(
                self.ctx,
                steps::SEEN,
                self.tries(),
                crate::record::is_seen(route53, &record)
            )? {
                if let Some(end) = self.wait(now, None).await? {
                    return Ok(Some(end));
                }
            }
            self.round.record = Some(crate::round::Record {
                seen: true,
                ..record
            });
        }
        let ready = durable::run!(
            self.ctx,
            steps::SET_READY,
            self.tries(),
            authority.set_ready(account, order_url, subject)
        )?;
        if let Err(end) = told_some(self, now, ready) {
            return Ok(Some(end));
        }
        self.round.ready = true;
        self.save();
        Ok(None)
    }

    async fn finalize(&mut self, account: &str, order_url: &str) -> Result<Told<Look>, Stop> {
        let (authority, subject) = (self.authority, self.subject);
        let sealed = match self.round.key.clone() {
            Some(sealed) => sealed,
            None => {
                // longer than any other step: the order keeps, and what it has cost is not to be spent twice
                let sealed = durable::run!(
                    self.ctx,
                    steps::MAKE_KEY,
                    Preset::Database,
                    authority.make_key(subject)
                )?;
                self.round.key = Some(sealed.clone());
                self.save();
                sealed
            }
        };
        durable::run!(
            self.ctx,
            steps::FINALIZE,
            Preset::Database,
            authority.finalize(account, order_url, subject, &sealed)
        )
    }

    async fn store(&mut self, account: &str, order_url: &str, now: i64) -> Result<End, Stop> {
        let (authority, subject) = (self.authority, self.subject);
        let Some(sealed) = self.round.key.clone() else {
            self.spoil();
            let text = "the order was finished for a key that is lost";
            return Ok(End::Failed(Failure::new(Cause::Outage, text)));
        };
        let stored = told!(
            self,
            now,
            durable::run!(
                self.ctx,
                steps::STORE,
                Preset::Database,
                authority.store(account, order_url, subject, &sealed)
            )?
        );
        Ok(match stored {
            Stored::Yes(id) => End::Issued(id),
            Stored::Gone => End::Gone,
            Stored::Flawed(why) => {
                self.spoil();
                End::Failed(Failure::new(
                    Cause::Bug,
                    format!("refused what was issued: {why}"),
                ))
            }
        })
    }

    /// Waits a moment for somebody else's work, or ends this invocation.
    async fn wait(&mut self, now: i64, not_before: Option<i64>) -> Result<Option<End>, Stop> {
        let timings = &self.authority.deps.timings;
        let asked = duration(not_before.map_or(0, |at| at.saturating_sub(now)));
        match timings.looks.get(self.looks) {
            Some(pause) if asked <= *pause * 4 => {
                self.looks += 1;
                self.ctx.sleep((*pause).max(asked)).await?;
                Ok(None)
            }
            _ => {
                let own = now.saturating_add(millis(self.round.poll_delay(timings)));
                Ok(Some(End::Later(own.max(not_before.unwrap_or(0)))))
            }
        }
    }
}

fn told_some<T>(issue: &mut Issue<'_, '_>, now: i64, told: Told<T>) -> Result<T, End> {
    match told {
        Told::Done(value) => Ok(value),
        Told::Refused(problem) => Err(issue.refused(now, &problem)),
    }
}
