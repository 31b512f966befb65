//! `acme_challenges`: state of the certificate of a custom domain.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

/// A row of `acme_challenges`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "acme_challenges")]
pub struct Model {
    /// Row number; never sent on insert, never shown.
    #[sea_orm(primary_key)]
    pub pk: u64,
    /// → `custom_domains.id`; one row per domain.
    #[sea_orm(unique)]
    pub domain_id: String,
    /// → `workspaces.id`.
    pub workspace_id: String,
    /// ACME token; '' until the CA issued one.
    pub token: String,
    pub challenge_type: ChallengeType,
    /// Key authorization; ''= not issued.
    pub authorization: String,
    /// Waiting → pending → verified or failed.
    pub status: Status,
    /// Epoch ms of certificate expiry once verified; before: creation + 30 days, or 0 for platform wildcards.
    pub expires_at: i64,
    /// Epoch ms, set by the writer.
    pub created_at: i64,
    /// Epoch ms of the last update; NULL = never updated.
    pub updated_at: Option<i64>,
}

super::column_enum! {
    /// Values of `acme_challenges.challenge_type`.
    ChallengeType {
        Http01 = "HTTP-01",
        Dns01 = "DNS-01",
    }
}

super::column_enum! {
    /// Values of `acme_challenges.status`.
    Status {
        Waiting = "waiting",
        Pending = "pending",
        Verified = "verified",
        Failed = "failed",
    }
}

/// No relations: the schema has no foreign keys, queries join explicitly.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
