//! `ctrl_worker_builds`: builds at the builder, and how they are to end there.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

/// A row of `ctrl_worker_builds`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "ctrl_worker_builds")]
pub struct Model {
    /// → `deployments.id`.
    #[sea_orm(primary_key, auto_increment = false)]
    pub deployment_id: String,
    /// The builder's id.
    pub build_id: String,
    /// The build's own token, sealed; empty where the builder gives none.
    #[sea_orm(column_type = "Text")]
    pub sealed_token: String,
    /// Epoch ms.
    pub deadline_at: i64,
    /// `success`, `failed` or `canceled`, once decided; not changed afterwards.
    pub outcome: Option<String>,
    /// Of a failed one.
    #[sea_orm(column_type = "Text", nullable)]
    pub reason: Option<String>,
    /// Epoch ms.
    pub created_at: i64,
    /// Epoch ms; when the builder was told.
    pub finished_at: Option<i64>,
}

/// No relations: queries join explicitly.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
