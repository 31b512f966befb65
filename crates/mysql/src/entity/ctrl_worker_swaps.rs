//! `ctrl_worker_swaps`: the answer of the last change of an app's live deployment, for a step that is repeated.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

/// A row of `ctrl_worker_swaps`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "ctrl_worker_swaps")]
pub struct Model {
    /// → `apps.id`.
    #[sea_orm(primary_key, auto_increment = false)]
    pub app_id: String,
    /// Restate invocation that was answered.
    pub invocation_id: String,
    /// → `deployments.id` the change was about.
    pub deployment_id: String,
    /// JSON.
    pub answer: String,
    /// Epoch ms.
    pub created_at: i64,
}

/// No relations: queries join explicitly.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
