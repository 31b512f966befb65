//! `clickhouse_workspace_settings`: the ClickHouse user of a workspace.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

/// A row of `clickhouse_workspace_settings`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "clickhouse_workspace_settings")]
pub struct Model {
    /// Row number; never sent on insert, never shown.
    #[sea_orm(primary_key)]
    pub pk: u64,
    /// → `workspaces.id`.
    #[sea_orm(unique)]
    pub workspace_id: String,
    /// Equals the workspace id.
    #[sea_orm(unique)]
    pub username: String,
    /// Vault ciphertext, keyring = workspace id.
    pub password_encrypted: String,
    /// Window of the ClickHouse quota.
    pub quota_duration_seconds: i32,
    pub max_queries_per_window: i32,
    pub max_execution_time_per_window: i32,
    pub max_query_execution_time: i32,
    pub max_query_memory_bytes: i64,
    /// DB default is 10 000, but the worker writes 10 000 000 when the request leaves it open.
    pub max_query_result_rows: i32,
    /// Epoch ms, set by the writer.
    pub created_at: i64,
    /// Epoch ms of the last update; NULL = never updated.
    pub updated_at: Option<i64>,
}

/// No relations: the schema has no foreign keys, queries join explicitly.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
