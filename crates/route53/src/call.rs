//! One call: its attempts, the pauses between them, and what is measured of it.
//!
//! The libraries' own retries are off, so that both backends behave alike.

use std::time::{Duration, Instant};

use rand::Rng as _;

use crate::{Class, Operation, Route53Error, Settings};

/// Seconds of each attempt by operation and outcome: the family that every adapter of the worker shares.
const OUTSIDE_SECONDS: &str = "ctrl_worker_outside_seconds";

/// Makes a call, again after a pause while the service throttles or fails, and measures each attempt.
pub(crate) async fn call<T, F: Future<Output = Result<T, Route53Error>>>(
    settings: &Settings,
    operation: Operation,
    mut once: impl FnMut() -> F,
) -> Result<T, Route53Error> {
    let limits = &settings.limits;
    let mut tries = 0;
    loop {
        tries += 1;
        let begun = Instant::now();
        let answered = async {
            match tokio::time::timeout(limits.attempt, once()).await {
                Ok(result) => result.map_err(|error| error.at(operation)),
                Err(_) => Err(Route53Error::ours(
                    operation,
                    Class::Unavailable,
                    format!("no answer within {} s", limits.attempt.as_secs_f32()),
                )),
            }
        };
        let result = trace_context::outside("route53", operation.label(), answered).await;
        let outcome = result
            .as_ref()
            .map_or_else(|error| error.class.label(), |_| "ok");
        let labels = [
            ("adapter", "route53"),
            ("operation", operation.label()),
            ("outcome", outcome),
        ];
        metrics::histogram!(OUTSIDE_SECONDS, &labels).record(begun.elapsed().as_secs_f64());
        match result {
            Err(error) if error.retry_now() && tries < limits.tries => {
                tracing::debug!(operation = operation.label(), tries, %error, "trying again");
                tokio::time::sleep(jitter(limits.pause, tries)).await;
            }
            done => return done,
        }
    }
}

/// A pause drawn between half of a bound and all of it; the bound doubles with each try. Route53 takes five requests a
/// second per account, so many callers must not come back at once.
pub(crate) fn jitter(first: Duration, tries: u32) -> Duration {
    let bound = first.saturating_mul(2u32.saturating_pow(tries.min(8) - 1));
    bound.mul_f64(rand::rng().random_range(0.5..=1.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Limits;

    fn settings() -> Settings {
        Settings {
            limits: Limits {
                attempt: Duration::from_millis(100),
                tries: 3,
                pause: Duration::from_millis(1),
                ..Limits::default()
            },
            ..Settings::default()
        }
    }

    #[tokio::test]
    async fn throttling_is_waited_out_within_a_bound_and_nothing_else_is_repeated() {
        for (code, fails, tried_at_end, passes) in [
            ("Throttling", 2, 3, true),
            ("Throttling", 3, 3, false),
            ("ServiceUnavailable", 1, 2, true),
            ("SignatureDoesNotMatch", 1, 1, false),
            ("InvalidChangeBatch", 1, 1, false),
        ] {
            let mut tried = 0;
            let result = call(&settings(), Operation::Put, || {
                tried += 1;
                let answer = if tried <= fails {
                    Err(Route53Error::told(code, 400, "x"))
                } else {
                    Ok(())
                };
                async { answer }
            })
            .await;
            assert_eq!((tried, result.is_ok()), (tried_at_end, passes), "{code}");
            if let Err(error) = result {
                assert_eq!(error.operation, Operation::Put);
            }
        }
    }

    #[tokio::test]
    async fn an_attempt_has_an_end() {
        let settings = settings();
        let never = call(&settings, Operation::Look, || {
            std::future::pending::<Result<(), Route53Error>>()
        });
        assert_eq!(never.await.unwrap_err().class, Class::Unavailable);
    }

    #[test]
    fn pauses_grow_and_are_drawn() {
        let first = Duration::from_millis(100);
        for tries in 1..20 {
            let bound = first * 2u32.pow(tries.min(8) - 1);
            let pause = jitter(first, tries);
            assert!(pause <= bound && pause >= bound / 2, "{tries}: {pause:?}");
        }
        let drawn: std::collections::BTreeSet<Duration> =
            (0..20).map(|_| jitter(first, 3)).collect();
        assert!(drawn.len() > 1, "twenty pauses alike are not drawn");
    }
}
