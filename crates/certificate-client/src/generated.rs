//! Contract of one service. Written from `proto/` by `cargo xtask codegen`; do not edit.

// The SDK's macro leaves its own items without documentation.
#![allow(missing_docs)]

use messages::contract::{Handler, HandlerKind};
use restate_sdk::prelude::*;
use std::future::Future;

/// The service's name, as in a URL.
pub const SERVICE: &str = "hydra.v1.CertificateService";

/// Its handlers, in the order of the .proto.
pub const HANDLERS: &[Handler] = &[
    Handler {
        name: "ProcessChallenge",
        kind: HandlerKind::Exclusive,
        private: false,
    },
    Handler {
        name: "RenewExpiringCertificates",
        kind: HandlerKind::Exclusive,
        private: false,
    },
];

/// Obtains and renews certificates. Key: the host name, or `global` for the renewal.
pub trait CertificateBackend: Send + Sync + 'static {
    /// Obtains the certificate of one host name.
    fn process_challenge<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        req: messages::hydra::v1::ProcessChallengeRequest,
    ) -> impl Future<Output = HandlerResult<messages::hydra::v1::ProcessChallengeResponse>> + Send + 'a;
    /// Starts the renewal of every certificate that is due.
    fn renew_expiring_certificates<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        req: messages::hydra::v1::RenewExpiringCertificatesRequest,
    ) -> impl Future<Output = HandlerResult<messages::hydra::v1::RenewExpiringCertificatesResponse>>
    + Send
    + 'a;
}

/// What Restate hosts: forwards every handler to a backend.
pub struct CertificateService<B>(pub B);

/// Obtains and renews certificates. Key: the host name, or `global` for the renewal.
#[restate_sdk::object(name = "hydra.v1.CertificateService")]
impl<B: CertificateBackend> CertificateService<B> {
    /// Obtains the certificate of one host name.
    #[handler(name = "ProcessChallenge")]
    async fn process_challenge<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        req: messages::hydra::v1::ProcessChallengeRequest,
    ) -> HandlerResult<messages::hydra::v1::ProcessChallengeResponse> {
        self.0.process_challenge(ctx, req).await
    }
    /// Starts the renewal of every certificate that is due.
    #[handler(name = "RenewExpiringCertificates")]
    async fn renew_expiring_certificates<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        req: messages::hydra::v1::RenewExpiringCertificatesRequest,
    ) -> HandlerResult<messages::hydra::v1::RenewExpiringCertificatesResponse> {
        self.0.renew_expiring_certificates(ctx, req).await
    }
}

/// Names the clients without an implementation; has no value.
pub enum Contract {}

impl CertificateBackend for Contract {
    async fn process_challenge<'a>(
        &'a self,
        _: ObjectContext<'a>,
        _: messages::hydra::v1::ProcessChallengeRequest,
    ) -> HandlerResult<messages::hydra::v1::ProcessChallengeResponse> {
        match *self {}
    }
    async fn renew_expiring_certificates<'a>(
        &'a self,
        _: ObjectContext<'a>,
        _: messages::hydra::v1::RenewExpiringCertificatesRequest,
    ) -> HandlerResult<messages::hydra::v1::RenewExpiringCertificatesResponse> {
        match *self {}
    }
}

/// Calls the service from a handler.
pub type CertificateClient<'ctx> = CertificateServiceClient<'ctx, Contract>;

/// Calls the service through Restate's ingress.
pub type CertificateIngress<E> = CertificateServiceIngressClient<Contract, E>;
