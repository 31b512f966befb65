//! `horizontal_autoscaling_policies`: replica bounds a regional setting may point to.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

/// A row of `horizontal_autoscaling_policies`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "horizontal_autoscaling_policies")]
pub struct Model {
    /// Row number; never sent on insert, never shown.
    #[sea_orm(primary_key)]
    pub pk: u64,
    /// `asp_…` (dashboard).
    #[sea_orm(unique)]
    pub id: String,
    /// → `workspaces.id`.
    pub workspace_id: String,
    pub replicas_min: i32,
    pub replicas_max: i32,
    /// Percent; NULL = unused.
    pub memory_threshold: Option<i8>,
    /// Percent; NULL = unused.
    pub cpu_threshold: Option<i8>,
    /// Not read by the worker.
    pub rps_threshold: Option<i8>,
    /// Epoch ms, set by the writer.
    pub created_at: i64,
    /// Epoch ms of the last update; NULL = never updated.
    pub updated_at: Option<i64>,
}

super::by_id!();

/// No relations: the schema has no foreign keys, queries join explicitly.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
