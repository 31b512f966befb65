//! `custom_domains`: host names customers brought, and wildcard names of the platform.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

/// A row of `custom_domains`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "custom_domains")]
pub struct Model {
    /// Row number; never sent on insert, never shown.
    #[sea_orm(primary_key)]
    pub pk: u64,
    /// `dom_…`; also the Restate key of the verification object.
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
    /// Host name, or `*.host` for platform wildcards.
    pub domain: String,
    /// Customer domains HTTP-01, platform wildcards DNS-01.
    pub challenge_type: ChallengeType,
    pub verification_status: VerificationStatus,
    /// 24 chars; TXT value at `_unkey.<domain>` is `unkey-domain-verify=<token>`.
    pub verification_token: String,
    /// TXT seen.
    pub ownership_verified: bool,
    /// CNAME seen.
    pub cname_verified: bool,
    /// `<16-char DNS-1035>.<cname domain>`.
    #[sea_orm(unique)]
    pub target_cname: String,
    /// Epoch ms.
    pub last_checked_at: Option<i64>,
    pub check_attempts: i32,
    pub verification_error: Option<String>,
    pub domain_connect_provider: Option<String>,
    pub domain_connect_url: Option<String>,
    /// Restate invocation of the running verification.
    pub invocation_id: Option<String>,
    /// Epoch ms, set by the writer.
    pub created_at: i64,
    /// Epoch ms of the last update; NULL = never updated.
    pub updated_at: Option<i64>,
}

super::column_enum! {
    /// Values of `custom_domains.challenge_type`.
    ChallengeType {
        Http01 = "HTTP-01",
        Dns01 = "DNS-01",
    }
}

super::column_enum! {
    /// Values of `custom_domains.verification_status`.
    VerificationStatus {
        Pending = "pending",
        Verifying = "verifying",
        Verified = "verified",
        Failed = "failed",
    }
}

super::by_id!();

/// No relations: the schema has no foreign keys, queries join explicitly.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
