//! Contract of one service. Written from `proto/` by `cargo xtask codegen`; do not edit.

// The SDK's macro leaves its own items without documentation.
#![allow(missing_docs)]

use messages::contract::{Handler, HandlerKind};
use restate_sdk::prelude::*;
use std::future::Future;

/// The service's name, as in a URL.
pub const SERVICE: &str = "hydra.v1.SchedulerService";

/// Its handlers, in the order of the .proto.
pub const HANDLERS: &[Handler] = &[
    Handler {
        name: "Arm",
        kind: HandlerKind::Exclusive,
        private: false,
    },
    Handler {
        name: "Tick",
        kind: HandlerKind::Exclusive,
        private: true,
    },
    Handler {
        name: "Execute",
        kind: HandlerKind::Shared,
        private: true,
    },
    Handler {
        name: "Record",
        kind: HandlerKind::Exclusive,
        private: true,
    },
    Handler {
        name: "Run",
        kind: HandlerKind::Exclusive,
        private: false,
    },
    Handler {
        name: "Pause",
        kind: HandlerKind::Exclusive,
        private: false,
    },
    Handler {
        name: "Resume",
        kind: HandlerKind::Exclusive,
        private: false,
    },
    Handler {
        name: "Status",
        kind: HandlerKind::Shared,
        private: false,
    },
];

/// The clock of the periodic jobs: starts each at its time, once per window, and remembers how it went.
/// Key: name of the job, as in `key-refill`.
pub trait SchedulerBackend: Send + Sync + 'static {
    /// Turns the job on or off, as configured. Every worker sends it when it starts, and again now and then.
    fn arm<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        req: messages::hydra::v1::ArmJobRequest,
    ) -> impl Future<Output = HandlerResult<messages::hydra::v1::ArmJobResponse>> + Send + 'a;
    /// Sent by the service to itself when something is due; acts only with the nonce of the newest timer.
    fn tick<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        req: messages::hydra::v1::TickJobRequest,
    ) -> impl Future<Output = HandlerResult<messages::hydra::v1::TickJobResponse>> + Send + 'a;
    /// Sent by the service to itself: calls the job's own service, waits, and has the outcome recorded.
    fn execute<'a>(
        &'a self,
        ctx: SharedObjectContext<'a>,
        req: messages::hydra::v1::ExecuteJobRequest,
    ) -> impl Future<Output = HandlerResult<messages::hydra::v1::ExecuteJobResponse>> + Send + 'a;
    /// Called by the service itself when a run has ended.
    fn record<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        req: messages::hydra::v1::RecordJobRequest,
    ) -> impl Future<Output = HandlerResult<messages::hydra::v1::RecordJobResponse>> + Send + 'a;
    /// Starts the job now, whatever its schedule says, also when it is off or paused.
    fn run<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        req: messages::hydra::v1::RunJobRequest,
    ) -> impl Future<Output = HandlerResult<messages::hydra::v1::RunJobResponse>> + Send + 'a;
    /// Starts nothing any more until Resume.
    fn pause<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        req: messages::hydra::v1::PauseJobRequest,
    ) -> impl Future<Output = HandlerResult<messages::hydra::v1::PauseJobResponse>> + Send + 'a;
    /// Goes on with the schedule; windows that passed meanwhile count as missed.
    fn resume<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        req: messages::hydra::v1::ResumeJobRequest,
    ) -> impl Future<Output = HandlerResult<messages::hydra::v1::ResumeJobResponse>> + Send + 'a;
    /// How the job stands.
    fn status<'a>(
        &'a self,
        ctx: SharedObjectContext<'a>,
        req: messages::hydra::v1::JobStatusRequest,
    ) -> impl Future<Output = HandlerResult<messages::hydra::v1::JobStatusResponse>> + Send + 'a;
}

/// What Restate hosts: forwards every handler to a backend.
pub struct SchedulerService<B>(pub B);

