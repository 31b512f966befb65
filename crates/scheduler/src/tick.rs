//! Handler `Tick`: a timer is due. It acts only with the nonce of the newest one.

use crate::Deps;
use crate::jobs::Job;
use crate::state;
use crate::turn::{self, Drawn};
use durable::Stop;
use messages::hydra::v1::{TickJobRequest, TickJobResponse};
use restate_sdk::context::ObjectContext;

pub(crate) async fn tick(
    deps: &Deps,
    ctx: &ObjectContext<'_>,
    drawn: Drawn,
    req: TickJobRequest,
) -> Result<TickJobResponse, Stop> {
    let job = Job::of(ctx.key())?;
    let Some(mut state) = state::read(ctx)
        .await?
        .filter(|s| may_act(s.nonce.as_deref(), &req.nonce))
    else {
        tracing::debug!(
            job = job.name(),
            "a newer timer replaced this one, or the job is off"
        );
        return Ok(TickJobResponse::default());
    };
    // used up: whatever comes next is another timer
    (state.nonce, state.timer_at) = (None, None);
    let now = deps.now(durable::now!(ctx)?);
    turn::end(deps, ctx, job, state, drawn, None, now).await;
    Ok(TickJobResponse::default())
}

fn may_act(newest: Option<&str>, nonce: &str) -> bool {
    newest.is_some_and(|newest| newest == nonce)
}

#[cfg(test)]
mod tests {
    use super::may_act;

    #[test]
    fn only_the_newest_timer_acts() {
        assert!(may_act(Some("new"), "new"));
        assert!(!may_act(Some("new"), "old"));
        assert!(!may_act(None, ""));
    }
}
