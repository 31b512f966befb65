//! `Check`: one check, sent by the service to itself. Acts only with the nonce of the newest window, and ends a window
//! that ran out before it asks anybody.

use crate::resolve::{self, Found};
use crate::rows::Row;
use crate::{Deps, pass, rules, steps, window, writes};
use custom_domain_client::SERVICE;
use durable::{Preset, Stop};
use messages::hydra::v1::{CheckDomainRequest, CheckDomainResponse};
use mysql::Db;
use restate_sdk::context::ObjectContext;
use restate_sdk::errors::HandlerResult;

/// Succeeds without effect when another window has begun, or none is open.
pub(crate) async fn handler(
    deps: &Deps,
    ctx: ObjectContext<'_>,
    req: CheckDomainRequest,
) -> HandlerResult<CheckDomainResponse> {
    let (invocation, key) = (ctx.invocation_id().to_owned(), ctx.key().to_owned());
    durable::handle(SERVICE, "Check", &invocation, &key, async {
        let open = window::current(&ctx).await?;
        let Some(window) = open.filter(|w| !req.nonce.is_empty() && w.nonce == req.nonce) else {
            return Ok(CheckDomainResponse::default());
        };
        if !window.is_over(durable::now!(ctx)?, deps.timings.window) {
            Box::pin(pass::run(deps, &ctx, window)).await?;
            return Ok(CheckDomainResponse::default());
        }
        let failed = durable::run!(
            ctx,
            steps::MARK_FAILED,
            Preset::Database,
            mark_failed(&deps.db, &key)
        )?;
        window::close(&ctx);
        match failed {
            true => Err(rules::timed_out(&key).into()),
            // Verified meanwhile under its other key, taken by another workspace, or deleted.
            false => Ok(CheckDomainResponse::default()),
        }
    })
    .await
}

/// Whether the domain is failed now for want of proof.
async fn mark_failed(db: &Db, key: &str) -> Result<bool, Stop> {
    let Found::One(row) = resolve::find(db, key).await? else {
        return Ok(false);
    };
    let text = rules::timed_out_text(row.verification_error.as_deref());
    // A second run finds its own text.
    if row.is_failed() {
        return Ok(row
            .verification_error
            .as_deref()
            .is_some_and(rules::is_timed_out));
    }
    Ok(writes::fail(db, &row.id, &text).await?)
}
