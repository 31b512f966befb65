//! `deployment_topology`: what the edge agent of a region shall run for a deployment.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

/// A row of `deployment_topology`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "deployment_topology")]
pub struct Model {
    /// Row number; never sent on insert, never shown.
    #[sea_orm(primary_key)]
    pub pk: u64,
    /// → `workspaces.id`.
    pub workspace_id: String,
    /// → `deployments.id`.
    pub deployment_id: String,
    /// → `regions.id`.
    pub region_id: String,
    /// ≥ 1.
    pub autoscaling_replicas_min: u32,
    /// ≥ min.
    pub autoscaling_replicas_max: u32,
    /// Percent 0–100; NULL = default.
    pub autoscaling_threshold_cpu: Option<u8>,
    /// Percent 0–100; NULL = unused.
    pub autoscaling_threshold_memory: Option<u8>,
    /// Per-region counter value.
    pub version: u64,
    /// `running` → krane applies, `stopped` → krane deletes.
    pub desired_status: DesiredStatus,
    /// Epoch ms, set by the writer.
    pub created_at: i64,
    /// Epoch ms of the last update; NULL = never updated.
    pub updated_at: Option<i64>,
}

super::column_enum! {
    /// Values of `deployment_topology.desired_status`.
    DesiredStatus {
        Stopped = "stopped",
        Running = "running",
    }
}

/// No relations: the schema has no foreign keys, queries join explicitly.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
