//! How a simulated region behaves: the knobs, where they apply, and the pure rule that turns an
//! instance's age into its status.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::InstanceStatus;

/// How instances, sentinels and reports behave. In JSON each duration is a number of milliseconds.
///
/// `region_down` and `sentinel_unhealthy` are read from the region's behaviour only.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Behaviour {
    /// Time from the start of an instance until it runs.
    #[serde(rename = "ready_after_ms", with = "millis")]
    pub ready_after: Duration,
    /// Instances stay pending.
    pub never_ready: bool,
    /// A running instance fails after this time and stays failed.
    #[serde(rename = "crash_after_ms", with = "optional_millis")]
    pub crash_after: Option<Duration>,
    /// Instances alternate between running and failed, each for this time.
    #[serde(rename = "flap_ms", with = "optional_millis")]
    pub flap: Option<Duration>,
    /// Only so many instances of a workload ever run; the others stay pending.
    pub partial: Option<u32>,
    /// Instances of matching images stay pending, as with an image that cannot be pulled.
    pub reject_image: Option<ImagePattern>,
    /// No call of any kind: no heartbeat, nothing followed, nothing reported.
    pub region_down: bool,
    /// Share of reports that get lost, 0 to 1. The agent notices and repeats them at its next resync.
    pub drop_reports: f64,
    /// Reports arrive this much later.
    #[serde(rename = "delay_reports_ms", with = "millis")]
    pub delay_reports: Duration,
    /// Each report arrives so many times more.
    pub duplicate_reports: u32,
    /// Of two reports about one workload the newer arrives first.
    pub reorder_reports: bool,
    /// A new instance takes the address of the one that died last.
    pub reuse_ip: bool,
    /// Time from the order to stop until the instances are gone.
    #[serde(rename = "slow_delete_ms", with = "millis")]
    pub slow_delete: Duration,
    /// Time until a new sentinel is healthy.
    #[serde(rename = "sentinel_after_ms", with = "millis")]
    pub sentinel_after: Duration,
    /// Sentinels are unhealthy.
    pub sentinel_unhealthy: bool,
}

impl Behaviour {
    /// Instances run after `delay`.
    pub fn ready_after(delay: Duration) -> Self {
        Self {
            ready_after: delay,
            ..Self::default()
        }
    }

    /// Instances stay pending.
    pub fn never_ready() -> Self {
        Self {
            never_ready: true,
            ..Self::default()
        }
    }

    /// The region makes no call at all.
    pub fn down() -> Self {
        Self {
            region_down: true,
            ..Self::default()
        }
    }

    /// Status of the instance with this number (from 0) that started `age` ago.
    pub(crate) fn status(&self, image: &str, index: usize, age: Duration) -> InstanceStatus {
        let held = self.never_ready
            || self
                .partial
                .is_some_and(|running| index >= running as usize)
            || self
                .reject_image
                .as_ref()
                .is_some_and(|pattern| pattern.matches(image));
        if held || age < self.ready_after {
            return InstanceStatus::PENDING;
        }
        let running_for = age - self.ready_after;
        if self.crash_after.is_some_and(|limit| running_for >= limit) {
            return InstanceStatus::FAILED;
        }
        match self.flap {
            Some(period) if (running_for.as_micros() / period.as_micros().max(1)) % 2 == 1 => {
                InstanceStatus::FAILED
            }
            _ => InstanceStatus::RUNNING,
        }
    }

    /// Age at which the status may change next, if it does by itself.
    pub(crate) fn next_change(&self, age: Duration) -> Option<Duration> {
        if self.never_ready {
            return None;
        }
        if age < self.ready_after {
            return Some(self.ready_after);
        }
        let running_for = age - self.ready_after;
        let crash = self.crash_after.filter(|limit| running_for < *limit);
        let flap = self
            .flap
            .filter(|_| self.crash_after.is_none_or(|limit| running_for < limit))
            .map(|period| {
                let period = period.max(Duration::from_millis(1));
                let passed = u32::try_from(running_for.as_micros() / period.as_micros())
                    .unwrap_or(u32::MAX - 1);
                period * (passed + 1)
            });
        crash
            .into_iter()
            .chain(flap)
            .min()
            .map(|next| self.ready_after + next)
    }
}

/// A regular expression over image names.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ImagePattern(regex::Regex);

impl ImagePattern {
    /// Compiles the expression.
    ///
    /// # Errors
    /// When it is not a regular expression.
    pub fn new(pattern: &str) -> Result<Self, regex::Error> {
        regex::Regex::new(pattern).map(Self)
    }

    fn matches(&self, image: &str) -> bool {
        self.0.is_match(image)
    }
}

impl PartialEq for ImagePattern {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_str() == other.0.as_str()
    }
}

impl TryFrom<String> for ImagePattern {
    type Error = regex::Error;

    fn try_from(pattern: String) -> Result<Self, regex::Error> {
        Self::new(&pattern)
    }
}

impl From<ImagePattern> for String {
    fn from(pattern: ImagePattern) -> Self {
        pattern.0.as_str().to_owned()
    }
}

/// What a behaviour applies to. More specific ones win as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Everything in the region.
    Region,
    /// Deployments of this image.
    Image(String),
    /// One deployment, by id.
    Deployment(String),
}

