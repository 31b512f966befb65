//! `app_runtime_settings`: how an app runs, per environment; copied into a deployment when that is created.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use super::Strings;

/// A row of `app_runtime_settings`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "app_runtime_settings")]
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
    /// Container port; created as 0 by the control API.
    pub port: i32,
    /// Created as 0 by the control API.
    pub cpu_millicores: i32,
    /// Created as 0 by the control API.
    pub memory_mib: i32,
    /// JSON array of strings.
    pub command: Strings,
    /// JSON object or NULL.
    pub healthcheck: Option<Json>,
    pub shutdown_signal: ShutdownSignal,
    /// JSON bytes of the sentinel policy config.
    pub sentinel_config: Vec<u8>,
    /// NULL or empty = no scraping.
    pub openapi_spec_path: Option<String>,
    /// Epoch ms, set by the writer.
    pub created_at: i64,
    /// Epoch ms of the last update; NULL = never updated.
    pub updated_at: Option<i64>,
}

super::column_enum! {
    /// Values of `app_runtime_settings.shutdown_signal`.
    ShutdownSignal {
        Sigterm = "SIGTERM",
        Sigint = "SIGINT",
        Sigquit = "SIGQUIT",
        Sigkill = "SIGKILL",
    }
}

/// No relations: the schema has no foreign keys, queries join explicitly.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
