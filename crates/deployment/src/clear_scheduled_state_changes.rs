//! `ClearScheduledStateChanges`: drops whatever is scheduled. The message still arrives and finds no nonce.

use crate::state;
use deployment_client::SERVICE;
use messages::hydra::v1::ClearScheduledStateChangesResponse;
use restate_sdk::context::{ContextWriteState, ObjectContext};
use restate_sdk::errors::HandlerResult;

/// Clears the state; the deployment stays as it is.
pub(crate) async fn handler(
    ctx: ObjectContext<'_>,
) -> HandlerResult<ClearScheduledStateChangesResponse> {
    let (invocation, key) = (ctx.invocation_id().to_owned(), ctx.key().to_owned());
    durable::handle(
        SERVICE,
        "ClearScheduledStateChanges",
        &invocation,
        &key,
        async {
            ctx.clear(state::TRANSITION);
            Ok(ClearScheduledStateChangesResponse::default())
        },
    )
    .await
}
