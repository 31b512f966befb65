//! What a run does and when: a pure function of seed, length and pace. No clock, no I/O, nothing of the outcome of
//! an earlier operation decides about a later one, so that a seed replays.
//!
//! Targets are told by their number: the third production deployment of the second app. Which row that is, and
//! whether it exists by then, is found out at run time.

use std::fmt;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;
use rand::{Rng as _, SeedableRng as _};

pub use crate::kinds::{Fault, Kind};

/// Apps in the world: two in each of three workspaces.
pub(crate) const APPS: usize = 6;
/// Regions in the world.
pub(crate) const REGIONS: usize = 3;

/// One of an app's two environments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Environment {
    /// Slug `production`.
    Production,
    /// Slug `preview`.
    Preview,
}

/// A deployment by its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name {
    /// Number of the app.
    pub app: usize,
    /// Its environment.
    pub environment: Environment,
    /// Number of the deployment in its environment, from 0.
    pub number: usize,
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let environment = match self.environment {
            Environment::Production => "production",
            Environment::Preview => "preview",
        };
        write!(f, "app{}/{environment}#{}", self.app, self.number)
    }
}

/// One operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    /// Time since the start.
    pub at: Duration,
    /// What is asked.
    pub kind: Kind,
    /// Number of the app.
    pub app: usize,
    /// The deployment it makes or is about; nothing for what concerns an app or an operation.
    pub target: Option<Name>,
    /// Number of a branch.
    pub branch: usize,
    /// The operation that is cancelled.
    pub cancels: Option<usize>,
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:7.3} {}", self.at.as_secs_f64(), self.kind.name())?;
        match (self.target, self.cancels) {
            (Some(target), _) => write!(f, " {target}"),
            (None, Some(number)) => write!(f, " operation {number}"),
            (None, None) => write!(f, " app{}", self.app),
        }
    }
}

/// One fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disturbance {
    /// Time since the start.
    pub at: Duration,
    /// What breaks.
    pub fault: Fault,
    /// Number of the region, for the faults of the edge.
    pub region: usize,
    /// For how long, for faults that last.
    pub lasts: Duration,
}

/// How often things happen, on average.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pace {
    /// Between two operations.
    pub operation: Duration,
    /// Between two faults.
    pub fault: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            operation: Duration::from_millis(400),
            fault: Duration::from_millis(4500),
        }
    }
}

/// Everything a run does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Ascending by time.
    pub operations: Vec<Operation>,
    /// Ascending by time.
    pub faults: Vec<Disturbance>,
}

impl Plan {
    /// The plan of a seed.
    pub fn new(seed: u64, length: Duration, pace: Pace) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        Self {
            operations: Planner::default().operations(&mut rng, length, pace),
            faults: faults(&mut rng, length, pace),
        }
    }
}

/// What was created so far, with its time.
#[derive(Default)]
struct Planner {
    operations: Vec<Operation>,
    created: [[Vec<Duration>; 2]; APPS],
}

impl Planner {
    fn operations(mut self, rng: &mut StdRng, length: Duration, pace: Pace) -> Vec<Operation> {
        // Every app has something live early on.
        for app in 0..APPS {
            self.push(
                rng,
                Duration::from_millis(20 * app as u64),
                Kind::DeployProduction,
                app,
            );
        }
        let mut bag: Vec<Kind> = Vec::new();
        let mut at = Duration::from_millis(500);
        while at < length {
            if bag.is_empty() {
                let shares = |k: &Kind| std::iter::repeat_n(*k, k.share());
                bag = Kind::ALL.iter().flat_map(shares).collect();
                bag.shuffle(rng);
            }
            let app = rng.random_range(0..APPS);
            // A kind that has no target yet waits for the next operation.
            let fit = bag.iter().rposition(|k| self.possible(*k, app, at));
            let kind = fit.map_or(Kind::DeployProduction, |i| bag.remove(i));
            self.push(rng, at, kind, app);
            at += jitter(rng, pace.operation);
        }
        self.operations
    }

    /// How old a target is at least: time for a deployment that meets no fault.
    fn age(kind: Kind) -> Duration {
        match kind {
            Kind::DuplicateDeploy => Duration::ZERO,
            _ => Duration::from_millis(1500),
        }
    }

    fn targets(
        &self,
        kind: Kind,
        app: usize,
        environment: Environment,
        at: Duration,
    ) -> Vec<usize> {
        let limit = at.saturating_sub(Self::age(kind));
        let of = &self.created[app][environment as usize];
        let old_enough = of.iter().filter(|t| **t < limit).count();
        (old_enough.saturating_sub(6)..old_enough).collect()
    }

