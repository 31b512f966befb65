//! `GetVersion`: the last number drawn. A shared handler that writes nothing, so it queues behind nobody.

use crate::{key, state, steps};
use durable::{Preset, Stop};
use messages::hydra::v1::GetVersionResponse;
use mysql::{Db, counter};
use restate_sdk::context::{ContextReadState, SharedObjectContext};
use restate_sdk::errors::HandlerResult;
use restate_sdk::serde::Json;
use serde_json::Value;

/// Reads the counter; the object state counts while the counter has not passed it.
pub(crate) async fn handler(
    db: &Db,
    ctx: SharedObjectContext<'_>,
) -> HandlerResult<GetVersionResponse> {
    let (invocation, region) = (ctx.invocation_id().to_owned(), ctx.key().to_owned());
    durable::handle(
        versioning_client::SERVICE,
        "GetVersion",
        &invocation,
        &region,
        async {
            key::checked(&region)?;
            let floor = state::number(
                ctx.get::<Json<Value>>(state::VERSION)
                    .await?
                    .map(Json::into_inner),
            );
            let read = durable::run!(ctx, steps::READ, Preset::Database, async {
                Ok::<u64, Stop>(mysql::retry(|| counter::read(db.primary(), &region)).await?)
            })?;
            Ok(GetVersionResponse {
                version: read.max(floor),
            })
        },
    )
    .await
}
