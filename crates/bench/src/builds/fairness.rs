//! How evenly waiting is shared out among repositories. Not for how long it takes in all.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::stack::Stack;
use crate::{Result, sql};

/// Waits of one repository's builds.
pub(crate) struct Waits {
    pub(crate) app_id: String,
    times: Vec<Duration>,
}

impl Waits {
    pub(crate) fn mean(&self) -> Duration {
        let count = u32::try_from(self.times.len()).unwrap_or(u32::MAX);
        self.times
            .iter()
            .sum::<Duration>()
            .checked_div(count)
            .unwrap_or_default()
    }

    pub(crate) fn times(&self) -> &[Duration] {
        &self.times
    }
}

/// From the beginning of a deployment's step `building` until its build was opened, of every build of a workspace.
pub(crate) async fn waits(stack: &Stack, workspace_id: &str) -> Result<Vec<Waits>> {
    let statement = "SELECT s.app_id, CAST(b.created_at - s.started_at AS SIGNED) AS waited FROM deployment_steps s \
                     JOIN ctrl_worker_builds b ON b.deployment_id = s.deployment_id WHERE s.workspace_id = ? AND s.step = 'building'";
    let mut all = BTreeMap::<String, Vec<Duration>>::new();
    for row in sql::rows(&stack.db, statement, vec![workspace_id.into()]).await? {
        let waited: i64 = row.try_get("", "waited")?;
        let waited = Duration::from_millis(u64::try_from(waited).unwrap_or(0));
        all.entry(row.try_get("", "app_id")?)
            .or_default()
            .push(waited);
    }
    let waits = |(app_id, times)| Waits { app_id, times };
    Ok(all.into_iter().map(waits).collect())
}

/// Jain's index of shares: 1 when all are equal, 1/n when one has everything. Nothing to share is shared evenly.
pub(crate) fn jain(shares: &[f64]) -> f64 {
    let sum: f64 = shares.iter().sum();
    let squares: f64 = shares.iter().map(|share| share * share).sum();
    if squares == 0.0 {
        return 1.0;
    }
    sum * sum / (shares.len() as f64 * squares)
}

#[cfg(test)]
mod tests {
    use super::jain;

    #[test]
    fn the_index_is_one_for_equals_and_a_nth_for_one_who_has_everything() {
        assert!((jain(&[3.0; 20]) - 1.0).abs() < 1e-9);
        assert!((jain(&[0.0, 0.0, 0.0, 8.0]) - 0.25).abs() < 1e-9);
        assert!((jain(&[0.0, 0.0]) - 1.0).abs() < 1e-9);
        assert!((jain(&[1.0, 3.0]) - 0.8).abs() < 1e-9);
    }
}