/// The clock of the periodic jobs: starts each at its time, once per window, and remembers how it went.
/// Key: name of the job, as in `key-refill`.
#[restate_sdk::object(name = "hydra.v1.SchedulerService")]
impl<B: SchedulerBackend> SchedulerService<B> {
    /// Turns the job on or off, as configured. Every worker sends it when it starts, and again now and then.
    #[handler(name = "Arm")]
    async fn arm<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        req: messages::hydra::v1::ArmJobRequest,
    ) -> HandlerResult<messages::hydra::v1::ArmJobResponse> {
        self.0.arm(ctx, req).await
    }
    /// Sent by the service to itself when something is due; acts only with the nonce of the newest timer.
    #[handler(name = "Tick", ingress_private)]
    async fn tick<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        req: messages::hydra::v1::TickJobRequest,
    ) -> HandlerResult<messages::hydra::v1::TickJobResponse> {
        self.0.tick(ctx, req).await
    }
    /// Sent by the service to itself: calls the job's own service, waits, and has the outcome recorded.
    #[handler(name = "Execute", ingress_private)]
    async fn execute<'a>(
        &'a self,
        ctx: SharedObjectContext<'a>,
        req: messages::hydra::v1::ExecuteJobRequest,
    ) -> HandlerResult<messages::hydra::v1::ExecuteJobResponse> {
        self.0.execute(ctx, req).await
    }
    /// Called by the service itself when a run has ended.
    #[handler(name = "Record", ingress_private)]
    async fn record<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        req: messages::hydra::v1::RecordJobRequest,
    ) -> HandlerResult<messages::hydra::v1::RecordJobResponse> {
        self.0.record(ctx, req).await
    }
    /// Starts the job now, whatever its schedule says, also when it is off or paused.
    #[handler(name = "Run")]
    async fn run<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        req: messages::hydra::v1::RunJobRequest,
    ) -> HandlerResult<messages::hydra::v1::RunJobResponse> {
        self.0.run(ctx, req).await
    }
    /// Starts nothing any more until Resume.
    #[handler(name = "Pause")]
    async fn pause<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        req: messages::hydra::v1::PauseJobRequest,
    ) -> HandlerResult<messages::hydra::v1::PauseJobResponse> {
        self.0.pause(ctx, req).await
    }
    /// Goes on with the schedule; windows that passed meanwhile count as missed.
    #[handler(name = "Resume")]
    async fn resume<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        req: messages::hydra::v1::ResumeJobRequest,
    ) -> HandlerResult<messages::hydra::v1::ResumeJobResponse> {
        self.0.resume(ctx, req).await
    }
    /// How the job stands.
    #[handler(name = "Status")]
    async fn status<'a>(
        &'a self,
        ctx: SharedObjectContext<'a>,
        req: messages::hydra::v1::JobStatusRequest,
    ) -> HandlerResult<messages::hydra::v1::JobStatusResponse> {
        self.0.status(ctx, req).await
    }
}

/// Names the clients without an implementation; has no value.
pub enum Contract {}

impl SchedulerBackend for Contract {
    async fn arm<'a>(
        &'a self,
        _: ObjectContext<'a>,
        _: messages::hydra::v1::ArmJobRequest,
    ) -> HandlerResult<messages::hydra::v1::ArmJobResponse> {
        match *self {}
    }
    async fn tick<'a>(
        &'a self,
        _: ObjectContext<'a>,
        _: messages::hydra::v1::TickJobRequest,
    ) -> HandlerResult<messages::hydra::v1::TickJobResponse> {
        match *self {}
    }
    async fn execute<'a>(
        &'a self,
        _: SharedObjectContext<'a>,
        _: messages::hydra::v1::ExecuteJobRequest,
    ) -> HandlerResult<messages::hydra::v1::ExecuteJobResponse> {
        match *self {}
    }
    async fn record<'a>(
        &'a self,
        _: ObjectContext<'a>,
        _: messages::hydra::v1::RecordJobRequest,
    ) -> HandlerResult<messages::hydra::v1::RecordJobResponse> {
        match *self {}
    }
    async fn run<'a>(
        &'a self,
        _: ObjectContext<'a>,
        _: messages::hydra::v1::RunJobRequest,
    ) -> HandlerResult<messages::hydra::v1::RunJobResponse> {
        match *self {}
    }
    async fn pause<'a>(
        &'a self,
        _: ObjectContext<'a>,
        _: messages::hydra::v1::PauseJobRequest,
    ) -> HandlerResult<messages::hydra::v1::PauseJobResponse> {
        match *self {}
    }
    async fn resume<'a>(
        &'a self,
        _: ObjectContext<'a>,
        _: messages::hydra::v1::ResumeJobRequest,
    ) -> HandlerResult<messages::hydra::v1::ResumeJobResponse> {
        match *self {}
    }
    async fn status<'a>(
        &'a self,
        _: SharedObjectContext<'a>,
        _: messages::hydra::v1::JobStatusRequest,
    ) -> HandlerResult<messages::hydra::v1::JobStatusResponse> {
        match *self {}
    }
}

/// Calls the service from a handler.
pub type SchedulerClient<'ctx> = SchedulerServiceClient<'ctx, Contract>;

/// Calls the service through Restate's ingress.
pub type SchedulerIngress<E> = SchedulerServiceIngressClient<Contract, E>;
