//! Contract of one service. Written from `proto/` by `cargo xtask codegen`; do not edit.

// The SDK's macro leaves its own items without documentation.
#![allow(missing_docs)]

use messages::contract::{Handler, HandlerKind};
use restate_sdk::prelude::*;
use std::future::Future;

/// The service's name, as in a URL.
pub const SERVICE: &str = "hydra.v1.CustomDomainService";

/// Its handlers, in the order of the .proto.
pub const HANDLERS: &[Handler] = &[
    Handler {
        name: "VerifyDomain",
        kind: HandlerKind::Exclusive,
        private: false,
    },
    Handler {
        name: "RetryVerification",
        kind: HandlerKind::Exclusive,
        private: false,
    },
    Handler {
        name: "Check",
        kind: HandlerKind::Exclusive,
        private: true,
    },
];

/// Proves who owns a custom domain and routes it. Key: id of a `custom_domains` row, or a host name.
pub trait CustomDomainBackend: Send + Sync + 'static {
    /// Starts a new window of checks.
    fn verify_domain<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        req: messages::hydra::v1::VerifyDomainRequest,
    ) -> impl Future<Output = HandlerResult<messages::hydra::v1::VerifyDomainResponse>> + Send + 'a;
    /// Resets the row, then starts a new window of checks.
    fn retry_verification<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        req: messages::hydra::v1::RetryVerificationRequest,
    ) -> impl Future<Output = HandlerResult<messages::hydra::v1::RetryVerificationResponse>> + Send + 'a;
    /// One check, sent by the service to itself; acts only with the nonce of the newest window.
    fn check<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        req: messages::hydra::v1::CheckDomainRequest,
    ) -> impl Future<Output = HandlerResult<messages::hydra::v1::CheckDomainResponse>> + Send + 'a;
}

/// What Restate hosts: forwards every handler to a backend.
pub struct CustomDomainService<B>(pub B);

/// Proves who owns a custom domain and routes it. Key: id of a `custom_domains` row, or a host name.
#[restate_sdk::object(name = "hydra.v1.CustomDomainService")]
impl<B: CustomDomainBackend> CustomDomainService<B> {
    /// Starts a new window of checks.
    #[handler(name = "VerifyDomain")]
    async fn verify_domain<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        req: messages::hydra::v1::VerifyDomainRequest,
    ) -> HandlerResult<messages::hydra::v1::VerifyDomainResponse> {
        self.0.verify_domain(ctx, req).await
    }
    /// Resets the row, then starts a new window of checks.
    #[handler(name = "RetryVerification")]
    async fn retry_verification<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        req: messages::hydra::v1::RetryVerificationRequest,
    ) -> HandlerResult<messages::hydra::v1::RetryVerificationResponse> {
        self.0.retry_verification(ctx, req).await
    }
    /// One check, sent by the service to itself; acts only with the nonce of the newest window.
    #[handler(name = "Check", ingress_private)]
    async fn check<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        req: messages::hydra::v1::CheckDomainRequest,
    ) -> HandlerResult<messages::hydra::v1::CheckDomainResponse> {
        self.0.check(ctx, req).await
    }
}

/// Names the clients without an implementation; has no value.
pub enum Contract {}

impl CustomDomainBackend for Contract {
    async fn verify_domain<'a>(
        &'a self,
        _: ObjectContext<'a>,
        _: messages::hydra::v1::VerifyDomainRequest,
    ) -> HandlerResult<messages::hydra::v1::VerifyDomainResponse> {
        match *self {}
    }
    async fn retry_verification<'a>(
        &'a self,
        _: ObjectContext<'a>,
        _: messages::hydra::v1::RetryVerificationRequest,
    ) -> HandlerResult<messages::hydra::v1::RetryVerificationResponse> {
        match *self {}
    }
    async fn check<'a>(
        &'a self,
        _: ObjectContext<'a>,
        _: messages::hydra::v1::CheckDomainRequest,
    ) -> HandlerResult<messages::hydra::v1::CheckDomainResponse> {
        match *self {}
    }
}

/// Calls the service from a handler.
pub type CustomDomainClient<'ctx> = CustomDomainServiceClient<'ctx, Contract>;

/// Calls the service through Restate's ingress.
pub type CustomDomainIngress<E> = CustomDomainServiceIngressClient<Contract, E>;
