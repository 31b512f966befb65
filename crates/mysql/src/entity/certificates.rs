//! `certificates`: certificates the frontline serves.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

/// A row of `certificates`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "certificates")]
pub struct Model {
    /// Row number; never sent on insert, never shown.
    #[sea_orm(primary_key)]
    pub pk: u64,
    /// `cert_…`; kept on renewal.
    #[sea_orm(unique)]
    pub id: String,
    /// → `workspaces.id`.
    pub workspace_id: String,
    /// Same text as custom_domains.domain.
    #[sea_orm(unique)]
    pub hostname: String,
    /// PEM chain, leaf first.
    pub certificate: String,
    /// Vault ciphertext of the PEM key, keyring = workspace_id.
    pub encrypted_private_key: String,
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
