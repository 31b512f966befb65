//! `hydra.v1.EnvironmentService`: deletes an environment with all that belongs to it.
//!
//! `Delete` answers when the delete has begun; it goes on by messages to itself, because a workload's row may go only
//! after the edge was told to stop it and its instances are gone. From the first round on the environment has no
//! settings any more, so that nothing new can be deployed into it.
//!
//! Not here: what ClickHouse, GitHub or a build provider know about the environment, and the object state of its
//! deployments, which ends by itself when a scheduled change finds no row.

mod delete;
mod deployments;
mod domains;
mod finish;
mod owner;
mod running;
mod settings;
mod steps;
mod traffic;

use environment_client::{EnvironmentBackend, SERVICE};
use messages::hydra::v1::{DeleteEnvironmentRequest, DeleteEnvironmentResponse};
use restate_sdk::context::{ContextSideEffects as _, ObjectContext};
use restate_sdk::errors::HandlerResult;
use teardown::Timings;

/// What EnvironmentService needs.
#[derive(Clone, Debug)]
pub struct Deps {
    /// The database.
    pub db: mysql::Db,
    /// Restate's admin API, to cancel what still works on the environment.
    pub admin: restate_api::Admin,
    /// Waiting times.
    pub timings: Timings,
}

/// The service. The key of an object is an environment id.
#[derive(Clone, Debug)]
pub struct Environment {
    deps: Deps,
}

impl Environment {
    /// The service over its dependencies.
    pub fn new(deps: Deps) -> Self {
        Self { deps }
    }
}

impl EnvironmentBackend for Environment {
    async fn delete<'a>(
        &'a self,
        mut ctx: ObjectContext<'a>,
        _: DeleteEnvironmentRequest,
    ) -> HandlerResult<DeleteEnvironmentResponse> {
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
