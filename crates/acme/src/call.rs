//! One call: its deadline, its repetitions after refused nonces, and what is measured of it.
//!
//! Only a refused nonce is repeated here: the authority has done nothing then, and the libraries give up after three
//! tries. Every other problem goes to the caller, who knows how long to wait.

use std::time::{Duration, Instant};

use crate::{Operation, Problem, Settings};

/// Seconds of each call by operation and outcome: the family that every adapter of the worker shares.
const OUTSIDE_SECONDS: &str = "ctrl_worker_outside_seconds";
/// Calls begun again because the authority refused the nonce.
const NONCE_ROUNDS: &str = "ctrl_worker_acme_nonce_rounds_total";

/// The bounds of all calls.
#[derive(Debug)]
pub(crate) struct Calls {
    limit: Duration,
    rounds: u32,
}

impl Calls {
    pub(crate) fn new(settings: &Settings) -> Result<Self, Problem> {
        let limits = &settings.limits;
        if limits.call.is_zero() || limits.exchange.is_zero() || limits.answer_bytes == 0 {
            return Err(Problem::settings(Operation::Settings, "a limit is zero"));
        }
        Ok(Self {
            limit: limits.call,
            rounds: limits.nonce_rounds,
        })
    }
}

/// Makes a call, again while the nonce is refused, and measures it.
pub(crate) async fn call<T, F: Future<Output = Result<T, Problem>>>(
    calls: &Calls,
    operation: Operation,
    mut once: impl FnMut() -> F,
) -> Result<T, Problem> {
    let begun = Instant::now();
    let repeated = async {
        let mut rounds = 0;
        loop {
            match once().await {
                Err(problem) if problem.is_bad_nonce() && rounds < calls.rounds => {
                    rounds += 1;
                    metrics::counter!(NONCE_ROUNDS).increment(1);
                    tracing::debug!(operation = operation.label(), rounds, "nonce refused");
                }
                done => return done,
            }
        }
    };
    let answered = async {
        match tokio::time::timeout(calls.limit, repeated).await {
            Ok(result) => result,
            Err(_) => Err(Problem::unreachable(
                operation,
                format!("no answer within {} s", calls.limit.as_secs_f32()),
            )),
        }
    };
    let result = trace_context::outside("acme", operation.label(), answered).await;
    let outcome = result
        .as_ref()
        .map_or_else(|problem| problem.class().label(), |_| "ok");
    let labels = [
        ("adapter", "acme"),
        ("operation", operation.label()),
        ("outcome", outcome),
    ];
    metrics::histogram!(OUTSIDE_SECONDS, &labels).record(begun.elapsed().as_secs_f64());
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Class;

    const CALLS: Calls = Calls {
        limit: Duration::from_millis(200),
        rounds: 4,
    };

    fn bad_nonce() -> Problem {
        let kind = "urn:ietf:params:acme:error:badNonce";
        Problem::told(Operation::Order, 400, Some(kind), None)
    }

    #[tokio::test]
    async fn a_refused_nonce_is_repeated_within_a_bound() {
        let mut tried = 0;
        let result = call(&CALLS, Operation::Order, || {
            tried += 1;
            let answer = if tried <= 4 { Err(bad_nonce()) } else { Ok(7) };
            async { answer }
        });
        assert_eq!(result.await, Ok(7));
        let mut tried = 0;
        let result = call(&CALLS, Operation::Order, || {
            tried += 1;
            async { Err::<(), _>(bad_nonce()) }
        });
        assert_eq!(result.await.unwrap_err().class(), Class::BadNonce);
        assert_eq!(tried, 5);
    }

    #[tokio::test]
    async fn nothing_else_is_repeated_and_a_call_has_an_end() {
        let mut tried = 0;
        let result = call(&CALLS, Operation::NewOrder, || {
            tried += 1;
            async { Err::<(), _>(Problem::unreachable(Operation::NewOrder, "cut")) }
        });
        assert_eq!(result.await.unwrap_err().class(), Class::Unavailable);
        assert_eq!(tried, 1);
        let never = call(&CALLS, Operation::Order, || {
            std::future::pending::<Result<(), Problem>>()
        });
        assert_eq!(never.await.unwrap_err().class(), Class::Unavailable);
    }
}
