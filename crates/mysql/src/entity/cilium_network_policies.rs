//! `cilium_network_policies`: network policies the edge agent of a region applies.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

/// A row of `cilium_network_policies`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "cilium_network_policies")]
pub struct Model {
    /// Row number; never sent on insert, never shown.
    #[sea_orm(primary_key)]
    pub pk: u64,
    /// `net_…`; also written into the policy label `unkey.com/networkpolicy.id`.
    #[sea_orm(unique)]
    pub id: String,
    /// → `workspaces.id`.
    pub workspace_id: String,
    /// → `projects.id`.
    pub project_id: String,
    /// → `apps.id`.
    pub app_id: String,
    /// → `environments.id`.
    pub environment_id: String,
    /// → `deployments.id`.
    pub deployment_id: String,
    /// `sentinel-ingress-to-<deployment k8s_name>` or `sentinel-egress-to-<…>`.
    pub k8s_name: String,
    /// Workspace namespace (ingress) or `sentinel` (egress).
    pub k8s_namespace: String,
    /// → `regions.id`.
    pub region_id: String,
    /// Full CiliumNetworkPolicy object.
    pub policy: Json,
    /// Per-region counter value.
    pub version: u64,
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
