//! `VerifyDomain`: opens a new window and makes its first check at once. The answer says only that the checks go on;
//! the row says how they stand.

use crate::{Deps, pass, window};
use custom_domain_client::SERVICE;
use messages::hydra::v1::VerifyDomainResponse;
use restate_sdk::context::{ContextSideEffects, ObjectContext};
use restate_sdk::errors::HandlerResult;

/// Whatever window was open before ends with it.
pub(crate) async fn handler(
    deps: &Deps,
    mut ctx: ObjectContext<'_>,
) -> HandlerResult<VerifyDomainResponse> {
    let (invocation, key) = (ctx.invocation_id().to_owned(), ctx.key().to_owned());
    let nonce = ctx.rand_uuid().to_string();
    durable::handle(SERVICE, "VerifyDomain", &invocation, &key, async {
        let window = window::open(&ctx, nonce, &invocation).await?;
        Box::pin(pass::run(deps, &ctx, window)).await?;
        Ok(VerifyDomainResponse::default())
    })
    .await
}
