//! The undo stack: what to take back, registered before the step it belongs to, taken back newest first.

use crate::error::Stop;
use std::future::Future;

/// Undo actions in the order they were registered. `A` is plain data, rebuilt by every replay.
#[derive(Debug)]
pub struct UndoStack<A> {
    actions: Vec<A>,
}

impl<A> Default for UndoStack<A> {
    fn default() -> Self {
        Self {
            actions: Vec::new(),
        }
    }
}

impl<A: Clone> UndoStack<A> {
    /// Registers an action. Call it before the step that creates what it takes back.
    pub fn push(&mut self, action: A) {
        self.actions.push(action);
    }

    /// Runs all actions, newest first. A failing one does not keep the rest from running; the failures come back
    /// in the order they happened. One that is interrupted by a cancellation runs again: a cancellation, too, wants
    /// the world taken back.
    pub async fn unwind<F, Fut>(mut self, mut undo: F) -> Vec<Stop>
    where
        F: FnMut(A) -> Fut,
        Fut: Future<Output = Result<(), Stop>>,
    {
        let mut failures = Vec::new();
        while let Some(action) = self.actions.pop() {
            let mut result = undo(action.clone()).await;
            if result.as_ref().is_err_and(Stop::is_cancelled) {
                result = undo(action).await;
            }
            if let Err(stop) = result {
                tracing::error!(error = %stop, "an undo step failed for good; the reconciler has to finish it");
                failures.push(stop);
            }
        }
        failures
    }
}
