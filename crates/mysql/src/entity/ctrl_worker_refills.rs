//! `ctrl_worker_refills`: the last transaction of each running refill, for a step that is repeated.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

/// A row of `ctrl_worker_refills`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "ctrl_worker_refills")]
pub struct Model {
    /// Restate invocation that walks the keys.
    #[sea_orm(primary_key, auto_increment = false)]
    pub invocation_id: String,
    /// The date it refills for, `YYYY-MM-DD`.
    pub day: String,
    /// The key after which its last transaction began; NULL before the first.
    pub after_pk: Option<u64>,
    /// The last key it looked at.
    pub reached_pk: u64,
    /// Keys it refilled.
    pub refilled: u64,
    /// Epoch ms.
    pub updated_at: i64,
}

/// No relations: queries join explicitly.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
