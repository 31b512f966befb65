//! What was tried and survived: kinds of fault, cells, rows, and whether all of it passed.
//!
//! Not for people: see `table`.

use std::collections::BTreeMap;

use serde::Serialize;

/// A column of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FaultKind {
    /// Nothing goes wrong.
    Plain,
    /// SIGKILL of the worker at every command.
    Kill,
    /// The stream cut at every command.
    Cut,
    /// The answer of every step lost after its effect.
    Lost,
    /// Every step fails once before its effect.
    Transient,
    /// A terminal error at every step.
    Terminal,
    /// The same, with every undo run twice.
    UndoTwice,
    /// The same, with every undo failing once.
    UndoFails,
    /// Cancelled at every await.
    Cancel,
    /// Always suspending.
    Suspend,
}

impl FaultKind {
    /// All columns.
    pub const ALL: [Self; 10] = [
        Self::Plain,
        Self::Kill,
        Self::Cut,
        Self::Lost,
        Self::Transient,
        Self::Terminal,
        Self::UndoTwice,
        Self::UndoFails,
        Self::Cancel,
        Self::Suspend,
    ];

    /// As in the table and on the command line.
    pub fn name(self) -> String {
        let name = serde_json::to_value(self).unwrap_or_default();
        name.as_str().unwrap_or_default().to_owned()
    }
}

/// One story under one kind of fault.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Cell {
    /// Faults that were to happen.
    pub wanted: usize,
    /// Faults that were left out for want of time; an earlier story has them at the same command or step.
    pub left_out: usize,
    /// Faults that really happened where they were wanted.
    pub tried: usize,
    /// Plays among them after which everything was as it must be.
    pub survived: usize,
    /// Undo steps that ran.
    pub undos: usize,
    /// Invariants that were looked at.
    pub invariants: usize,
    /// Effects counted at the fakes.
    pub effects: usize,
    /// What went wrong, with the place.
    pub broken: Vec<String>,
}

impl Cell {
    /// Counts another play in.
    pub(crate) fn add(&mut self, other: Self) {
        self.wanted += other.wanted;
        self.left_out += other.left_out;
        self.tried += other.tried;
        self.survived += other.survived;
        self.undos += other.undos;
        self.invariants += other.invariants;
        self.effects += other.effects;
        self.broken.extend(other.broken);
    }
}

/// A story's line.
#[derive(Debug, Clone, Serialize)]
pub struct Row {
    /// Name of the story.
    pub story: String,
    /// `Service/Handler`.
    pub handler: String,
    /// Commands of the dry run.
    pub commands: usize,
    /// Run steps of the dry run.
    pub steps: usize,
    /// Seconds its plays took.
    pub seconds: f32,
    /// Cells by kind.
    pub cells: BTreeMap<String, Cell>,
}

/// Everything.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// One row a story.
    pub rows: Vec<Row>,
    /// Handlers of the manifest no story covers.
    pub uncovered: Vec<String>,
    /// Seconds it took.
    pub seconds: f32,
}

impl Report {
    /// Whether every handler has a story, every fault came to pass and everything was survived.
    pub fn passed(&self) -> bool {
        self.uncovered.is_empty()
            && !self.rows.is_empty()
            && self.rows.iter().all(|row| {
                row.cells.values().all(|cell| {
                    cell.survived == cell.tried
                        && cell.tried == cell.wanted
                        && cell.broken.is_empty()
                }) && row.cells.get("plain").is_some_and(|cell| cell.tried == 1)
            })
    }
}
