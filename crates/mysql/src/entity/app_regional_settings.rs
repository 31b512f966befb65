//! `app_regional_settings`: regions an app is deployed to, per environment.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

/// A row of `app_regional_settings`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "app_regional_settings")]
pub struct Model {
    /// Row number; never sent on insert, never shown.
    #[sea_orm(primary_key)]
    pub pk: u64,
    /// → `workspaces.id`.
    pub workspace_id: String,
    /// → `apps.id`.
    pub app_id: String,
    /// → `environments.id`.
    pub environment_id: String,
    /// → `regions.id`; the row means "deploy here".
    pub region_id: String,
    /// Not read by the worker.
    pub replicas: i32,
    /// → `horizontal_autoscaling_policies.id`; NULL = min 1 / max 1.
    pub horizontal_autoscaling_policy_id: Option<String>,
    /// Epoch ms, set by the writer.
    pub created_at: i64,
    /// Epoch ms of the last update; NULL = never updated.
    pub updated_at: Option<i64>,
}

/// No relations: the schema has no foreign keys, queries join explicitly.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
