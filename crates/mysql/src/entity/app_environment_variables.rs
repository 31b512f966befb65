//! `app_environment_variables`: variables of an app, encrypted by the vault.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

/// A row of `app_environment_variables`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "app_environment_variables")]
pub struct Model {
    /// Row number; never sent on insert, never shown.
    #[sea_orm(primary_key)]
    pub pk: u64,
    /// `evr_…` (dashboard).
    #[sea_orm(unique)]
    pub id: String,
    /// → `workspaces.id`.
    pub workspace_id: String,
    /// → `apps.id`.
    pub app_id: String,
    /// → `environments.id`.
    pub environment_id: String,
    /// Name of the variable.
    pub key: String,
    /// Vault ciphertext, keyring = environment id.
    pub value: String,
    /// Whether the dashboard may show it again.
    pub r#type: VariableType,
    pub description: Option<String>,
    /// NULL and 0 both mean unprotected; the worker never reads it.
    pub delete_protection: Option<bool>,
    /// Epoch ms, set by the writer.
    pub created_at: i64,
    /// Epoch ms of the last update; NULL = never updated.
    pub updated_at: Option<i64>,
}

super::column_enum! {
    /// Values of `app_environment_variables.type`.
    VariableType {
        Recoverable = "recoverable",
        Writeonly = "writeonly",
    }
}

super::by_id!();

/// No relations: the schema has no foreign keys, queries join explicitly.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
