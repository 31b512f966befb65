//! BuildSlotService: how many builds of a workspace run at a time, who of those that wait is next, and that no slot is
//! lost with the invocation that held it. One virtual object per workspace.
//!
//! A slot is held by an invocation, not for a time: an audit asks Restate every minute whether the holders still exist.
//! Whoever wants one sends `AcquireOrWait` with an awakeable and waits for that, holding nothing open meanwhile.
//!
//! Not here: building, and how long somebody is willing to wait.

mod acquire;
mod audit;
mod queue;
mod release;
mod steps;
mod turn;

use build_slot_client::{BuildSlotBackend, SERVICE};
use durable::handle;
use messages::hydra::v1 as msg;
use queue::Rules;
use restate_sdk::prelude::*;
use std::time::Duration;

/// Waiting times; production values are the defaults.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timings {
    /// Pause between two audits while anybody builds or waits.
    pub audit_every: Duration,
    /// A build that has waited this long no longer lets production builds go before it.
    pub patience: Duration,
    /// A slot held this long is taken back whatever its holder does.
    pub longest: Duration,
    /// An invocation this young may not be visible in Restate's tables yet, and is left alone by the audit.
    pub settle: Duration,
}

impl Default for Timings {
    fn default() -> Self {
        Self {
            audit_every: Duration::from_secs(60),
            patience: Duration::from_secs(10 * 60),
            longest: Duration::from_secs(8 * 60 * 60),
            settle: Duration::from_secs(30),
        }
    }
}

/// What the service needs.
#[derive(Clone)]
pub struct Deps {
    /// Restate's admin API, for asking after invocations.
    pub admin: restate_api::Admin,
    /// Builds of one workspace at a time, at least one.
    pub limit: usize,
    /// Waiting times.
    pub timings: Timings,
}

impl Deps {
    fn rules(&self) -> Rules {
        let millis = |d: Duration| i64::try_from(d.as_millis()).unwrap_or(i64::MAX);
        Rules {
            limit: self.limit,
            patience: millis(self.timings.patience),
            longest: millis(self.timings.longest),
            settle: millis(self.timings.settle),
        }
    }
}

/// The service; bind it with `build_slot_client::BuildSlotService(BuildSlot::new(deps))`.
pub struct BuildSlot {
    deps: Deps,
}

impl BuildSlot {
    /// The service over its dependencies.
    pub fn new(deps: Deps) -> Self {
        Self { deps }
    }
}

/// Draws the token of the next audit, then runs the body of an exclusive handler in its span.
macro_rules! exclusive {
    ($ctx:ident, $name:literal, |$nonce:ident| $body:expr) => {{
        let mut $ctx = $ctx;
        let (invocation, key) = ($ctx.invocation_id().to_owned(), $ctx.key().to_owned());
        let $nonce = $ctx.rand_uuid().to_string();
        handle(SERVICE, $name, &invocation, &key, async { $body.await }).await
    }};
}

impl BuildSlotBackend for BuildSlot {
    async fn acquire_or_wait<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        req: msg::AcquireBuildSlotRequest,
    ) -> HandlerResult<msg::AcquireBuildSlotResponse> {
        exclusive!(ctx, "AcquireOrWait", |nonce| acquire::acquire(
            &self.deps, &ctx, nonce, req
        ))
        .map(|()| msg::AcquireBuildSlotResponse::default())
    }

    async fn release<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        req: msg::ReleaseBuildSlotRequest,
    ) -> HandlerResult<msg::ReleaseBuildSlotResponse> {
        exclusive!(ctx, "Release", |nonce| release::release(
            &self.deps, &ctx, nonce, req
        ))
        .map(|()| msg::ReleaseBuildSlotResponse::default())
    }

    async fn audit<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        req: msg::AuditBuildSlotsRequest,
    ) -> HandlerResult<msg::AuditBuildSlotsResponse> {
        exclusive!(ctx, "Audit", |nonce| audit::audit(
            &self.deps, &ctx, nonce, req
        ))
        .map(|()| msg::AuditBuildSlotsResponse::default())
    }
}
