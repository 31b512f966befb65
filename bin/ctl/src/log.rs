//! A deployment's log as one list: its own steps, the steps of its build, what these wrote. And the position of a reader in
//! it, by which nothing is told twice although rows arrive late and are read again. Pure.

use std::collections::{BTreeMap, BTreeSet};

use analytics::{BuildLine, BuildStep};
use serde::{Deserialize, Serialize};

use crate::progress::Event;
use crate::read::Step;

/// Rows may arrive so much later than newer ones, milliseconds: the worker writes in batches, several in parallel.
const LATE: i64 = 10_000;
/// The same across two runs of a reader, where no last look back is possible.
const LATE_ACROSS_RUNS: i64 = 60_000;

/// Steps of a deployment in their order; the build happens in the third.
const STEPS: [&str; 6] = [
    "queued",
    "starting",
    BUILDING,
    "deploying",
    "network",
    "finalizing",
];
const BUILDING: &str = "building";

/// One thing of a log.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Entry {
    /// Epoch milliseconds.
    pub(crate) time: i64,
    #[serde(flatten)]
    pub(crate) event: Event,
}

impl std::fmt::Display for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.event.fmt(f)
    }
}

/// The steps of a deployment as entries; those from the end of the build on only where `with_end`.
pub(crate) fn of_steps(steps: &[Step], with_end: bool) -> Vec<Entry> {
    let time = |ms: u64| i64::try_from(ms).unwrap_or(i64::MAX);
    let mut entries = Vec::new();
    let built = steps
        .iter()
        .find(|step| step.name == BUILDING)
        .and_then(|step| step.ended_at);
    for step in steps {
        let name = step.name.clone();
        entries.push(Entry {
            time: time(step.started_at),
            event: Event::StepStarted { step: name.clone() },
        });
        let Some(ended) = step.ended_at else { continue };
        let event = match &step.error {
            Some(error) => Event::StepFailed {
                step: name,
                error: error.clone(),
            },
            None => Event::StepDone {
                step: name,
                seconds: ended.saturating_sub(step.started_at) as f64 / 1_000.0,
            },
        };
        entries.push(Entry {
            time: time(ended),
            event,
        });
    }
    if let (false, Some(built)) = (with_end, built) {
        let place = place(&Event::StepDone {
            step: BUILDING.to_owned(),
            seconds: 0.0,
        });
        entries.retain(|entry| (entry.time, self::place(&entry.event)) < (time(built), place));
    }
    entries
}

impl From<BuildStep> for Entry {
    fn from(step: BuildStep) -> Self {
        // a builder that tells no beginning leaves a time long before 1970
        let began = (step.started_at > 0).then_some(step.started_at);
        let seconds = began.map(|began| step.completed_at.saturating_sub(began) as f64 / 1_000.0);
        Self {
            time: step.completed_at,
            event: Event::BuildStep {
                step_id: step.step_id,
                name: step.name,
                seconds,
                cached: step.cached,
                error: Some(step.error).filter(|error| !error.is_empty()),
            },
        }
    }
}

impl From<BuildLine> for Entry {
    fn from(line: BuildLine) -> Self {
        Self {
            time: line.time,
            event: Event::BuildLine {
                step_id: line.step_id,
                message: line.message,
            },
        }
    }
}

/// In the order of their times; what belongs to one millisecond, in that of the deployment.
pub(crate) fn sort(entries: &mut [Entry]) {
    entries.sort_by_key(|entry| (entry.time, place(&entry.event)));
}

fn place(event: &Event) -> (usize, u8) {
    let number = |name: &str| STEPS.iter().position(|step| *step == name);
    let of = |name: &str| number(name).unwrap_or(STEPS.len());
    match event {
        Event::StepStarted { step } => (of(step), 0),
        Event::BuildLine { .. } => (of(BUILDING), 1),
        Event::BuildStep { .. } => (of(BUILDING), 2),
        Event::StepDone { step, .. } | Event::StepFailed { step, .. } => (of(step), 3),
        _ => (STEPS.len(), 4),
    }
}

/// How far a reader has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Position {
    /// Whose log.
    pub(crate) deployment_id: String,
    /// What is older was told in an earlier run.
    floor: i64,
    newest: i64,
    /// What of the build was told: by time, how often.
    told: BTreeMap<i64, BTreeMap<u64, u32>>,
    /// What was told of the deployment's own steps.
    steps: BTreeSet<u64>,
}

impl Position {
    /// At the beginning.
    pub(crate) fn of(deployment_id: &str) -> Self {
        Self {
            deployment_id: deployment_id.to_owned(),
            floor: i64::MIN,
            newest: i64::MIN,
            told: BTreeMap::new(),
            steps: BTreeSet::new(),
        }
    }

    /// From which time on the build's rows are to be read, all of them: `whole` for a last look, which misses nothing.
    pub(crate) fn since(&self, whole: bool) -> i64 {
        match whole {
            true => self.floor,
            false => self.newest.saturating_sub(LATE).max(self.floor),
        }
    }

