//! What can go wrong in a play, and where.
//!
//! Not for making it happen (see `play`), and not for which are tried (see `runner`).

use faults::Kind;

use crate::upgrade::Ends;

/// A message of the dry run, found again in every other play of the story.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Point {
    pub(crate) service: String,
    pub(crate) handler: String,
    /// Object key as a placeholder.
    pub(crate) key: String,
    pub(crate) index: usize,
    pub(crate) kind: Kind,
    pub(crate) name: String,
}

impl std::fmt::Display for Point {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let service = self.service.trim_start_matches("hydra.v1.");
        let (handler, index, kind, name) = (&self.handler, self.index, self.kind, &self.name);
        let text = format!("{service}/{handler} #{index} {kind} {name}");
        f.write_str(text.trim_end())
    }
}

/// What goes wrong in a play.
#[derive(Debug, Clone)]
pub enum Fault {
    /// Nothing.
    None,
    /// The worker is killed (SIGKILL) right before Restate has the command.
    Kill(Point),
    /// The stream is cut there.
    Cut(Point),
    /// The effect of the step happened, its answer is lost.
    Lost(Point),
    /// The step fails for now, before its effect.
    Transient(Point),
    /// The step fails for good, before its effect.
    Terminal(Point),
    /// The same, and the answer of every undo step is lost once: each undo runs twice.
    UndoTwice(Point),
    /// The same, and every undo step fails once.
    UndoFails(Point),
    /// The invocation is cancelled when it comes to the command.
    Cancel(Point),
    /// The worker is killed there, another build of it takes its place at another address, and what is in flight ends
    /// where it is told.
    Upgrade(Point, Ends),
    /// These services let go of the stream at every await.
    Suspend(Vec<String>),
}

impl Fault {
    /// Where it strikes, if at a single place.
    pub fn point(&self) -> Option<&Point> {
        match self {
            Self::None | Self::Suspend(_) => None,
            Self::Kill(at)
            | Self::Cut(at)
            | Self::Lost(at)
            | Self::Transient(at)
            | Self::Terminal(at)
            | Self::UndoTwice(at)
            | Self::UndoFails(at)
            | Self::Upgrade(at, _)
            | Self::Cancel(at) => Some(at),
        }
    }
}
