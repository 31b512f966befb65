//! Contract of the clock that starts the periodic jobs:
//! what to implement (`SchedulerBackend`), what to bind (`SchedulerService`) and how to call it (`SchedulerClient` in a
//! handler, `SchedulerIngress` from outside); and the names of the jobs.
//!
//! Not here: the implementation, and the messages (crate `messages`).

mod generated;

pub use generated::*;

/// Every job there is: the keys of the service's objects.
pub const JOBS: [&str; 5] = [
    "key-refill",
    "quota-check",
    "certificate-renewal",
    "idle-scale-down",
    "key-last-used-sync",
];
