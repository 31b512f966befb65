//! `workspaces`: a customer: owner of projects, keys and quota.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

/// A row of `workspaces`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "workspaces")]
pub struct Model {
    /// Row number; never sent on insert, never shown.
    #[sea_orm(primary_key)]
    pub pk: u64,
    /// `ws_…`.
    #[sea_orm(unique)]
    pub id: String,
    /// Tenant id at the auth provider.
    #[sea_orm(unique)]
    pub org_id: String,
    pub name: String,
    /// Used in URLs and in every generated domain name.
    #[sea_orm(unique)]
    pub slug: String,
    /// Tenant namespace; 8-char DNS-1035 label; NULL until first needed, then never changed.
    #[sea_orm(unique)]
    pub k8s_namespace: Option<String>,
    /// Plan label shown in quota alerts.
    pub tier: Option<String>,
    pub stripe_customer_id: Option<String>,
    pub stripe_subscription_id: Option<String>,
    /// JSON object of feature flags.
    pub beta_features: Json,
    /// JSON, deprecated.
    pub subscriptions: Option<Json>,
    /// 0 = all API requests of the workspace are rejected; quota check skips it.
    pub enabled: bool,
    /// NULL and 0 both mean unprotected; the worker never reads it.
    pub delete_protection: Option<bool>,
    /// Epoch ms, set by the writer.
    pub created_at_m: i64,
    /// Epoch ms of the last update; NULL = never.
    pub updated_at_m: Option<i64>,
    /// Epoch ms of the soft delete; NULL = live row.
    pub deleted_at_m: Option<i64>,
}

super::by_id!();

/// No relations: the schema has no foreign keys, queries join explicitly.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
