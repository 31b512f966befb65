//! Repeats a whole transaction after an error that is gone by itself.
//! Not for anything with an effect outside the database.

use std::future::Future;
use std::time::Duration;

use crate::DbError;

/// Errors that can say whether repeating may help.
pub trait Classify {
    /// Whether a repetition may succeed.
    fn is_transient(&self) -> bool;
}

impl Classify for DbError {
    fn is_transient(&self) -> bool {
        DbError::is_transient(self)
    }
}

/// Waits before the second and the third attempt.
const WAITS: [Duration; 2] = [Duration::from_millis(50), Duration::from_millis(100)];

/// Runs `attempt` (begin, body, commit) up to three times, waiting 50 and 100 ms, while its error is
/// transient; gives back the last error otherwise. `attempt` must be idempotent, because a lost
/// answer to COMMIT counts as transient.
pub async fn retry<T, F, R>(attempt: F) -> Result<T, DbError>
where
    F: FnMut() -> R,
    R: Future<Output = Result<T, DbError>>,
{
    retry_as(attempt).await
}

/// [`retry`] for attempts with an error type of their own.
pub async fn retry_as<T, E, F, R>(mut attempt: F) -> Result<T, E>
where
    E: Classify + std::fmt::Display,
    F: FnMut() -> R,
    R: Future<Output = Result<T, E>>,
{
    for wait in WAITS {
        match attempt().await {
            Err(error) if error.is_transient() => {
                tracing::debug!(%error, "transient database error, trying again");
                tokio::time::sleep(wait).await;
            }
            done => return done,
        }
    }
    attempt().await
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    fn lost() -> DbError {
        sqlx::Error::Io(std::io::ErrorKind::UnexpectedEof.into()).into()
    }

    #[tokio::test]
    async fn a_transient_error_is_tried_three_times_in_all() {
        let tries = Cell::new(0);
        let started = std::time::Instant::now();
        let result: Result<(), _> = retry(|| async {
            tries.set(tries.get() + 1);
            Err(lost())
        })
        .await;
        assert!(result.unwrap_err().is_transient());
        assert_eq!(tries.get(), 3);
        assert!(started.elapsed() >= Duration::from_millis(150));
    }

    #[tokio::test]
    async fn success_after_a_transient_error_ends_it() {
        let tries = Cell::new(0);
        let result = retry(|| async {
            tries.set(tries.get() + 1);
            if tries.get() < 2 {
                Err(lost())
            } else {
                Ok(tries.get())
            }
        })
        .await;
        assert_eq!(result.unwrap(), 2);
    }

    #[tokio::test]
    async fn any_other_error_is_given_back_at_once() {
        let tries = Cell::new(0);
        let result: Result<(), _> = retry(|| async {
            tries.set(tries.get() + 1);
            Err(DbError::from(sea_orm::DbErr::Custom("no".into())))
        })
        .await;
        assert!(!result.unwrap_err().is_transient());
        assert_eq!(tries.get(), 1);
    }
}
