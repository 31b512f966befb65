//! `ctrl_worker_runs`: which invocation runs a deployment. The primary key makes it at most one.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

/// A row of `ctrl_worker_runs`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "ctrl_worker_runs")]
pub struct Model {
    /// → `deployments.id`.
    #[sea_orm(primary_key, auto_increment = false)]
    pub deployment_id: String,
    /// Restate invocation that owns the run.
    pub invocation_id: String,
    /// Epoch ms by which the deployment must be ready; NULL until that is known.
    pub deadline_at: Option<i64>,
    /// Comma-separated ids of the regions whose sentinel this run created.
    pub new_sentinel_regions: Option<String>,
    /// Machine word for an end that was not the run's own: superseded, cancelled, ….
    pub end_reason: Option<String>,
    /// Epoch ms.
    pub claimed_at: i64,
    /// Epoch ms; NULL = running.
    pub ended_at: Option<i64>,
}

/// No relations: queries join explicitly.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
