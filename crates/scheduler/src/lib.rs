//! SchedulerService: the clock of the periodic jobs, one virtual object per job. It starts a job at its time, once per
//! window also beside an outside cron, catches up what was missed, and remembers how it went; [`keeper`] arms the
//! objects from every worker.
//!
//! Not here: what a job does (each has a service of its own), and the later contract's names for calling them from
//! outside (crate `cron`).

mod arm;
mod calendar;
mod clock;
mod execute;
mod jobs;
pub mod keeper;
mod pause;
mod plan;
mod record;
mod row;
mod run;
mod state;
mod status;
mod steps;
mod target;
mod tick;
mod turn;

pub use clock::{Clock, Timings};
pub use jobs::Job;

use durable::handle;
use messages::hydra::v1 as msg;
use restate_sdk::prelude::*;
use scheduler_client::{SERVICE, SchedulerBackend};
use turn::Drawn;

/// What the scheduler needs.
#[derive(Clone)]
pub struct Deps {
    /// The database, for the rows of `ctrl_worker_jobs`.
    pub db: mysql::Db,
    /// Waiting times.
    pub timings: Timings,
}

impl Deps {
    /// What the schedule's clock shows at a journaled instant of the wall clock.
    fn now(&self, wall_ms: i64) -> i64 {
        self.timings.clock.at(wall_ms)
    }
}

/// The service; bind it with `scheduler_client::SchedulerService(Scheduler::new(deps))`.
pub struct Scheduler {
    deps: Deps,
}

impl Scheduler {
    /// The service over its dependencies.
    pub fn new(deps: Deps) -> Self {
        Self { deps }
    }
}

/// Draws, then runs the body of an exclusive handler in its span.
macro_rules! exclusive {
    ($ctx:ident, $name:literal, |$drawn:ident| $body:expr) => {{
        let mut $ctx = $ctx;
        let (invocation, key) = ($ctx.invocation_id().to_owned(), $ctx.key().to_owned());
        let $drawn = Drawn::from(&mut $ctx);
        handle(SERVICE, $name, &invocation, &key, async { $body.await }).await
    }};
}

impl SchedulerBackend for Scheduler {
    async fn arm<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        req: msg::ArmJobRequest,
    ) -> HandlerResult<msg::ArmJobResponse> {
        exclusive!(ctx, "Arm", |drawn| arm::arm(&self.deps, &ctx, drawn, req))
    }

    async fn tick<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        req: msg::TickJobRequest,
    ) -> HandlerResult<msg::TickJobResponse> {
        exclusive!(ctx, "Tick", |drawn| tick::tick(
            &self.deps, &ctx, drawn, req
        ))
    }

    async fn execute<'a>(
        &'a self,
        ctx: SharedObjectContext<'a>,
        req: msg::ExecuteJobRequest,
    ) -> HandlerResult<msg::ExecuteJobResponse> {
        let body = execute::execute(&ctx, req);
        handle(SERVICE, "Execute", ctx.invocation_id(), ctx.key(), body).await
    }

    async fn record<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        req: msg::RecordJobRequest,
    ) -> HandlerResult<msg::RecordJobResponse> {
        exclusive!(ctx, "Record", |drawn| record::record(
            &self.deps, &ctx, drawn, req
        ))
    }

    async fn run<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        req: msg::RunJobRequest,
    ) -> HandlerResult<msg::RunJobResponse> {
        exclusive!(ctx, "Run", |drawn| run::run(&self.deps, &ctx, drawn, req))
    }

    async fn pause<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        _: msg::PauseJobRequest,
    ) -> HandlerResult<msg::PauseJobResponse> {
        exclusive!(ctx, "Pause", |drawn| pause::set(
            &self.deps, &ctx, drawn, true
        ))
        .map(|()| msg::PauseJobResponse::default())
    }

    async fn resume<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        _: msg::ResumeJobRequest,
    ) -> HandlerResult<msg::ResumeJobResponse> {
        exclusive!(ctx, "Resume", |drawn| pause::set(
            &self.deps, &ctx, drawn, false
        ))
        .map(|()| msg::ResumeJobResponse::default())
    }

    async fn status<'a>(
        &'a self,
        ctx: SharedObjectContext<'a>,
        _: msg::JobStatusRequest,
    ) -> HandlerResult<msg::JobStatusResponse> {
        let body = status::status(&ctx);
        handle(SERVICE, "Status", ctx.invocation_id(), ctx.key(), body).await
    }
}
