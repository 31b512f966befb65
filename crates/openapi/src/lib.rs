//! `hydra.v1.OpenapiService`: fetches the OpenAPI document of a deployment from the deployment's own host and stores it.
//!
//! A tenant says the path, so nothing of it may reach another host: the path is checked, redirects leave no host, and
//! names that lead to private addresses are refused.
//!
//! Not for comparing documents: the control API does that.

mod fetch;
mod path;
mod reach;
mod scrape_spec;
mod steps;
mod store;
mod target;
mod timings;

pub use fetch::{Scraper, ScraperError, Way};
pub use timings::Timings;

use messages::hydra::v1::{ScrapeSpecRequest, ScrapeSpecResponse};
use mysql::Db;
use openapi_client::{OpenapiBackend, SERVICE};
use restate_sdk::context::Context;
use restate_sdk::errors::HandlerResult;

/// What OpenapiService needs.
#[derive(Clone, Debug)]
pub struct Deps {
    /// The database.
    pub db: Db,
    /// How documents are fetched.
    pub scraper: Scraper,
    /// Times and sizes.
    pub timings: Timings,
}

/// The service.
#[derive(Clone, Debug)]
pub struct Openapi {
    deps: Deps,
}

impl Openapi {
    /// The service over its dependencies.
    pub fn new(deps: Deps) -> Self {
        Self { deps }
    }
}

impl OpenapiBackend for Openapi {
    async fn scrape_spec<'a>(
        &'a self,
        ctx: Context<'a>,
        req: ScrapeSpecRequest,
    ) -> HandlerResult<ScrapeSpecResponse> {
        let invocation = ctx.invocation_id().to_owned();
        durable::handle(
            SERVICE,
            "ScrapeSpec",
            &invocation,
            "",
            scrape_spec::scrape_spec(&self.deps, &ctx, req),
        )
        .await
    }
}
