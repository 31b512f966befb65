//! `RefillRange`: a bounded part of the walk over one range, so that no journal grows with the number of keys.

use crate::KeyRefill;
use crate::chunk::Task;
use crate::day::Day;
use crate::plan::Range;
use crate::walk::walk;
use key_refill_client::SERVICE;
use messages::hydra::v1::{RefillRangeRequest, RefillRangeResponse};
use restate_sdk::context::ObjectContext;
use restate_sdk::errors::HandlerResult;
use std::collections::BTreeSet;

/// Whoever calls asks again from the row that was reached.
pub(crate) async fn handler(
    service: &KeyRefill,
    ctx: ObjectContext<'_>,
    req: RefillRangeRequest,
) -> HandlerResult<RefillRangeResponse> {
    let (invocation, key) = (ctx.invocation_id().to_owned(), ctx.key().to_owned());
    durable::handle(SERVICE, "RefillRange", &invocation, &key, async {
        let nothing = BTreeSet::new();
        let task = Task {
            db: &service.db,
            settings: &service.settings,
            invocation: &invocation,
            day: Day::of_key(&key)?,
            processed: &nothing,
        };
        let range = Range {
            after: req.after_pk,
            to: req.to_pk,
        };
        let mut answer = RefillRangeResponse {
            reached_pk: range.after,
            ..Default::default()
        };
        walk(&ctx, &task, range, service.settings.calls, |chunk| {
            answer.keys_refilled += i64::try_from(chunk.refilled).unwrap_or(i64::MAX);
            answer.reached_pk = chunk.reached;
        })
        .await?;
        Ok(answer)
    })
    .await
}
