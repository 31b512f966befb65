//! What an instant BuildKit has seen, and what a test says beforehand.
//!
//! Not for speaking the protocol: `control`, `session`.

use std::collections::BTreeMap;
use std::time::Duration;

/// How a solve ends.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Ending {
    /// With a digest that is made from the image's name.
    #[default]
    Success,
    /// For a reason in what is built: BuildKit's words, `failed to solve: process …`.
    Failure(String),
    /// For a reason of the builder's own, in these words; worth another try.
    Unavailable(String),
}

/// What happens in a solve. The default is success at once, in two steps, without a line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Script {
    /// How it ends.
    pub ending: Ending,
    /// Not before this has passed.
    pub delay: Duration,
    /// Not before `InstantBuildKit::release`.
    pub hold: bool,
    /// Lines of log that its last step writes.
    pub lines: usize,
}

/// How far a solve has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// It has begun.
    Running,
    /// It is over, and this came out.
    Ended(Ending),
    /// Whoever asked for it has gone or stopped it.
    Canceled,
}

/// A solve as it was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Solve {
    /// The id that status is asked by.
    pub reference: String,
    /// `platform`, `context`, `filename`, labels.
    pub frontend: BTreeMap<String, String>,
    /// `name`, `push`, …
    pub exporter: BTreeMap<String, String>,
    /// What its session gave: `env`, the token for Git; nothing under a name for which it had none.
    pub secrets: BTreeMap<String, String>,
    /// The login that its session gave for the image's registry.
    pub login: Option<(String, String)>,
    /// How far it is.
    pub progress: Progress,
    /// Whether it only fetches a source: no script is for it, and it says nothing.
    pub(crate) fetch: bool,
}

impl Solve {
    /// The image it pushes.
    pub fn image(&self) -> &str {
        self.exporter.get("name").map_or("", String::as_str)
    }

    /// The source it builds.
    pub fn context(&self) -> &str {
        self.frontend.get("context").map_or("", String::as_str)
    }

    /// Whether these words are in its image's name or its source.
    pub(crate) fn is_about(&self, words: &str) -> bool {
        self.image().contains(words) || self.context().contains(words)
    }
}

#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) solves: Vec<Solve>,
    /// In the order in which they were given.
    pub(crate) scripts: Vec<(String, Script)>,
    /// Words whose solves go on.
    pub(crate) released: Vec<String>,
    pub(crate) sessions: usize,
}

impl State {
    /// The last script whose words fit.
    pub(crate) fn script(&self, solve: &Solve) -> Script {
        if solve.fetch {
            return Script::default();
        }
        let fits = self.scripts.iter().rev().find(|(w, _)| solve.is_about(w));
        fits.map(|(_, script)| script.clone()).unwrap_or_default()
    }

    pub(crate) fn of(&self, reference: &str) -> Option<&Solve> {
        self.solves.iter().rev().find(|s| s.reference == reference)
    }
}
