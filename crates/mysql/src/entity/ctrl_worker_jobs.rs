//! `ctrl_worker_jobs`: how each periodic job stands, for metrics and for people with SQL. A copy: the truth is the
//! job's object in Restate, which writes its row anew whenever it changes and every few minutes.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

/// A row of `ctrl_worker_jobs`. Times are epoch ms.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "ctrl_worker_jobs")]
pub struct Model {
    /// `key-refill`, ….
    #[sea_orm(primary_key, auto_increment = false)]
    pub job: String,
    /// Its schedule runs: it is neither off nor paused.
    pub active: bool,
    pub paused: bool,
    /// When its schedule was turned on.
    pub armed_at: Option<i64>,
    /// The last window that is done with.
    pub done_until: Option<i64>,
    pub next_at: Option<i64>,
    /// Since when the work that runs now was due.
    pub unfinished_since: Option<i64>,
    pub started_at: Option<i64>,
    pub finished_at: Option<i64>,
    /// `succeeded`, `failed`, `cancelled`, `lost`.
    pub outcome: Option<String>,
    pub items: i64,
    pub error: Option<String>,
    pub last_success_at: Option<i64>,
    pub updated_at: i64,
}

/// No relations: queries join explicitly.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
