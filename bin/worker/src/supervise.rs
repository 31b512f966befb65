//! Long-running tasks under one roof: the first that fails or panics decides how the process ends.
//!
//! Not for tasks of single requests or connections.

use std::collections::HashMap;
use std::time::Duration;

use tokio::task::{Id, JoinError, JoinSet};

/// Why a task ended that should not have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{task}: {reason}")]
pub struct Failure {
    /// Which one.
    pub task: &'static str,
    /// What it said, or that it panicked.
    pub reason: String,
}

/// The running tasks.
#[derive(Default)]
pub struct Tasks {
    set: JoinSet<Result<(), String>>,
    names: HashMap<Id, &'static str>,
}

impl Tasks {
    /// No tasks.
    pub fn new() -> Self {
        Self::default()
    }

    /// Starts one.
    pub fn spawn(
        &mut self,
        name: &'static str,
        task: impl Future<Output = Result<(), String>> + Send + 'static,
    ) {
        let handle = self.set.spawn(task);
        self.names.insert(handle.id(), name);
    }

    /// Waits for the first that fails or panics; for ever if none does. A task that ends well is forgotten.
    pub async fn first_failure(&mut self) -> Failure {
        loop {
            match self.set.join_next_with_id().await {
                Some(ended) => {
                    if let Some(failure) = self.judge(ended) {
                        return failure;
                    }
                }
                None => std::future::pending().await,
            }
        }
    }

    /// Waits until all have ended, at most for `limit`; those that have not are cut off. Gives what went wrong.
    pub async fn join(&mut self, limit: Duration) -> Vec<Failure> {
        let deadline = tokio::time::Instant::now() + limit;
        let mut failures = Vec::new();
        while let Ok(Some(ended)) =
            tokio::time::timeout_at(deadline, self.set.join_next_with_id()).await
        {
            failures.extend(self.judge(ended));
        }
        if !self.set.is_empty() {
            self.set.abort_all();
            while let Some(ended) = self.set.join_next_with_id().await {
                let (Ok((id, _)) | Err(id)) = ended.map_err(|e| e.id());
                let task = self.name(id);
                failures.push(Failure {
                    task,
                    reason: format!("did not end within {limit:?}"),
                });
            }
        }
        failures
    }

    fn judge(&self, ended: Result<(Id, Result<(), String>), JoinError>) -> Option<Failure> {
        match ended {
            Ok((_, Ok(()))) => None,
            Ok((id, Err(reason))) => Some(Failure {
                task: self.name(id),
                reason,
            }),
            Err(error) if error.is_cancelled() => None,
            Err(error) => Some(Failure {
                task: self.name(error.id()),
                reason: "panicked".to_owned(),
            }),
        }
    }

    fn name(&self, id: Id) -> &'static str {
        self.names.get(&id).copied().unwrap_or("task")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_first_failure_is_told_and_the_rest_is_joined() {
        let mut tasks = Tasks::new();
        tasks.spawn("fine", async { Ok(()) });
        tasks.spawn("first", async { Err("broken".to_owned()) });
        assert_eq!(
            tasks.first_failure().await,
            Failure {
                task: "first",
                reason: "broken".to_owned()
            }
        );
        tasks.spawn("second", async { Err("also broken".to_owned()) });
        tasks.spawn("panics", async { panic!("on purpose") });
        tasks.spawn("endless", std::future::pending());
        let mut told: Vec<String> = tasks
            .join(Duration::from_millis(50))
            .await
            .iter()
            .map(ToString::to_string)
            .collect();
        told.sort();
        assert_eq!(
            told,
            [
                "endless: did not end within 50ms",
                "panics: panicked",
                "second: also broken"
            ]
        );
    }
}
