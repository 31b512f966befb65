//! `hydra.v1.ProjectService`: deletes a project with its apps.
//!
//! `Delete` answers when the delete has begun; it goes on by messages to itself until the last app is gone. The
//! project goes after its children: as long as one is left, somebody still lists it.
//!
//! Not here: what belongs to an app (crate `app`), and the project at a build provider.

mod delete;
mod finish;
mod owner;
mod steps;

use messages::hydra::v1::{DeleteProjectRequest, DeleteProjectResponse};
use project_client::{ProjectBackend, SERVICE};
use restate_sdk::context::{ContextSideEffects as _, ObjectContext};
use restate_sdk::errors::HandlerResult;
use teardown::Timings;

/// What ProjectService needs.
#[derive(Clone, Debug)]
pub struct Deps {
    /// The database.
    pub db: mysql::Db,
    /// Waiting times.
    pub timings: Timings,
}

/// The service. The key of an object is a project id.
#[derive(Clone, Debug)]
pub struct Project {
    deps: Deps,
}

impl Project {
    /// The service over its dependencies.
    pub fn new(deps: Deps) -> Self {
        Self { deps }
    }
}

impl ProjectBackend for Project {
    async fn delete<'a>(
        &'a self,
        mut ctx: ObjectContext<'a>,
        _: DeleteProjectRequest,
    ) -> HandlerResult<DeleteProjectResponse> {
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
