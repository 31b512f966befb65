//! `ctrl_worker_region_counters`: the counter that topology, sentinel and policy rows of a region take their version from. Read and moved by `mysql::counter` alone.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

/// A row of `ctrl_worker_region_counters`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "ctrl_worker_region_counters")]
pub struct Model {
    /// → `regions.id`; compared byte-wise.
    #[sea_orm(primary_key, auto_increment = false)]
    pub region_id: String,
    /// Last version handed out.
    pub v: u64,
    /// Who drew last through `counter::draw`.
    pub draw_nonce: Option<String>,
    /// The version that draw was given, so that repeating it gives the same.
    pub draw_v: Option<u64>,
}

/// No relations: queries join explicitly.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
