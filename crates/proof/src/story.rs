//! What a test states once: the world, the request, and what must hold.
//!
//! Not for faults: the runner adds those.

use futures::future::BoxFuture;

use crate::{Keyless, Lane, Scene};

/// Sections of the form a story adds: a name of its own, and texts, one a row.
pub type Sections = Vec<(&'static str, Vec<String>)>;

/// What a failure leaves behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Undo {
    /// Everything as before the request.
    Before,
    /// As before, and the deployment with role `<subject>` is failed, its instances stopped, its routes gone.
    Failed,
}

/// A story about one handler.
#[derive(Clone, Copy)]
pub struct Story {
    /// Name for tables and the command line.
    pub name: &'static str,
    /// Service it covers.
    pub service: &'static str,
    /// Handler it covers.
    pub handler: &'static str,
    /// Status the plain request fails with; None when it succeeds.
    pub fails_with: Option<u16>,
    /// How the world looks after a failure that was injected.
    pub undo: Undo,
    /// Sections of the form that a failure may leave changed, by the handler's contract.
    pub may_change: &'static [&'static str],
    /// Other services the request leads to that nobody waits for: when a step of one of them fails for good, what it was
    /// to do is left undone, and the sections of [`Story::may_change`] may differ from the plain story. DeploymentService
    /// is one always.
    pub one_way: &'static [&'static str],
    /// Steps and calls the handler does without when they fail for good or are cancelled, with the sections that then
    /// differ from the plain story.
    pub dispensable: &'static [(&'static str, &'static [&'static str])],
    /// Effects of the list that the steps with these names have; see [`Keyless`].
    pub keyless: &'static [(Keyless, &'static str)],
    /// What the form has of this world beyond the app's rows: rows of other tables, object state, files. Read before the
    /// request and after it; names are replaced and rows sorted by the harness.
    pub sections: for<'a> fn(&'a Lane, &'a Scene) -> BoxFuture<'a, Result<Sections, String>>,
    /// The worker has a certificate authority: a real one, the lane's own. A worker without is replaced for the play.
    pub authority: bool,
    /// Only commands of the covered handler are struck, where others of the world keep no fixed order.
    pub own_commands_only: bool,
    /// Makes the world and the request.
    pub prepare: for<'a> fn(&'a Lane) -> BoxFuture<'a, Scene>,
    /// What else must hold after the plain story and whatever ended like it; gives the number of invariants looked
    /// at, or the one that is broken.
    pub holds: for<'a> fn(&'a Lane, &'a Scene) -> BoxFuture<'a, Result<usize, String>>,
}

impl std::fmt::Debug for Story {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}
