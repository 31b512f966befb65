//! `deployment_steps`: progress of a deployment as people see it.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

/// A row of `deployment_steps`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "deployment_steps")]
pub struct Model {
    /// Row number; never sent on insert, never shown.
    #[sea_orm(primary_key)]
    pub pk: u64,
    /// → `workspaces.id`.
    pub workspace_id: String,
    /// → `projects.id`.
    pub project_id: String,
    /// → `environments.id`.
    pub environment_id: String,
    /// → `deployments.id`.
    pub deployment_id: String,
    /// → `apps.id`.
    pub app_id: String,
    /// One row per (deployment, step).
    pub step: Step,
    /// Epoch ms.
    pub started_at: u64,
    /// Epoch ms; NULL = running.
    pub ended_at: Option<u64>,
    /// User-facing message; NULL = no error.
    pub error: Option<String>,
}

super::column_enum! {
    /// Values of `deployment_steps.step`.
    Step {
        Queued = "queued",
        Starting = "starting",
        Building = "building",
        Deploying = "deploying",
        Network = "network",
        Finalizing = "finalizing",
    }
}

/// No relations: the schema has no foreign keys, queries join explicitly.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
