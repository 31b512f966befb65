//! What a run found and did, for people and as one line of JSON, and whether it counts as passed.
//!
//! Not for looking: see `invariants` and `settle`.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde_json::{Value, json};

use crate::book::Tally;
use crate::plan::{Fault, Kind};

/// Fewest operations in a minute.
const OPERATIONS_A_MINUTE: f64 = 100.0;
/// Fewest faults in a minute.
const FAULTS_A_MINUTE: f64 = 10.0;

/// What must hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Invariant {
    /// The current deployment is to run, in all its regions.
    CurrentRuns,
    /// Live routes of production lead to the current deployment.
    LiveRoutes,
    /// A reader with a cursor sees every committed change.
    CursorSeesAll,
    /// What was replaced goes to standby.
    ReplacedSleeps,
    /// No active status outlives its deadline.
    Deadlines,
    /// Allocated resources stay within the quota.
    Quota,
    /// No route changes its owner.
    Owners,
    /// Every deployment is in a terminal status in the end, and nothing is in flight.
    Settles,
    /// Every route leads to a deployment of its own app and environment.
    NoOrphanRoute,
    /// Nothing is left of an environment that was deleted.
    DeletedIsGone,
    /// Production is served by running instances of the current deployment.
    Serves,
}

impl Invariant {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::CurrentRuns,
        Self::LiveRoutes,
        Self::CursorSeesAll,
        Self::ReplacedSleeps,
        Self::Deadlines,
        Self::Quota,
        Self::Owners,
        Self::Settles,
        Self::NoOrphanRoute,
        Self::DeletedIsGone,
        Self::Serves,
    ];

    /// Its name in summaries.
    pub fn name(self) -> &'static str {
        match self {
            Self::CurrentRuns => "P1_current_runs",
            Self::LiveRoutes => "P2_live_routes",
            Self::CursorSeesAll => "P3_cursor_sees_all",
            Self::ReplacedSleeps => "P4_replaced_sleeps",
            Self::Deadlines => "P5_deadlines",
            Self::Quota => "P6_quota",
            Self::Owners => "P7_owners",
            Self::Settles => "settles",
            Self::NoOrphanRoute => "no_orphan_route",
            Self::DeletedIsGone => "deleted_is_gone",
            Self::Serves => "production_serves",
        }
    }
}

/// An invariant that did not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Which one.
    pub invariant: Invariant,
    /// The rows that show it.
    pub rows: Vec<String>,
}

impl Violation {
    pub(crate) fn new(invariant: Invariant, rows: Vec<String>) -> Self {
        Self { invariant, rows }
    }
}

/// A whole run.
#[derive(Debug, Clone)]
pub struct Report {
    /// Seed of the plan.
    pub seed: u64,
    /// Length of the part with operations and faults.
    pub disturbed: Duration,
    /// Everything from the first server to the last check.
    pub total: Duration,
    /// Operations by kind.
    pub operations: BTreeMap<Kind, Tally>,
    /// Faults by kind.
    pub faults: BTreeMap<Fault, usize>,
    /// Evaluations by invariant.
    pub looks: BTreeMap<Invariant, usize>,
    /// Changes of rows the cursor reader saw.
    pub changes: usize,
    /// Deployments that went to standby by a timer.
    pub timers: usize,
    /// Deployments by final status.
    pub statuses: BTreeMap<String, usize>,
    /// Longest time a deployment was in work.
    pub longest_active: Duration,
    /// What did not hold.
    pub violations: Vec<Violation>,
    /// Operations and faults before the first violation, and all about the rows it names.
    pub history: Vec<String>,
}

