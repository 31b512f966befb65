//! How much is measured. Not for how.

/// The numbers of a run.
pub(crate) struct Scale {
    /// Calls per row, one after the other.
    pub(crate) calls: usize,
    /// Calls per row, many at a time.
    pub(crate) parallel_calls: usize,
    /// Starts of the worker.
    pub(crate) starts: usize,
    /// Deployments per row of the overhead.
    pub(crate) deploys: usize,
    /// Deployments that wait together.
    pub(crate) waiting: usize,
    /// Rows of the environment that is deleted.
    pub(crate) deletes: usize,
    /// Keys of one last-used sync.
    pub(crate) last_used: usize,
    /// Keys that are due in one refill, among twice as many.
    pub(crate) refill: usize,
    /// Workspaces of one quota check.
    pub(crate) quota: usize,
    /// Domains verified and given a certificate together.
    pub(crate) domains: usize,
    /// Planned renewals of one scan.
    pub(crate) renewals: usize,
    /// Deployments from Git, one after the other, per row.
    pub(crate) builds: usize,
    /// Pushes of one minute.
    pub(crate) pushes: usize,
    /// Lines that one build writes.
    pub(crate) lines: usize,
}

impl Scale {
    /// What docs/bench.md shows.
    pub(crate) fn full() -> Self {
        Self {
            calls: 1_000,
            parallel_calls: 5_000,
            starts: 10,
            deploys: 240,
            waiting: 5_000,
            deletes: 10_000,
            last_used: 1_000_000,
            refill: 1_000_000,
            quota: 100_000,
            domains: 1_000,
            renewals: 100_000,
            builds: 240,
            pushes: 200,
            lines: 500_000,
        }
    }

    /// Enough to see that everything works.
    pub(crate) fn quick() -> Self {
        Self {
            calls: 30,
            parallel_calls: 100,
            starts: 2,
            deploys: 16,
            waiting: 40,
            deletes: 2_500,
            last_used: 20_000,
            refill: 20_000,
            quota: 2_000,
            domains: 20,
            renewals: 5_000,
            builds: 8,
            pushes: 40,
            lines: 20_000,
        }
    }
}
