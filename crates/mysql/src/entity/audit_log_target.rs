//! `audit_log_target`: what an audit entry is about.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

/// A row of `audit_log_target`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "audit_log_target")]
pub struct Model {
    /// Row number; never sent on insert, never shown.
    #[sea_orm(primary_key)]
    pub pk: u64,
    /// → `workspaces.id`.
    pub workspace_id: String,
    /// As in audit_log.
    pub bucket_id: String,
    pub bucket: String,
    /// → `audit_log.id`.
    pub audit_log_id: String,
    pub display_name: String,
    /// E.g. `key`, `workspace`.
    pub r#type: String,
    /// Id of the touched resource (not unique in the table).
    pub id: String,
    pub name: Option<String>,
    /// JSON.
    pub meta: Option<Json>,
    /// Epoch ms, set by the writer.
    pub created_at: i64,
    /// Epoch ms of the last update; NULL = never updated.
    pub updated_at: Option<i64>,
}

/// No relations: the schema has no foreign keys, queries join explicitly.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
