//! `regions`: where deployments run. Written by the heartbeat of edge agents.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

/// A row of `regions`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "regions")]
pub struct Model {
    /// Row number; never sent on insert, never shown.
    #[sea_orm(primary_key)]
    pub pk: u64,
    /// `rgn_…`; key of the version counter.
    #[sea_orm(unique)]
    pub id: String,
    /// E.g. `us-east-1`, `local`.
    pub name: String,
    /// E.g. `aws`, `dev`.
    pub platform: String,
    /// 0 = skipped for new deployments.
    pub can_schedule: bool,
}

super::by_id!();

/// No relations: the schema has no foreign keys, queries join explicitly.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
