//! `RetryVerification`: makes the row new again, then opens a window as `VerifyDomain` does. A verified domain is not
//! reset: its route and certificate stay what they are while it is looked at.

use crate::resolve::{self, Found};
use crate::{Deps, pass, steps, window};
use custom_domain_client::SERVICE;
use durable::{Preset, Stop};
use messages::hydra::v1::RetryVerificationResponse;
use mysql::{Db, sql};
use restate_sdk::context::{ContextSideEffects, ObjectContext};
use restate_sdk::errors::HandlerResult;

/// No component is known to call it; it is part of the contract.
pub(crate) async fn handler(
    deps: &Deps,
    mut ctx: ObjectContext<'_>,
) -> HandlerResult<RetryVerificationResponse> {
    let (invocation, key) = (ctx.invocation_id().to_owned(), ctx.key().to_owned());
    let nonce = ctx.rand_uuid().to_string();
    durable::handle(SERVICE, "RetryVerification", &invocation, &key, async {
        durable::run!(ctx, steps::RESET, Preset::Database, reset(&deps.db, &key))?;
        let window = window::open(&ctx, nonce, &invocation).await?;
        Box::pin(pass::run(deps, &ctx, window)).await?;
        Ok(RetryVerificationResponse::default())
    })
    .await
}

/// A second run finds the row reset and resets it again: nothing but this handler has touched it in between.
async fn reset(db: &Db, key: &str) -> Result<(), Stop> {
    let Found::One(row) = resolve::find(db, key).await? else {
        // The first check says what is wrong.
        return Ok(());
    };
    let statement = "UPDATE custom_domains SET verification_status = 'pending', check_attempts = 0, invocation_id = NULL, \
         verification_error = NULL, last_checked_at = NULL, updated_at = ? WHERE id = ? AND verification_status <> 'verified'";
    let values = [mysql::now_ms().into(), row.id.into()];
    mysql::retry(|| sql::execute(db.primary(), statement, values.clone())).await?;
    Ok(())
}
