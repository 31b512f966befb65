//! `sentinels`: the gateway of an environment in a region.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

/// A row of `sentinels`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "sentinels")]
pub struct Model {
    /// Row number; never sent on insert, never shown.
    #[sea_orm(primary_key)]
    pub pk: u64,
    /// `s_…`.
    #[sea_orm(unique)]
    pub id: String,
    /// → `workspaces.id`.
    pub workspace_id: String,
    /// → `projects.id`.
    pub project_id: String,
    /// → `environments.id`.
    pub environment_id: String,
    /// 8-char DNS-1035 label.
    #[sea_orm(unique)]
    pub k8s_name: String,
    /// `<k8s_name>.sentinel.svc.cluster.local:8040`.
    #[sea_orm(unique)]
    pub k8s_address: String,
    /// → `regions.id`.
    pub region_id: String,
    pub image: String,
    /// Left to its default by the worker.
    pub desired_state: DesiredState,
    /// Reported by krane through the control API.
    pub health: Health,
    pub desired_replicas: i32,
    /// Reported.
    pub available_replicas: i32,
    pub cpu_millicores: i32,
    pub memory_mib: i32,
    /// Per-region counter value.
    pub version: u64,
    /// Epoch ms, set by the writer.
    pub created_at: i64,
    /// Epoch ms of the last update; NULL = never updated.
    pub updated_at: Option<i64>,
}

super::column_enum! {
    /// Values of `sentinels.desired_state`.
    DesiredState {
        Running = "running",
        Standby = "standby",
        Archived = "archived",
    }
}

super::column_enum! {
    /// Values of `sentinels.health`.
    Health {
        Unknown = "unknown",
        Paused = "paused",
        Healthy = "healthy",
        Unhealthy = "unhealthy",
    }
}

super::by_id!();

/// No relations: the schema has no foreign keys, queries join explicitly.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
