//! How a call of GitHub ended, as a journaled value: neither a refusal nor a rate limit is worth failing a deployment for.

use durable::Stop;
use github::{Class, GitHubError};
use serde::{Deserialize, Serialize};

/// How it ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Told<T> {
    /// It is done.
    Done(T),
    /// GitHub will not do it, in words.
    Refused(String),
    /// GitHub wants to be left alone until then, epoch milliseconds.
    Later(i64),
}

impl<T> Told<T> {
    /// What was done; the rest goes to the log.
    pub(crate) fn done(self, what: &'static str) -> Option<T> {
        match self {
            Self::Done(value) => return Some(value),
            Self::Refused(why) => tracing::warn!(what, why, "GitHub refused"),
            Self::Later(until) => tracing::warn!(what, until, "GitHub's rate limit is reached"),
        }
        None
    }
}

/// Within a step: what may go well the next time is tried again, the rest is a value.
pub(crate) fn told<T>(answer: Result<T, GitHubError>) -> Result<Told<T>, Stop> {
    match answer {
        Ok(value) => Ok(Told::Done(value)),
        Err(error) => match error.class() {
            Class::Unavailable => Err(Stop::retry(error)),
            Class::RateLimited { until_ms } => Ok(Told::Later(until_ms)),
            _ => Ok(Told::Refused(error.to_string())),
        },
    }
}

/// Outside a step: retries that ran out are as good as a refusal; a cancellation stays one.
pub(crate) fn given_up<T>(result: Result<Told<T>, Stop>) -> Result<Told<T>, Stop> {
    match result {
        Err(stop @ Stop::Ended(_)) if !stop.is_cancelled() => Ok(Told::Refused(stop.public_text())),
        other => other,
    }
}
