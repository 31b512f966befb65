//! `apps`: something that is deployed. Its row carries which deployment is live and is the lock for changing that.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

/// A row of `apps`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "apps")]
pub struct Model {
    /// Row number; never sent on insert, never shown.
    #[sea_orm(primary_key)]
    pub pk: u64,
    /// `app_…`.
    #[sea_orm(unique)]
    pub id: String,
    /// → `workspaces.id`.
    pub workspace_id: String,
    /// → `projects.id`.
    pub project_id: String,
    pub name: String,
    /// Unique per project; the first app is `default`.
    pub slug: String,
    /// Decides production vs preview for a push; '' is treated as `main`.
    pub default_branch: String,
    /// → `deployments.id` currently live (production); NULL = none yet.
    pub current_deployment_id: Option<String>,
    /// 1 = live routes are frozen until a promote.
    pub is_rolled_back: bool,
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
