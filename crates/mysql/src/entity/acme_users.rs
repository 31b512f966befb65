//! `acme_users`: the account at the certificate authority.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

/// A row of `acme_users`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "acme_users")]
pub struct Model {
    /// Row number; never sent on insert, never shown.
    #[sea_orm(primary_key)]
    pub pk: u64,
    /// `acme_…`.
    #[sea_orm(unique)]
    pub id: String,
    /// The literal `acme` (one shared account), not a workspace.
    pub workspace_id: String,
    /// Vault ciphertext of the EC P-256 account key (PEM), keyring = workspace_id value.
    pub encrypted_key: String,
    /// Account URL; NULL or empty = registration not finished.
    pub registration_uri: Option<String>,
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
