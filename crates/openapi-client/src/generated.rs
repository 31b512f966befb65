//! Contract of one service. Written from `proto/` by `cargo xtask codegen`; do not edit.

// The SDK's macro leaves its own items without documentation.
#![allow(missing_docs)]

use messages::contract::{Handler, HandlerKind};
use restate_sdk::prelude::*;
use std::future::Future;

/// The service's name, as in a URL.
pub const SERVICE: &str = "hydra.v1.OpenapiService";

/// Its handlers, in the order of the .proto.
pub const HANDLERS: &[Handler] = &[Handler {
    name: "ScrapeSpec",
    kind: HandlerKind::Stateless,
    private: true,
}];

/// Reads the OpenAPI document of a deployment that is up.
pub trait OpenapiBackend: Send + Sync + 'static {
    /// Fetches the document from a running instance and stores it.
    fn scrape_spec<'a>(
        &'a self,
        ctx: Context<'a>,
        req: messages::hydra::v1::ScrapeSpecRequest,
    ) -> impl Future<Output = HandlerResult<messages::hydra::v1::ScrapeSpecResponse>> + Send + 'a;
}

/// What Restate hosts: forwards every handler to a backend.
pub struct OpenapiService<B>(pub B);

/// Reads the OpenAPI document of a deployment that is up.
#[restate_sdk::service(name = "hydra.v1.OpenapiService", ingress_private)]
impl<B: OpenapiBackend> OpenapiService<B> {
    /// Fetches the document from a running instance and stores it.
    #[handler(name = "ScrapeSpec")]
    async fn scrape_spec<'a>(
        &'a self,
        ctx: Context<'a>,
        req: messages::hydra::v1::ScrapeSpecRequest,
    ) -> HandlerResult<messages::hydra::v1::ScrapeSpecResponse> {
        self.0.scrape_spec(ctx, req).await
    }
}

/// Names the clients without an implementation; has no value.
pub enum Contract {}

impl OpenapiBackend for Contract {
    async fn scrape_spec<'a>(
        &'a self,
        _: Context<'a>,
        _: messages::hydra::v1::ScrapeSpecRequest,
    ) -> HandlerResult<messages::hydra::v1::ScrapeSpecResponse> {
        match *self {}
    }
}

/// Calls the service from a handler.
pub type OpenapiClient<'ctx> = OpenapiServiceClient<'ctx, Contract>;

/// Calls the service through Restate's ingress.
pub type OpenapiIngress<E> = OpenapiServiceIngressClient<Contract, E>;
