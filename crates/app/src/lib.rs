//! `hydra.v1.AppService`: deletes an app with its environments.
//!
//! `Delete` answers when the delete has begun; it goes on by messages to itself until the last environment is gone. The
//! app goes after its children: as long as one is left, somebody still lists it.
//!
//! Not here: what belongs to an environment (crate `environment`).

mod delete;
mod finish;
mod owner;
mod steps;

use app_client::{AppBackend, SERVICE};
use messages::hydra::v1::{DeleteAppRequest, DeleteAppResponse};
use restate_sdk::context::{ContextSideEffects as _, ObjectContext};
use restate_sdk::errors::HandlerResult;
use teardown::Timings;

/// What AppService needs.
#[derive(Clone, Debug)]
pub struct Deps {
    /// The database.
    pub db: mysql::Db,
    /// Waiting times.
    pub timings: Timings,
}

/// The service. The key of an object is an app id.
#[derive(Clone, Debug)]
pub struct App {
    deps: Deps,
}

impl App {
    /// The service over its dependencies.
    pub fn new(deps: Deps) -> Self {
        Self { deps }
    }
}

impl AppBackend for App {
    async fn delete<'a>(
        &'a self,
        mut ctx: ObjectContext<'a>,
        _: DeleteAppRequest,
    ) -> HandlerResult<DeleteAppResponse> {
        let (invocation, key) = (ctx.invocation_id().to_owned(), ctx.key().to_owned());
        let nonce = ctx.rand_uuid().to_string();
        durable::handle(
            SERVICE,
            "Delete",
            &invocation,
            &key,
            delete::delete(&self.deps, &ctx, nonce),
        )
        .await
    }
}