impl Report {
    /// Why this run does not count: violations, or too little happened.
    pub fn failures(&self) -> Vec<String> {
        let mut failures: Vec<String> = self
            .violations
            .iter()
            .map(|v| format!("{} did not hold", v.invariant.name()))
            .collect();
        if !failures.is_empty() {
            return failures;
        }
        let minutes = self.disturbed.as_secs_f64() / 60.0;
        let (operations, faults) = self.totals();
        if (operations as f64) < OPERATIONS_A_MINUTE * minutes {
            failures.push(format!(
                "only {operations} operations in {minutes:.1} minutes"
            ));
        }
        if (faults as f64) < FAULTS_A_MINUTE * minutes {
            failures.push(format!("only {faults} faults in {minutes:.1} minutes"));
        }
        for kind in Kind::ALL {
            if self.operations.get(&kind).is_none_or(|t| t.done == 0) {
                failures.push(format!("no {} was done", kind.name()));
            }
        }
        for fault in Fault::ALL {
            if !self.faults.contains_key(&fault) {
                failures.push(format!("no {}", fault.name()));
            }
        }
        for invariant in Invariant::ALL {
            if !self.looks.contains_key(&invariant) {
                failures.push(format!("{} was never evaluated", invariant.name()));
            }
        }
        if self.timers == 0 {
            failures.push("no timer fired".to_owned());
        }
        failures
    }

    fn totals(&self) -> (usize, usize) {
        let operations = self.operations.values().map(|t| t.issued).sum();
        (operations, self.faults.values().sum())
    }

    /// The summary as JSON.
    pub fn json(&self) -> Value {
        let operations: BTreeMap<&str, Value> = self
            .operations
            .iter()
            .map(|(kind, t)| {
                let tally = json!({ "issued": t.issued, "done": t.done, "refused": t.refused, "lost": t.lost });
                (kind.name(), tally)
            })
            .collect();
        let faults: BTreeMap<&str, usize> =
            self.faults.iter().map(|(f, n)| (f.name(), *n)).collect();
        let looks: BTreeMap<&str, usize> = self.looks.iter().map(|(i, n)| (i.name(), *n)).collect();
        let violations: Vec<Value> = self
            .violations
            .iter()
            .map(|v| json!({ "invariant": v.invariant.name(), "rows": v.rows }))
            .collect();
        let (all_operations, all_faults) = self.totals();
        let failures = self.failures();
        json!({
            "seed": self.seed, "passed": failures.is_empty(), "failures": failures,
            "operations_total": all_operations, "operations": operations,
            "faults_total": all_faults, "faults": faults, "timers_fired": self.timers,
            "evaluations": looks, "changes_seen_by_cursor": self.changes, "deployments": self.statuses,
            "longest_active_seconds": self.longest_active.as_secs_f64(), "violations": violations,
            "disturbed_seconds": self.disturbed.as_secs(), "seconds": self.total.as_secs(),
        })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for violation in &self.violations {
            writeln!(
                f,
                "VIOLATION {}, seed {}",
                violation.invariant.name(),
                self.seed
            )?;
            for row in &violation.rows {
                writeln!(f, "  {row}")?;
            }
        }
        if !self.violations.is_empty() {
            writeln!(f, "what happened (seed {}):", self.seed)?;
            for line in &self.history {
                writeln!(f, "  {line}")?;
            }
        }
        writeln!(
            f,
            "{:<20} {:>7} {:>6} {:>8} {:>6}",
            "operation", "issued", "done", "refused", "lost"
        )?;
        for (kind, t) in &self.operations {
            writeln!(
                f,
                "{:<20} {:>7} {:>6} {:>8} {:>6}",
                kind.name(),
                t.issued,
                t.done,
                t.refused,
                t.lost
            )?;
        }
        for (fault, count) in &self.faults {
            writeln!(f, "fault {:<18} {count:>5}", fault.name())?;
        }
        for (invariant, count) in &self.looks {
            writeln!(f, "evaluated {:<20} {count:>7}", invariant.name())?;
        }
        let (operations, faults) = self.totals();
        writeln!(
            f,
            "seed {}: {operations} operations and {faults} faults in {:.0} s, {} timers fired, {} changes seen by cursor, \
             deployments {:?}, longest active {:.1} s, {:.0} s in all",
            self.seed,
            self.disturbed.as_secs_f64(),
            self.timers,
            self.changes,
            self.statuses,
            self.longest_active.as_secs_f64(),
            self.total.as_secs_f64()
        )?;
        for failure in self.failures() {
            writeln!(f, "FAILED: {failure}")?;
        }
        Ok(())
    }
}
