//! Waiting for what must become true, and the check that nothing was left in flight.
//!
//! Not for sleeping: a test that sleeps a fixed time is slow when it passes and wrong when it fails.

use std::fmt::Debug;
use std::panic::Location;
use std::time::{Duration, Instant};

use crate::evidence::{UNFINISHED, line};
use crate::{admin, keep_evidence};

const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_millis(100);
/// What a finished test may still need until its one-way sends are done.
const SETTLE_WITHIN: Duration = Duration::from_secs(5);

/// An attempt of [`eventually`]: `bool`, `Option<T>` or `Result<T, E>`.
pub trait Attempt {
    /// What success gives.
    type Value;
    /// The value, or what to print if it was the last attempt.
    fn outcome(self) -> Result<Self::Value, String>;
}

impl Attempt for bool {
    type Value = ();
    fn outcome(self) -> Result<(), String> {
        if self {
            Ok(())
        } else {
            Err("still false".to_owned())
        }
    }
}

impl<T> Attempt for Option<T> {
    type Value = T;
    fn outcome(self) -> Result<T, String> {
        self.ok_or_else(|| "still None".to_owned())
    }
}

impl<T, E: Debug> Attempt for Result<T, E> {
    type Value = T;
    fn outcome(self) -> Result<T, String> {
        self.map_err(|e| format!("{e:?}"))
    }
}

/// Tries until it succeeds; panics, with the last failure, when `timeout` has passed.
#[track_caller]
pub fn eventually<A, F, Fut>(timeout: Duration, mut attempt: F) -> impl Future<Output = A::Value>
where
    A: Attempt,
    F: FnMut() -> Fut,
    Fut: Future<Output = A>,
{
    let caller = Location::caller();
    async move {
        let until = Instant::now() + timeout;
        let mut pause = FIRST_PAUSE;
        loop {
            match attempt().await.outcome() {
                Ok(value) => return value,
                Err(last) if Instant::now() >= until => {
                    keep_evidence();
                    panic!("not within {timeout:?} at {caller}: {last}")
                }
                Err(_) => tokio::time::sleep(pause).await,
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}

/// Asserts that no invocation of the given object keys is in flight: running, suspended, backing
/// off or paused. A delayed send (`scheduled`) is not in flight. Without keys all count.
#[track_caller]
pub fn assert_quiet<S: AsRef<str>>(keys: &[S]) -> impl Future<Output = ()> + use<S> {
    let caller = Location::caller();
    let keys: Vec<String> = keys
        .iter()
        .map(|k| restate_api::quoted(k.as_ref()))
        .collect();
    async move {
        let mut query = UNFINISHED.replace("ORDER BY", "AND status <> 'scheduled' ORDER BY");
        if !keys.is_empty() {
            let chosen = format!("AND target_service_key IN ({}) ORDER BY", keys.join(", "));
            query = query.replace("ORDER BY", &chosen);
        }
        let admin = admin().await;
        let until = Instant::now() + SETTLE_WITHIN;
        loop {
            let rows = admin
                .query(&query)
                .await
                .unwrap_or_else(|e| panic!("{query}: {e}"));
            if rows.is_empty() {
                return;
            }
            let stuck = rows.iter().any(|row| row["status"] == "paused");
            if stuck || Instant::now() > until {
                let lines: Vec<String> = rows.iter().take(10).map(line).collect();
                panic!(
                    "{} left in flight at {caller}:\n{}",
                    rows.len(),
                    lines.join("\n")
                );
            }
            tokio::time::sleep(LONGEST_PAUSE).await;
        }
    }
}
