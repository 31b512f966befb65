//! `clusters`: heartbeat of the edge agent of a region.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

/// A row of `clusters`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "clusters")]
pub struct Model {
    /// Row number; never sent on insert, never shown.
    #[sea_orm(primary_key)]
    pub pk: u64,
    /// `cls_…`.
    #[sea_orm(unique)]
    pub id: String,
    /// → `regions.id`.
    #[sea_orm(unique)]
    pub region_id: String,
    /// Epoch ms.
    pub last_heartbeat_at: u64,
}

super::by_id!();

/// No relations: the schema has no foreign keys, queries join explicitly.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
