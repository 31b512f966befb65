//! `ctrl_worker_renewals`: when the certificate of a host name is to be obtained or renewed next, and why.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

/// A row of `ctrl_worker_renewals`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "ctrl_worker_renewals")]
pub struct Model {
    /// As in `custom_domains.domain`.
    #[sea_orm(primary_key, auto_increment = false)]
    pub hostname: String,
    /// → `custom_domains.id`.
    pub domain_id: String,
    /// → `workspaces.id`; copied from the domain's row.
    pub workspace_id: String,
    /// `custom_domains.created_at`: the order in which due ones are started.
    pub domain_created_at: i64,
    /// Epoch ms from which on the sweep starts it.
    pub renew_at: i64,
    /// Where `renew_at` comes from: `waiting`, `pending`, `failed`, `lifetime`, `ari`, `widened`, `asked`, `adopted`.
    pub reason: String,
    /// Epoch ms of the stored certificate's end; 0 = there is none.
    pub expires_at: i64,
    /// Epoch ms of the last answer about the suggested window; NULL = never asked.
    pub ari_checked_at: Option<i64>,
    /// Epoch ms from which on the authority may be asked for the window again.
    pub ari_next_at: i64,
    /// Failed attempts since the last certificate.
    pub failures: i32,
    /// Epoch ms.
    pub updated_at: i64,
}

/// No relations: queries join explicitly.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
