//! `projects`: a group of apps inside a workspace.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

/// A row of `projects`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "projects")]
pub struct Model {
    /// Row number; never sent on insert, never shown.
    #[sea_orm(primary_key)]
    pub pk: u64,
    /// `proj_…`.
    #[sea_orm(unique)]
    pub id: String,
    /// → `workspaces.id`.
    pub workspace_id: String,
    pub name: String,
    /// Unique per workspace; part of domain names.
    pub slug: String,
    /// Build-provider project, filled lazily by the worker on the first git build; empty string = not set.
    pub depot_project_id: Option<String>,
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
