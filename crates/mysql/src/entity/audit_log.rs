//! `audit_log`: audit entries.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

/// A row of `audit_log`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "audit_log")]
pub struct Model {
    /// Row number; never sent on insert, never shown.
    #[sea_orm(primary_key)]
    pub pk: u64,
    /// `log_` + 24 (refill job) or + 8 (Go API).
    #[sea_orm(unique)]
    pub id: String,
    /// → `workspaces.id`.
    pub workspace_id: String,
    /// Logical bucket name.
    pub bucket: String,
    /// Refill job: workspace id; Go API writes the literal `dummy`.
    pub bucket_id: String,
    /// E.g. `key.update`.
    pub event: String,
    /// Epoch ms of the event.
    pub time: i64,
    /// Human sentence.
    pub display: String,
    pub remote_ip: Option<String>,
    pub user_agent: Option<String>,
    /// E.g. `system`, `user`, `key`.
    pub actor_type: String,
    pub actor_id: String,
    pub actor_name: Option<String>,
    /// JSON.
    pub actor_meta: Option<Json>,
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
