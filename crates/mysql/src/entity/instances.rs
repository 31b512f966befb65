//! `instances`: what edge agents say is running. The worker only reads it.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

/// A row of `instances`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "instances")]
pub struct Model {
    /// Row number; never sent on insert, never shown.
    #[sea_orm(primary_key)]
    pub pk: u64,
    /// `ins_…`.
    #[sea_orm(unique)]
    pub id: String,
    /// → `deployments.id`.
    pub deployment_id: String,
    /// → `workspaces.id`.
    pub workspace_id: String,
    /// → `projects.id`.
    pub project_id: String,
    /// → `apps.id`.
    pub app_id: String,
    /// → `regions.id`.
    pub region_id: String,
    /// Pod name.
    pub k8s_name: String,
    /// `host:port` of the pod.
    pub address: String,
    pub cpu_millicores: i32,
    pub memory_mib: i32,
    /// Reported by krane.
    pub status: Status,
}

super::column_enum! {
    /// Values of `instances.status`.
    Status {
        Inactive = "inactive",
        Pending = "pending",
        Running = "running",
        Failed = "failed",
    }
}

super::by_id!();

/// No relations: the schema has no foreign keys, queries join explicitly.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