    /// Leaves of the rows that were read, all since [`Position::since`], those that were not told yet, and takes them as
    /// told. Rows that are alike count as often as they are there.
    pub(crate) fn untold(&mut self, entries: Vec<Entry>) -> Vec<Entry> {
        let mut met: BTreeMap<(i64, u64), u32> = BTreeMap::new();
        let mut new = Vec::new();
        for entry in entries {
            let mark = mark(&entry);
            if !matches!(
                entry.event,
                Event::BuildLine { .. } | Event::BuildStep { .. }
            ) {
                if self.steps.insert(mark) {
                    new.push(entry);
                }
                continue;
            }
            let met = met.entry((entry.time, mark)).or_default();
            *met += 1;
            let told = self.told.entry(entry.time).or_default();
            let told = told.entry(mark).or_default();
            if *met > *told {
                *told = *met;
                self.newest = self.newest.max(entry.time);
                new.push(entry);
            }
        }
        new
    }

    /// What a later run has to know.
    pub(crate) fn kept(&self) -> Self {
        let floor = self.newest.saturating_sub(LATE_ACROSS_RUNS).max(self.floor);
        Self {
            floor,
            told: self
                .told
                .range(floor..)
                .map(|(time, told)| (*time, told.clone()))
                .collect(),
            ..self.clone()
        }
    }
}

/// FNV-1a over all that tells an entry from others: the same in every run.
fn mark(entry: &Entry) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut add = |text: &str| {
        for byte in text.bytes().chain([0xff]) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    };
    match &entry.event {
        Event::BuildLine { step_id, message } => {
            add("line");
            add(step_id);
            add(message);
        }
        Event::BuildStep { step_id, name, .. } => {
            add("build step");
            add(step_id);
            add(name);
        }
        Event::StepStarted { step } => {
            add("started");
            add(step);
            add(&entry.time.to_string());
        }
        other => {
            add("ended");
            add(&other.to_string());
            add(&entry.time.to_string());
        }
    }
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(time: i64, message: &str) -> Entry {
        BuildLine {
            time,
            step_id: "sha256:abcdef0123".to_owned(),
            message: message.to_owned(),
        }
        .into()
    }

    fn words(entries: &[Entry]) -> Vec<String> {
        entries
            .iter()
            .map(|e| e.to_string().trim().to_owned())
            .collect()
    }

    #[test]
    fn nothing_is_told_twice_and_what_comes_late_is_told() {
        let mut position = Position::of("d_1");
        let first = vec![line(5, "same"), line(5, "same"), line(9, "b")];
        assert_eq!(position.untold(first.clone()).len(), 3);
        assert!(position.untold(first.clone()).is_empty());
        // a third one that is alike, and one from before
        let mut second = first;
        second.insert(0, line(1, "late"));
        second.push(line(5, "same"));
        let new = position.untold(second.clone());
        assert_eq!(words(&new), ["abcdef │ late", "abcdef │ same"]);
        assert!(position.untold(second).is_empty());
    }

    #[test]
    fn a_later_run_goes_on_where_the_position_was_kept() {
        let mut position = Position::of("d_1");
        position.untold(vec![
            line(1_000, "old"),
            line(100_000, "a"),
            line(100_000, "b"),
        ]);
        let kept = serde_json::to_string(&position.kept()).expect("json");
        assert!(!kept.contains("\"1000\""), "{kept}");
        let mut later: Position = serde_json::from_str(&kept).expect("json");
        assert_eq!(later.since(true), 40_000);
        assert_eq!(later.since(false), 90_000);
        let all = vec![line(100_000, "a"), line(100_000, "b"), line(100_001, "c")];
        assert_eq!(words(&later.untold(all)), ["abcdef │ c"]);
        assert_eq!(position.since(true), i64::MIN);
    }

    #[test]
    fn a_deployments_steps_enclose_what_the_build_wrote() {
        let step = |name: &str, started_at, ended_at| Step {
            name: name.to_owned(),
            started_at,
            ended_at: Some(ended_at),
            error: None,
        };
        let steps = [
            step("building", 10, 20),
            step("deploying", 20, 30),
            step("starting", 5, 10),
        ];
        let mut entries = of_steps(&steps, true);
        entries.push(
            BuildStep {
                step_id: "sha256:abcdef".to_owned(),
                started_at: -1,
                completed_at: 20,
                name: "RUN make".to_owned(),
                cached: true,
                error: String::new(),
            }
            .into(),
        );
        entries.push(line(20, "last words"));
        entries.push(line(10, "first words"));
        sort(&mut entries);
        assert_eq!(
            words(&entries),
            [
                "starting …",
                "starting done in 0.01 s",
                "building …",
                "abcdef │ first words",
                "abcdef │ last words",
                "abcdef RUN make, cached",
                "building done in 0.01 s",
                "deploying …",
                "deploying done in 0.01 s",
            ]
        );
        let held = of_steps(&steps, false);
        assert_eq!(held.len(), 3, "{held:?}");
    }
}
