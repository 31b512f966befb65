//! `ctrl_worker_waits`: invocations that wait for instances of a deployment, and the awakeable that wakes them.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

/// A row of `ctrl_worker_waits`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "ctrl_worker_waits")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub invocation_id: String,
    /// → `deployments.id`.
    pub deployment_id: String,
    pub awakeable_id: String,
    /// Epoch ms.
    pub deadline_at: i64,
    /// Epoch ms.
    pub created_at: i64,
}

/// No relations: queries join explicitly.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
