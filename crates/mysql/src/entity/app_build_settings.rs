//! `app_build_settings`: how a push of an app is built, per environment.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use super::Strings;

/// A row of `app_build_settings`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "app_build_settings")]
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
    /// Path inside the context; empty = `Dockerfile`.
    pub dockerfile: String,
    /// Sub-directory; `.` or empty = repository root.
    pub docker_context: String,
    /// JSON array of globs; empty = every push builds.
    pub watch_paths: Strings,
    /// Epoch ms, set by the writer.
    pub created_at: i64,
    /// Epoch ms of the last update; NULL = never updated.
    pub updated_at: Option<i64>,
}

/// No relations: the schema has no foreign keys, queries join explicitly.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
