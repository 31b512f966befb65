//! `quota`: what a workspace may use. Its row is the lock that serialises the check of compute quota.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

/// A row of `quota`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "quota")]
pub struct Model {
    /// Row number; never sent on insert, never shown.
    #[sea_orm(primary_key)]
    pub pk: u64,
    /// → `workspaces.id`; one row per workspace.
    #[sea_orm(unique)]
    pub workspace_id: String,
    /// Billable requests per calendar month (verifications + ratelimits).
    pub requests_per_month: i64,
    /// Used for the ClickHouse row policy of the workspace user.
    pub logs_retention_days: i32,
    pub audit_logs_retention_days: i32,
    /// Multi-user feature flag.
    pub team: bool,
    /// NULL = no limit, 0 = nothing allowed.
    pub ratelimit_api_limit: Option<u32>,
    /// Window in ms; NULL = no limit.
    pub ratelimit_api_duration: Option<u32>,
    /// Ceiling of Σ cpu×max replicas over running topology rows.
    pub allocated_cpu_millicores_total: u32,
    /// Ceiling of Σ memory×max replicas over running topology rows.
    pub allocated_memory_mib_total: u32,
}

/// No relations: the schema has no foreign keys, queries join explicitly.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
