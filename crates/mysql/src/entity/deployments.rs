//! `deployments`: one attempt to run an image of an app in an environment.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use super::Strings;

/// A row of `deployments`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "deployments")]
pub struct Model {
    /// Row number; never sent on insert, never shown.
    #[sea_orm(primary_key)]
    pub pk: u64,
    /// `d_…`.
    #[sea_orm(unique)]
    pub id: String,
    /// 12-char DNS-1035 label.
    #[sea_orm(unique)]
    pub k8s_name: String,
    /// → `workspaces.id`.
    pub workspace_id: String,
    /// → `projects.id`.
    pub project_id: String,
    /// → `environments.id`.
    pub environment_id: String,
    /// → `apps.id`.
    pub app_id: String,
    /// NULL until built/resolved.
    pub image: Option<String>,
    /// Build id at the build provider.
    #[sea_orm(unique)]
    pub build_id: Option<String>,
    pub git_commit_sha: Option<String>,
    pub git_branch: Option<String>,
    pub git_commit_message: Option<String>,
    pub git_commit_author_handle: Option<String>,
    pub git_commit_author_avatar_url: Option<String>,
    /// Epoch ms; can be hugely negative when GitHub gave no time.
    pub git_commit_timestamp: Option<i64>,
    /// Copied from app_runtime_settings at creation.
    pub sentinel_config: Vec<u8>,
    /// Copied at creation.
    pub cpu_millicores: i32,
    /// Copied at creation.
    pub memory_mib: i32,
    /// What the platform wants; krane acts on deployment_topology, not on this.
    pub desired_state: DesiredState,
    /// JSON bytes; zero length = no variables.
    pub encrypted_environment_variables: Vec<u8>,
    /// Copied at creation.
    pub command: Strings,
    /// Copied at creation.
    pub port: i32,
    /// Copied at creation.
    pub shutdown_signal: ShutdownSignal,
    /// Copied at creation.
    pub healthcheck: Option<Json>,
    /// Set for pull-request builds.
    pub pr_number: Option<i64>,
    /// `owner/repo` of the fork.
    pub fork_repository_full_name: Option<String>,
    /// Id of the deployment object at GitHub.
    pub github_deployment_id: Option<i64>,
    /// Workflow progress.
    pub status: Status,
    /// Epoch ms, set by the writer.
    pub created_at: i64,
    /// Epoch ms of the last update; NULL = never updated.
    pub updated_at: Option<i64>,
}

super::column_enum! {
    /// Values of `deployments.desired_state`.
    DesiredState {
        Running = "running",
        Standby = "standby",
        Archived = "archived",
    }
}

super::column_enum! {
    /// Values of `deployments.shutdown_signal`.
    ShutdownSignal {
        Sigterm = "SIGTERM",
        Sigint = "SIGINT",
        Sigquit = "SIGQUIT",
        Sigkill = "SIGKILL",
    }
}

super::column_enum! {
    /// Values of `deployments.status`.
    Status {
        Pending = "pending",
        Starting = "starting",
        Building = "building",
        Deploying = "deploying",
        Network = "network",
        Finalizing = "finalizing",
        Ready = "ready",
        Failed = "failed",
        Skipped = "skipped",
        AwaitingApproval = "awaiting_approval",
        Stopped = "stopped",
    }
}

super::by_id!();

/// No relations: the schema has no foreign keys, queries join explicitly.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
