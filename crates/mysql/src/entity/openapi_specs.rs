//! `openapi_specs`: API description served by a deployment.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

/// A row of `openapi_specs`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "openapi_specs")]
pub struct Model {
    /// Row number; never sent on insert, never shown.
    #[sea_orm(primary_key)]
    pub pk: u64,
    /// `oas_…`.
    #[sea_orm(unique)]
    pub id: String,
    /// → `workspaces.id`.
    pub workspace_id: String,
    /// NULL when the row belongs to a portal.
    pub deployment_id: Option<String>,
    /// NULL when the row belongs to a deployment.
    pub portal_config_id: Option<String>,
    /// Raw bytes as served by the app.
    pub content: Vec<u8>,
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
