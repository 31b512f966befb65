//! The kinds of operations and faults a run is made of, and how often each comes. Not here: when, and to what.

use crate::plan::Environment;

/// What is asked of the worker, or happens to a deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A deployment to production.
    DeployProduction,
    /// A deployment to preview without a branch.
    DeployPreview,
    /// A deployment of a branch to preview.
    DeployBranch,
    /// A deployment of a fork's pull request to preview.
    DeployFork,
    /// A deployment to production whose instances never become ready.
    DeployBroken,
    /// A row whose `Deploy` is never sent.
    DeployUnsent,
    /// A second `Deploy` for a row.
    DuplicateDeploy,
    /// `Promote`.
    Promote,
    /// `Rollback` from whatever is live.
    Rollback,
    /// `WakeDeployment`.
    Wake,
    /// All previews of an app that run go to standby, as idle scale-down sends them.
    IdleScaleDown,
    /// One production deployment that is not live goes to standby.
    Standby,
    /// The invocation of an earlier operation is cancelled.
    Cancel,
    /// The preview environment of an app is deleted, and once it is gone another one is made with the same slug.
    DeleteEnvironment,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 14] = [
        Self::DeployProduction,
        Self::DeployPreview,
        Self::DeployBranch,
        Self::DeployFork,
        Self::DeployBroken,
        Self::DeployUnsent,
        Self::DuplicateDeploy,
        Self::Promote,
        Self::Rollback,
        Self::Wake,
        Self::IdleScaleDown,
        Self::Standby,
        Self::Cancel,
        Self::DeleteEnvironment,
    ];

    /// How many of forty-one operations are of this kind.
    pub(crate) fn share(self) -> usize {
        match self {
            Self::DeployProduction => 10,
            Self::Promote | Self::Rollback => 5,
            Self::DeployBranch | Self::Cancel => 3,
            Self::DeployPreview
            | Self::DeployFork
            | Self::DuplicateDeploy
            | Self::Wake
            | Self::IdleScaleDown
            | Self::Standby => 2,
            Self::DeployBroken | Self::DeployUnsent | Self::DeleteEnvironment => 1,
        }
    }

    /// The environment a deployment of this kind goes to; nothing for what is no deployment.
    pub fn environment(self) -> Option<Environment> {
        match self {
            Self::DeployProduction | Self::DeployBroken | Self::DeployUnsent => {
                Some(Environment::Production)
            }
            Self::DeployPreview | Self::DeployBranch | Self::DeployFork => {
                Some(Environment::Preview)
            }
            _ => None,
        }
    }

    /// Its name in summaries.
    pub fn name(self) -> &'static str {
        match self {
            Self::DeployProduction => "deploy_production",
            Self::DeployPreview => "deploy_preview",
            Self::DeployBranch => "deploy_branch",
            Self::DeployFork => "deploy_fork",
            Self::DeployBroken => "deploy_broken",
            Self::DeployUnsent => "deploy_unsent",
            Self::DuplicateDeploy => "duplicate_deploy",
            Self::Promote => "promote",
            Self::Rollback => "rollback",
            Self::Wake => "wake",
            Self::IdleScaleDown => "idle_scale_down",
            Self::Standby => "standby",
            Self::Cancel => "cancel",
            Self::DeleteEnvironment => "delete_environment",
        }
    }
}

/// What breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// SIGKILL for the worker; another one starts at the same address.
    WorkerKill,
    /// SIGKILL for Restate; it starts again on its data.
    RestateKill,
    /// SIGKILL for the database; it starts again on its data.
    DatabaseKill,
    /// The worker's connections to the database are closed and none opens.
    DatabaseCut,
    /// A region makes no call.
    EdgeDown,
    /// Instances of a region run and fail in turn.
    EdgeFlap,
    /// Reports of a region arrive late, twice and in the wrong order.
    EdgeLate,
}

impl Fault {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::WorkerKill,
        Self::RestateKill,
        Self::DatabaseKill,
        Self::DatabaseCut,
        Self::EdgeDown,
        Self::EdgeFlap,
        Self::EdgeLate,
    ];

    /// Its name in summaries.
    pub fn name(self) -> &'static str {
        match self {
            Self::WorkerKill => "worker_kill",
            Self::RestateKill => "restate_kill",
            Self::DatabaseKill => "database_kill",
            Self::DatabaseCut => "database_cut",
            Self::EdgeDown => "edge_down",
            Self::EdgeFlap => "edge_flap",
            Self::EdgeLate => "edge_late",
        }
    }
}
