//! `github_repo_connections`: which repository feeds an app.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

/// A row of `github_repo_connections`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "github_repo_connections")]
pub struct Model {
    /// Row number; never sent on insert, never shown.
    #[sea_orm(primary_key)]
    pub pk: u64,
    /// → `projects.id`.
    pub project_id: String,
    /// → `apps.id`; one repository per app.
    #[sea_orm(unique)]
    pub app_id: String,
    /// GitHub App installation.
    pub installation_id: i64,
    /// Numeric id at GitHub.
    pub repository_id: i64,
    /// `owner/repo`.
    pub repository_full_name: String,
    /// Epoch ms, set by the writer.
    pub created_at: i64,
    /// Epoch ms of the last update; NULL = never updated.
    pub updated_at: Option<i64>,
}

/// No relations: the schema has no foreign keys, queries join explicitly.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