/// The behaviours of one region.
#[derive(Clone, Debug, Default)]
pub(crate) struct Behaviours {
    pub(crate) region: Behaviour,
    images: BTreeMap<String, Behaviour>,
    deployments: BTreeMap<String, Behaviour>,
}

impl Behaviours {
    pub(crate) fn new(region: Behaviour) -> Self {
        Self {
            region,
            ..Self::default()
        }
    }

    /// `None` removes the behaviour; the region's falls back to the default one.
    pub(crate) fn set(&mut self, scope: Scope, behaviour: Option<Behaviour>) {
        let (map, key) = match scope {
            Scope::Region => {
                self.region = behaviour.unwrap_or_default();
                return;
            }
            Scope::Image(image) => (&mut self.images, image),
            Scope::Deployment(id) => (&mut self.deployments, id),
        };
        match behaviour {
            Some(behaviour) => map.insert(key, behaviour),
            None => map.remove(&key),
        };
    }

    pub(crate) fn of(&self, deployment_id: &str, image: &str) -> &Behaviour {
        self.deployments
            .get(deployment_id)
            .or_else(|| self.images.get(image))
            .unwrap_or(&self.region)
    }
}

mod millis {
    use super::{Deserialize, Duration};

    pub(super) fn serialize<S: serde::Serializer>(
        value: &Duration,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        to.serialize_u64(value.as_millis() as u64)
    }

    pub(super) fn deserialize<'de, D: serde::Deserializer<'de>>(
        from: D,
    ) -> Result<Duration, D::Error> {
        u64::deserialize(from).map(Duration::from_millis)
    }
}

mod optional_millis {
    use super::{Deserialize, Duration, Serialize};

    pub(super) fn serialize<S: serde::Serializer>(
        value: &Option<Duration>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        value.map(|value| value.as_millis() as u64).serialize(to)
    }

    pub(super) fn deserialize<'de, D: serde::Deserializer<'de>>(
        from: D,
    ) -> Result<Option<Duration>, D::Error> {
        Ok(Option::<u64>::deserialize(from)?.map(Duration::from_millis))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    #[test]
    fn an_instance_waits_runs_and_crashes() {
        let it = Behaviour {
            ready_after: MS(10),
            crash_after: Some(MS(5)),
            ..Behaviour::default()
        };
        let at = |age| it.status("img", 0, MS(age));
        assert_eq!((at(9), at(10), at(14), at(15)), {
            use InstanceStatus as S;
            (S::PENDING, S::RUNNING, S::RUNNING, S::FAILED)
        });
        assert_eq!(it.next_change(MS(0)), Some(MS(10)));
        assert_eq!(it.next_change(MS(10)), Some(MS(15)));
        assert_eq!(it.next_change(MS(15)), None);
    }

    #[test]
    fn flapping_alternates_with_its_period() {
        let it = Behaviour {
            flap: Some(MS(10)),
            ..Behaviour::default()
        };
        assert_eq!(it.status("img", 0, MS(9)), InstanceStatus::RUNNING);
        assert_eq!(it.status("img", 0, MS(10)), InstanceStatus::FAILED);
        assert_eq!(it.status("img", 0, MS(20)), InstanceStatus::RUNNING);
        assert_eq!(it.next_change(MS(12)), Some(MS(20)));
    }

    #[test]
    fn partial_and_rejected_instances_stay_pending() {
        let partial = Behaviour {
            partial: Some(1),
            ..Behaviour::default()
        };
        assert_eq!(partial.status("img", 0, MS(1)), InstanceStatus::RUNNING);
        assert_eq!(partial.status("img", 1, MS(1)), InstanceStatus::PENDING);
        let pattern = ImagePattern::new("^bad/").expect("valid");
        let reject = Behaviour {
            reject_image: Some(pattern),
            ..Behaviour::default()
        };
        assert_eq!(
            reject.status("bad/app:1", 0, MS(1)),
            InstanceStatus::PENDING
        );
        assert_eq!(
            reject.status("good/app:1", 0, MS(1)),
            InstanceStatus::RUNNING
        );
    }

    #[test]
    fn the_most_specific_behaviour_counts_as_a_whole() {
        let mut all = Behaviours::new(Behaviour::never_ready());
        all.set(
            Scope::Image("img".to_owned()),
            Some(Behaviour::ready_after(MS(5))),
        );
        all.set(Scope::Deployment("d_1".to_owned()), Some(Behaviour::down()));
        assert!(all.of("d_0", "other").never_ready);
        assert_eq!(all.of("d_0", "img").ready_after, MS(5));
        assert!(all.of("d_1", "img").region_down);
        all.set(Scope::Deployment("d_1".to_owned()), None);
        assert_eq!(all.of("d_1", "img").ready_after, MS(5));
    }

    #[test]
    fn json_uses_milliseconds_and_refuses_unknown_knobs() {
        let read: Behaviour =
            serde_json::from_str(r#"{"ready_after_ms":20,"flap_ms":5}"#).expect("valid");
        assert_eq!((read.ready_after, read.flap), (MS(20), Some(MS(5))));
        let error =
            serde_json::from_str::<Behaviour>(r#"{"ready_afer_ms":20}"#).expect_err("misspelt");
        assert!(error.to_string().contains("ready_afer_ms"), "{error}");
    }
}
