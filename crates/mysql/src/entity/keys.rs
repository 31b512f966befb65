//! `keys`: API keys. The worker touches only refill and last use.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};
use time::PrimitiveDateTime;

/// A row of `keys`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "keys")]
pub struct Model {
    /// Row number; never sent on insert, never shown.
    #[sea_orm(primary_key)]
    pub pk: u64,
    /// `key_…`.
    #[sea_orm(unique)]
    pub id: String,
    /// → `key_auth.id` (key space).
    pub key_auth_id: String,
    /// SHA-256 of the key (base64).
    #[sea_orm(unique)]
    pub hash: String,
    /// First characters, for display.
    pub start: String,
    /// → `workspaces.id`.
    pub workspace_id: String,
    /// Set on root keys: the workspace the key acts for.
    pub for_workspace_id: Option<String>,
    pub name: Option<String>,
    /// Legacy.
    pub owner_id: Option<String>,
    /// → `identities.id`.
    pub identity_id: Option<String>,
    /// Free JSON as text (not a JSON column).
    pub meta: Option<String>,
    /// UTC.
    pub expires: Option<PrimitiveDateTime>,
    /// Epoch ms, set by the writer.
    pub created_at_m: i64,
    /// Epoch ms of the last update; NULL = never.
    pub updated_at_m: Option<i64>,
    /// Epoch ms of the soft delete; NULL = live row.
    pub deleted_at_m: Option<i64>,
    /// Day of month 1–31; NULL = refill daily.
    pub refill_day: Option<i8>,
    /// NULL = key has no refill.
    pub refill_amount: Option<i32>,
    /// UTC, written by the refill job with the DB clock.
    pub last_refill_at: Option<PrimitiveDateTime>,
    pub enabled: bool,
    /// NULL = unlimited.
    pub remaining_requests: Option<i32>,
    /// Legacy.
    pub environment: Option<String>,
    /// Epoch ms truncated to the minute; 0 = never.
    pub last_used_at: u64,
    /// → `key_migrations.id`.
    pub pending_migration_id: Option<String>,
}

super::by_id!();

/// No relations: the schema has no foreign keys, queries join explicitly.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
