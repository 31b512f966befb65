//! Reports on their way to the cluster API: delayed, duplicated, reordered, lost, as the behaviour
//! says. Pure, but for the dice.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::time::Instant;

use crate::{Behaviour, Change, Report};

/// Most workloads in one batch.
const BATCH: usize = 200;
/// How long a report waits for a newer one that may overtake it.
const HOLD: Duration = Duration::from_millis(500);

/// The reports under way.
#[derive(Debug, Default)]
pub(crate) struct Delivery {
    queue: BTreeMap<(Instant, u64), Report>,
    next: u64,
    held: BTreeMap<String, (Instant, Report)>,
    /// Lost reports, to be repeated at the next resync.
    lost: BTreeMap<String, Change>,
    pub(crate) dropped: u64,
}

impl Delivery {
    /// Sends a change on its way.
    pub(crate) fn push(&mut self, change: Change, behaviour: &Behaviour, now: Instant) {
        let name = change.k8s_name().to_owned();
        if behaviour.drop_reports > 0.0 && rand::random::<f64>() < behaviour.drop_reports {
            self.dropped += 1;
            self.lost.insert(name, change);
            return;
        }
        self.lost.remove(&name);
        let at = now + behaviour.delay_reports;
        let report = Report::now(change);
        if behaviour.reorder_reports {
            match self.held.remove(&name) {
                None => {
                    self.held.insert(name, (at + HOLD, report));
                }
                Some((_, older)) => {
                    self.enqueue(at, report, behaviour.duplicate_reports);
                    self.enqueue(at, older, behaviour.duplicate_reports);
                }
            }
            return;
        }
        self.enqueue(at, report, behaviour.duplicate_reports);
    }

    /// What arrives now, in order, as batches that name no workload twice.
    pub(crate) fn take_due(&mut self, now: Instant) -> Vec<Vec<Report>> {
        let waited: Vec<String> = self
            .held
            .iter()
            .filter(|(_, (until, _))| *until <= now)
            .map(|(name, _)| name.clone())
            .collect();
        for name in waited {
            if let Some((_, report)) = self.held.remove(&name) {
                self.enqueue(now, report, 0);
            }
        }
        let later = self.queue.split_off(&(now + Duration::from_nanos(1), 0));
        let due = std::mem::replace(&mut self.queue, later);
        let (mut batches, mut names) = (Vec::<Vec<Report>>::new(), BTreeSet::new());
        for report in due.into_values() {
            let full = batches.last().is_none_or(|batch| batch.len() >= BATCH);
            if !names.insert(report.change.k8s_name().to_owned()) || full {
                names = BTreeSet::from([report.change.k8s_name().to_owned()]);
                batches.push(Vec::new());
            }
            if let Some(batch) = batches.last_mut() {
                batch.push(report);
            }
        }
        batches
    }

    /// Takes back what could not be delivered; it is tried again after a moment.
    pub(crate) fn retry(&mut self, reports: Vec<Report>, now: Instant) {
        for report in reports {
            self.enqueue(now + Duration::from_millis(100), report, 0);
        }
    }

    /// The lost reports, to be sent again.
    pub(crate) fn take_lost(&mut self) -> Vec<Change> {
        std::mem::take(&mut self.lost).into_values().collect()
    }

    /// Forgets everything under way, as the end of the agent's process does.
    pub(crate) fn clear(&mut self) {
        *self = Self {
            next: self.next,
            dropped: self.dropped,
            ..Self::default()
        };
    }

    fn enqueue(&mut self, at: Instant, report: Report, copies: u32) {
        for _ in 0..=copies {
            self.next += 1;
            self.queue.insert((at, self.next), report.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delete(name: &str) -> Change {
        Change::Delete {
            k8s_name: name.to_owned(),
        }
    }

    fn sizes(batches: &[Vec<Report>]) -> Vec<usize> {
        batches.iter().map(Vec::len).collect()
    }

    #[test]
    fn many_workloads_go_in_batches_and_duplicates_go_apart() {
        let (mut delivery, now) = (Delivery::default(), Instant::now());
        for number in 0..450 {
            delivery.push(delete(&number.to_string()), &Behaviour::default(), now);
        }
        assert_eq!(sizes(&delivery.take_due(now)), [200, 200, 50]);
        let twice = Behaviour {
            duplicate_reports: 2,
            ..Behaviour::default()
        };
        delivery.push(delete("a"), &twice, now);
        assert_eq!(sizes(&delivery.take_due(now)), [1, 1, 1]);
    }

    #[test]
    fn delayed_reports_arrive_later() {
        let (mut delivery, now) = (Delivery::default(), Instant::now());
        let slow = Behaviour {
            delay_reports: Duration::from_secs(1),
            ..Behaviour::default()
        };
        delivery.push(delete("a"), &slow, now);
        assert!(delivery.take_due(now).is_empty());
        assert_eq!(sizes(&delivery.take_due(now + Duration::from_secs(1))), [1]);
    }

    #[test]
    fn reordered_reports_overtake_and_a_lonely_one_arrives_in_the_end() {
        let (mut delivery, now) = (Delivery::default(), Instant::now());
        let odd = Behaviour {
            reorder_reports: true,
            ..Behaviour::default()
        };
        delivery.push(delete("a"), &odd, now);
        assert!(delivery.take_due(now).is_empty());
        delivery.push(delete("a"), &odd, now);
        let order: Vec<u64> = delivery
            .take_due(now)
            .into_iter()
            .flatten()
            .map(|report| report.observed)
            .collect();
        assert!(order.len() == 2 && order[0] > order[1], "{order:?}");
        delivery.push(delete("b"), &odd, now);
        assert_eq!(sizes(&delivery.take_due(now + HOLD)), [1]);
    }

    #[test]
    fn lost_reports_are_kept_for_the_resync_until_a_newer_one_passes() {
        let (mut delivery, now) = (Delivery::default(), Instant::now());
        let lossy = Behaviour {
            drop_reports: 1.0,
            ..Behaviour::default()
        };
        delivery.push(delete("a"), &lossy, now);
        delivery.push(delete("b"), &lossy, now);
        assert!(delivery.take_due(now).is_empty());
        delivery.push(delete("b"), &Behaviour::default(), now);
        assert_eq!(delivery.take_lost(), [delete("a")]);
        assert_eq!(delivery.dropped, 2);
    }
}
