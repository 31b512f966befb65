//! A delete goes on by a delayed message to the object itself. A nonce says which message may go on; every other call
//! of the handler is a new wish and takes over, so that asking twice never makes two chains.
//!
//! The nonce travels in a header, because the contract's request has no field. Not for what a round does.

use durable::{Stop, codes};
use restate_sdk::context::{ContextReadState, ContextWriteState, ObjectContext};
use restate_sdk::serde::Json;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::time::Duration;

use crate::Timings;

/// Header of a message that goes on with a delete.
const HEADER: &str = "x-ctrl-worker-round";

/// Key of the object state.
const STATE: &str = "deletion";

/// How far a delete is. `O` says whose it is, and lives longer than the row it was read from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Progress<O> {
    /// Token of the one message that may go on.
    nonce: String,
    /// Rounds done.
    round: u32,
    /// Whether the thing's own row is gone.
    removed: bool,
    /// Whose it is; nothing when no round has come so far yet.
    owner: Option<O>,
}

/// What this call of the handler is.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Turn<O> {
    /// A message whose place another one has taken: nothing to do.
    Replaced,
    /// A new wish, or the message that is to go on, with what the rounds before left.
    Go(Option<Progress<O>>),
}

/// Reads what the rounds before left, and judges this call.
async fn turn<O>(ctx: &ObjectContext<'_>) -> Result<Turn<O>, Stop>
where
    O: Serialize + DeserializeOwned + Send + 'static,
{
    let stored: Option<Json<Progress<O>>> = ctx.get(STATE).await?;
    let sent = ctx.headers().get(HEADER).map(String::as_str);
    Ok(judge(stored.map(|Json(progress)| progress), sent))
}

fn judge<O>(stored: Option<Progress<O>>, sent: Option<&str>) -> Turn<O> {
    match (&stored, sent) {
        (_, None) => Turn::Go(stored),
        (Some(progress), Some(nonce)) if progress.nonce == nonce => Turn::Go(stored),
        (_, Some(_)) => Turn::Replaced,
    }
}

/// How a round ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Round<O> {
    /// There is no such thing, and nothing of it.
    Nothing,
    /// Something of it is not gone yet.
    Waits(O),
    /// Its own row is gone.
    Gone(O),
}

/// Does one round of a delete: `round` gets what the rounds before remembered, and does what can be done now. Where
/// another one has to follow, `send` sends the message to the object itself after the pause, with the given header.
///
/// # Errors
/// Those of `round`, and of reading the object state.
pub async fn run<O, F, Fut>(
    ctx: &ObjectContext<'_>,
    timings: &Timings,
    nonce: String,
    round: F,
    send: impl FnOnce((String, String), Duration) + Send,
) -> Result<(), Stop>
where
    O: Serialize + DeserializeOwned + Clone + Send + Sync + 'static,
    F: FnOnce(Option<O>) -> Fut + Send,
    Fut: Future<Output = Result<Round<O>, Stop>> + Send,
{
    let before = match turn::<O>(ctx).await? {
        Turn::Replaced => return Ok(()),
        Turn::Go(before) => before,
    };
    let count = before.as_ref().map_or(0, |p| p.round);
    let removed = before.as_ref().is_some_and(|p| p.removed);
    let owner = before.and_then(|p| p.owner);
    let go_on = |removed, owner, pause| {
        let progress = Progress {
            nonce: nonce.clone(),
            round: count.saturating_add(1),
            removed,
            owner,
        };
        ctx.set(STATE, Json(progress));
        send((HEADER.to_owned(), nonce), pause);
    };
    match round(owner.clone()).await {
        Ok(Round::Waits(owner)) => go_on(removed, Some(owner), timings.pause(count)),
        // Once more later: a request that had read the row before may still write something that belongs to it.
        Ok(Round::Gone(owner)) if !removed => go_on(true, Some(owner), timings.aftercare),
        Ok(Round::Gone(_) | Round::Nothing) => ctx.clear(STATE),
        Err(stop) if ran_out_of_retries(&stop) => {
            go_on(removed, owner, timings.again_after);
            return Err(stop);
        }
        Err(stop) => {
            ctx.clear(STATE);
            return Err(stop);
        }
    }
    Ok(())
}

/// Whether Restate gave up on a step, as opposed to an error of ours or a cancellation: the thing is still to be
/// deleted and nobody else would do it.
fn ran_out_of_retries(stop: &Stop) -> bool {
    match stop {
        Stop::Ended(e) => {
            !stop.is_cancelled()
                && !codes::ALL
                    .iter()
                    .any(|code| e.message().starts_with(code.id))
        }
        Stop::Terminal(_) | Stop::Retry(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use restate_sdk::errors::TerminalError;

    fn at(nonce: &str) -> Option<Progress<String>> {
        Some(Progress {
            nonce: nonce.into(),
            round: 3,
            removed: false,
            owner: Some("app_1".into()),
        })
    }

    #[test]
    fn a_new_wish_takes_over_and_a_replaced_message_ends() {
        assert_eq!(judge::<String>(None, None), Turn::Go(None));
        assert_eq!(judge(at("n"), None), Turn::Go(at("n")));
        assert_eq!(judge(at("n"), Some("n")), Turn::Go(at("n")));
        assert_eq!(judge(at("n"), Some("m")), Turn::Replaced);
        assert_eq!(
            judge::<String>(None, Some("m")),
            Turn::Replaced,
            "the delete is over"
        );
    }

    #[test]
    fn the_state_is_small_and_readable() {
        let text = serde_json::to_string(&at("n")).expect("JSON");
        assert_eq!(
            text,
            r#"{"nonce":"n","round":3,"removed":false,"owner":"app_1"}"#
        );
    }

    #[test]
    fn only_an_exhausted_step_is_tried_again_later() {
        let ended = |code, text: &str| Stop::Ended(TerminalError::new_with_code(code, text));
        assert!(ran_out_of_retries(&ended(500, "pool timed out")));
        assert!(!ran_out_of_retries(&ended(409, "cancelled")));
        assert!(!ran_out_of_retries(&ended(409, "CW0029: protected")));
        assert!(!ran_out_of_retries(&Stop::fault(codes::CONFLICT, "no")));
    }
}