    fn possible(&self, kind: Kind, app: usize, at: Duration) -> bool {
        let has = |environment| !self.targets(kind, app, environment, at).is_empty();
        match kind {
            Kind::Promote | Kind::Rollback | Kind::Standby => {
                self.targets(kind, app, Environment::Production, at).len() > 1
            }
            Kind::DuplicateDeploy | Kind::IdleScaleDown | Kind::Wake | Kind::DeleteEnvironment => {
                has(Environment::Preview)
            }
            _ => true,
        }
    }

    fn push(&mut self, rng: &mut StdRng, at: Duration, kind: Kind, app: usize) {
        let branch = rng.random_range(0..3);
        let mut choose = |planner: &Self, environment: Environment| {
            let targets = planner.targets(kind, app, environment, at);
            let number = (!targets.is_empty()).then(|| targets[rng.random_range(0..targets.len())]);
            number.map(|number| Name {
                app,
                environment,
                number,
            })
        };
        let (mut target, mut cancels) = (None, None);
        match kind {
            Kind::Promote | Kind::Rollback | Kind::Standby => {
                target = choose(self, Environment::Production);
            }
            Kind::Wake => target = choose(self, Environment::Preview),
            Kind::DuplicateDeploy => {
                let production = branch == 0;
                target = production
                    .then(|| choose(self, Environment::Production))
                    .flatten()
                    .or_else(|| choose(self, Environment::Preview));
            }
            Kind::Cancel => {
                let back = 1 + branch;
                cancels = Some(self.operations.len().saturating_sub(back));
            }
            _ => {}
        }
        if let Some(environment) = kind.environment() {
            let created = &mut self.created[app][environment as usize];
            target = Some(Name {
                app,
                environment,
                number: created.len(),
            });
            created.push(at);
        }
        self.operations.push(Operation {
            at,
            kind,
            app,
            target,
            branch,
            cancels,
        });
    }
}

fn faults(rng: &mut StdRng, length: Duration, pace: Pace) -> Vec<Disturbance> {
    let mut bag: Vec<Fault> = Fault::ALL.to_vec();
    bag.shuffle(rng);
    let mut at = pace.fault / 2;
    let mut faults = Vec::new();
    while at < length {
        if bag.is_empty() {
            bag = Fault::ALL.to_vec();
            bag.extend([Fault::WorkerKill, Fault::WorkerKill, Fault::DatabaseCut]);
            bag.shuffle(rng);
        }
        if let Some(fault) = bag.pop() {
            faults.push(Disturbance {
                at,
                fault,
                region: rng.random_range(0..REGIONS),
                lasts: Duration::from_millis(rng.random_range(600..3000)),
            });
        }
        at += jitter(rng, pace.fault);
    }
    faults
}

/// Half to one and a half of the mean.
fn jitter(rng: &mut StdRng, mean: Duration) -> Duration {
    mean.mul_f64(rng.random_range(0.5..1.5))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn a_seed_replays_and_another_one_differs() {
        let plan = |seed| Plan::new(seed, MINUTE, Pace::default());
        assert_eq!(plan(7), plan(7));
        assert_ne!(plan(7), plan(8));
    }

    #[test]
    fn every_minute_has_enough_operations_and_faults_of_every_kind() {
        for seed in 0..50 {
            let plan = Plan::new(seed, MINUTE, Pace::default());
            assert!(
                plan.operations.len() >= 110,
                "{seed}: {}",
                plan.operations.len()
            );
            assert!(plan.faults.len() >= 11, "{seed}: {}", plan.faults.len());
            for kind in Kind::ALL {
                assert!(
                    plan.operations.iter().any(|o| o.kind == kind),
                    "{seed}: {kind:?}"
                );
            }
            for fault in Fault::ALL {
                assert!(
                    plan.faults.iter().any(|f| f.fault == fault),
                    "{seed}: {fault:?}"
                );
            }
        }
    }

    #[test]
    fn targets_were_created_before() {
        let plan = Plan::new(3, MINUTE, Pace::default());
        let mut created = Vec::new();
        for operation in &plan.operations {
            match (operation.kind.environment(), operation.target) {
                (Some(_), Some(name)) => {
                    assert!(!created.contains(&name), "{operation}");
                    created.push(name);
                }
                (None, Some(name)) => assert!(created.contains(&name), "{operation}"),
                _ => {}
            }
        }
    }
}
