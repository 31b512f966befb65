//! `ctrl_worker_rollback_sources`: deployments an app was rolled back from; they stay up until the rollback is confirmed or left.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

/// A row of `ctrl_worker_rollback_sources`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "ctrl_worker_rollback_sources")]
pub struct Model {
    /// → `apps.id`.
    #[sea_orm(primary_key, auto_increment = false)]
    pub app_id: String,
    /// → `deployments.id`.
    #[sea_orm(primary_key, auto_increment = false)]
    pub deployment_id: String,
    /// Epoch ms.
    pub created_at: i64,
}

/// No relations: queries join explicitly.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
