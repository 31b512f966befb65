//! `hydra.v1.CustomDomainService`: proves that a customer controls a host name, takes it from whoever held it before,
//! routes it, and asks for its certificate.
//!
//! A verification is a *window* of checks, one a minute for up to a day. Each check is an invocation of its own, so the
//! object is free between two of them; the window's nonce in the object's state says which check may still act. What
//! holds across keys is decided under the locks of all rows of the host name. Not for issuing certificates, and not
//! the writer of routes: both are asked of their services.

mod check;
mod decide;
mod evidence;
mod look;
mod mark_verified;
mod pass;
mod resolve;
mod retry_verification;
mod rows;
mod rules;
mod saw;
mod steps;
pub mod sweep;
mod timings;
mod verify_domain;
mod window;
mod writes;

use custom_domain_client::CustomDomainBackend;
use messages::hydra::v1::{
    CheckDomainRequest, CheckDomainResponse, RetryVerificationRequest, RetryVerificationResponse,
    VerifyDomainRequest, VerifyDomainResponse,
};
use mysql::Db;
use restate_sdk::context::ObjectContext;
use restate_sdk::errors::HandlerResult;

pub use timings::Timings;

/// What the service works with.
#[derive(Clone, Debug)]
pub struct Deps {
    /// The database.
    pub db: Db,
    /// Asks the DNS.
    pub resolver: dns::Resolver,
    /// What the platform calls its own.
    pub settings: Settings,
    /// Waiting times.
    pub timings: Timings,
}

/// What the platform calls its own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// Domains of the platform; no customer brings a name at or below one of them. Empty entries count for nothing.
    pub own_domains: Vec<String>,
    /// What a customer's CAA records may call the certificate authority, such as `letsencrypt.org`; none: CAA is not
    /// looked at.
    pub caa_issuers: Vec<String>,
}

/// The service. The key of an object is the id of a row of `custom_domains`, or a host name.
#[derive(Clone, Debug)]
pub struct CustomDomain {
    deps: Deps,
}

impl CustomDomain {
    /// Verifies with these.
    pub fn new(deps: Deps) -> Self {
        Self { deps }
    }
}

impl CustomDomainBackend for CustomDomain {
    async fn verify_domain<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        _: VerifyDomainRequest,
    ) -> HandlerResult<VerifyDomainResponse> {
        verify_domain::handler(&self.deps, ctx).await
    }

    async fn retry_verification<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        _: RetryVerificationRequest,
    ) -> HandlerResult<RetryVerificationResponse> {
        retry_verification::handler(&self.deps, ctx).await
    }

    async fn check<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        req: CheckDomainRequest,
    ) -> HandlerResult<CheckDomainResponse> {
        check::handler(&self.deps, ctx, req).await
    }
}
