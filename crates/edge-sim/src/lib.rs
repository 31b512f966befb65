//! A simulated edge: one agent per region that does to the database what a real agent and the
//! cluster API do together. It follows desired state by version, starts make-believe instances
//! after a delay, can fail in the ways real regions fail, and answers HTTP for routed hosts with
//! the id of the deployment. For tests, the demo and the bench; not for production, and not for
//! running containers: no process is ever started.
//!
//! * [`Agent::start`] runs one region; its [`AgentHandle`] changes the behaviour while it runs.
//! * [`Behaviour`] says how instances, sentinels and reports behave, for the region, an image or a
//!   single deployment; the most specific one counts as a whole.
//! * [`ClusterApi`] is the reporting half alone, for tests of what a report does.
//! * [`front`] answers requests as the edge's front does; [`serve`] hosts agents, front and the
//!   control surface (`POST /sim/{region}/behaviour`, `GET /sim/{region}/state`) in one process.

mod agent;
mod behaviour;
mod cluster;
mod cluster_api;
mod control;
mod delivery;
mod desired;
pub mod front;
mod handle;
mod http;
mod report;
mod resync;
mod serve;
mod state;
mod tls;

pub use agent::{Agent, AgentOptions};
pub use behaviour::{Behaviour, ImagePattern, Scope};
pub use cluster_api::ClusterApi;
pub use handle::AgentHandle;
pub use report::{Change, Health, InstanceReport, InstanceStatus, Report};
pub use serve::{ServeOptions, Served, serve};
pub use state::{AgentState, PodState, SentinelState, WorkloadState};
pub use tls::TlsOptions;
