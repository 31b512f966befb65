//! `frontline_routes`: which deployment a host name leads to.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

/// A row of `frontline_routes`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "frontline_routes")]
pub struct Model {
    /// Row number; never sent on insert, never shown.
    #[sea_orm(primary_key)]
    pub pk: u64,
    /// `flr_…`.
    #[sea_orm(unique)]
    pub id: String,
    /// → `projects.id`.
    pub project_id: String,
    /// → `apps.id`.
    pub app_id: String,
    /// → `deployments.id`; '' = no deployment yet (custom domain verified before the first deploy).
    pub deployment_id: String,
    /// → `environments.id`.
    pub environment_id: String,
    /// Can contain upper-case letters.
    #[sea_orm(unique)]
    pub fully_qualified_domain_name: String,
    /// Which rule moves the route.
    pub sticky: Sticky,
    /// Epoch ms, set by the writer.
    pub created_at: i64,
    /// Epoch ms of the last update; NULL = never updated.
    pub updated_at: Option<i64>,
}

super::column_enum! {
    /// Values of `frontline_routes.sticky`.
    Sticky {
        None = "none",
        Branch = "branch",
        Environment = "environment",
        Live = "live",
        Deployment = "deployment",
    }
}

super::by_id!();

/// No relations: the schema has no foreign keys, queries join explicitly.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
