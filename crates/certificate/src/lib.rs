//! `hydra.v1.CertificateService`: obtains and renews TLS certificates at an authority that speaks ACME, HTTP-01 for host
//! names and DNS-01 for the platform's wildcards.
//!
//! Each exchange is a step of its own, so that a crash anywhere goes on with the same order; whatever takes long ends the
//! invocation and goes on by a delayed message to itself. A private key is made and encrypted within one step. Not for
//! proving who owns a domain (crate `custom-domain`) and not for serving certificates: the edge reads the rows.

mod account;
mod authority;
pub mod bootstrap;
mod challenge;
mod due;
mod issue;
mod process_challenge;
mod record;
mod renew_expiring_certificates;
mod renewals;
mod request;
mod round;
mod steps;
mod store;
mod subject;
mod timings;
mod verdict;
mod windows;

use acme::{Acme, KeyAlgorithm};
use certificate_client::CertificateBackend;
use dns::Resolver;
use messages::hydra::v1::{
    ProcessChallengeRequest, ProcessChallengeResponse, RenewExpiringCertificatesRequest,
    RenewExpiringCertificatesResponse,
};
use mysql::Db;
use notify::Heartbeat;
use restate_sdk::context::ObjectContext;
use restate_sdk::errors::HandlerResult;
use route53::Route53;
use vault::Vault;

pub use timings::Timings;

/// What the service is built from.
#[derive(Clone, Debug)]
pub struct Deps {
    /// The database.
    pub db: Db,
    /// The authority; none: no certificates, and nothing is asked of anybody.
    pub acme: Option<Acme>,
    /// Keeper of private keys; none: no certificates.
    pub vault: Option<Vault>,
    /// Where wildcards are proven; none: no wildcards.
    pub route53: Option<Route53>,
    /// For CAA records; none: the authority alone looks at them.
    pub dns: Option<Resolver>,
    /// Called after a sweep.
    pub heartbeat: Heartbeat,
    /// What is ordered, and where.
    pub settings: Settings,
    /// Waiting times.
    pub timings: Timings,
}

/// What is ordered, and where.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// URL of the authority's directory, by which a stored account is known as one of this authority.
    pub directory: String,
    /// Kind of private keys.
    pub key_algorithm: KeyAlgorithm,
    /// What CAA records may call the authority, where its directory does not say so; none: CAA is not looked at then.
    pub caa_issuers: Vec<String>,
    /// Certificate profile, where the authority offers some.
    pub profile: Option<String>,
}

/// The service. The key of an object is a host name, or `global` for the sweep.
#[derive(Clone, Debug)]
pub struct Certificate {
    deps: Deps,
}

impl Certificate {
    /// Works with these.
    pub fn new(deps: Deps) -> Self {
        Self { deps }
    }
}

impl CertificateBackend for Certificate {
    async fn process_challenge<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        req: ProcessChallengeRequest,
    ) -> HandlerResult<ProcessChallengeResponse> {
        process_challenge::handler(&self.deps, ctx, req).await
    }

    async fn renew_expiring_certificates<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        req: RenewExpiringCertificatesRequest,
    ) -> HandlerResult<RenewExpiringCertificatesResponse> {
        renew_expiring_certificates::handler(&self.deps, ctx, req).await
    }
}
