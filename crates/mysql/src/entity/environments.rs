//! `environments`: `production` or `preview` of an app.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

/// A row of `environments`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "environments")]
pub struct Model {
    /// Row number; never sent on insert, never shown.
    #[sea_orm(primary_key)]
    pub pk: u64,
    /// `env_…`.
    #[sea_orm(unique)]
    pub id: String,
    /// → `workspaces.id`.
    pub workspace_id: String,
    /// → `projects.id`.
    pub project_id: String,
    /// → `apps.id`.
    pub app_id: String,
    /// `production` or `preview` (literal values drive behaviour).
    pub slug: String,
    pub description: String,
    /// NULL and 0 both mean unprotected; the worker never reads it.
    pub delete_protection: Option<bool>,
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
