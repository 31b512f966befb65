//! How long each part of a build may take.

use std::time::Duration;

/// All times of a builder; the defaults are production's. The build itself has no limit here: whoever runs it stops it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// One call of Depot's API, health reports apart.
    pub call: Duration,
    /// Until Depot has a machine for a build.
    pub acquire: Duration,
    /// Between two questions whether it has one, where Depot names no time; a time it names is kept within a tenth and
    /// ten times this.
    pub poll: Duration,
    /// One attempt to connect to a machine.
    pub connect: Duration,
    /// Until a machine says that it is ready.
    pub ready: Duration,
    /// Between two attempts.
    pub ready_pause: Duration,
    /// One health report.
    pub health: Duration,
    /// Between two health reports.
    pub health_pause: Duration,
    /// A connection that is silent for this long is asked whether it is still there, and has as long to answer.
    pub keepalive: Duration,
    /// How long, after the build has ended, its last steps and logs are waited for.
    pub tail: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self {
            call: seconds(30),
            acquire: seconds(600),
            poll: seconds(1),
            connect: seconds(10),
            ready: seconds(300),
            ready_pause: seconds(1),
            health: seconds(30),
            health_pause: seconds(5),
            keepalive: seconds(30),
            tail: seconds(10),
        }
    }
}
