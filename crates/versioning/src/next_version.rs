//! `NextVersion`: draws the next number of a region; never the same twice, whatever is repeated.

use crate::{key, state, steps};
use durable::{Preset, Stop};
use messages::hydra::v1::NextVersionResponse;
use mysql::{Db, DbError, counter};
use restate_sdk::context::{
    ContextReadState, ContextSideEffects, ContextWriteState, ObjectContext,
};
use restate_sdk::errors::HandlerResult;
use restate_sdk::serde::Json;
use serde_json::Value;

/// Draws the number and leaves it in the object state for the existing worker.
pub(crate) async fn handler(
    db: &Db,
    mut ctx: ObjectContext<'_>,
) -> HandlerResult<NextVersionResponse> {
    let (invocation, region) = (ctx.invocation_id().to_owned(), ctx.key().to_owned());
    // The same on every replay of this invocation, so that a repeated step is known by it.
    let nonce = ctx.rand_uuid().to_string();
    durable::handle(
        versioning_client::SERVICE,
        "NextVersion",
        &invocation,
        &region,
        async {
            key::checked(&region)?;
            let floor = state::number(
                ctx.get::<Json<Value>>(state::VERSION)
                    .await?
                    .map(Json::into_inner),
            );
            let version = durable::run!(ctx, steps::DRAW, Preset::Database, async {
                Ok::<u64, Stop>(draw(db, &region, &nonce, floor).await?)
            })?;
            ctx.set(state::VERSION, Json(version));
            Ok(NextVersionResponse { version })
        },
    )
    .await
}

async fn draw(db: &Db, region: &str, nonce: &str, floor: u64) -> Result<u64, DbError> {
    mysql::retry(|| async {
        let tx = db.begin().await?;
        let version = counter::draw(&tx, region, nonce, floor).await?;
        tx.commit().await?;
        Ok(version)
    })
    .await
}
