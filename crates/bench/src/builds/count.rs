//! What came of pushes, counted where it is: rows here, builds and their ends at Depot, images at BuildKit. Not for times.

use std::collections::BTreeSet;

use build_testbed::Finish;

use super::peers::Peers;
use crate::stack::Stack;
use crate::{Result, sql};

/// Where the counts stood before.
pub(crate) struct Before {
    builds: usize,
    solves: usize,
}

/// How much there is of each. All are equal when nothing was lost and nothing done twice.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Counted {
    /// Rows of deployments.
    pub(crate) rows: usize,
    /// Those of them with status `ready`.
    pub(crate) ready: usize,
    /// Builds opened at Depot.
    pub(crate) builds: usize,
    /// Builds that were reported to have ended well, once and no more.
    pub(crate) ended_once: usize,
    /// Reports of an end, of any kind.
    pub(crate) ends: usize,
    /// Images that BuildKit was asked for.
    pub(crate) solves: usize,
    /// Different ones among them.
    pub(crate) images: usize,
}

impl Counted {
    /// Whether there are so many of each.
    pub(crate) fn all(&self, count: usize) -> bool {
        *self
            == Self {
                rows: count,
                ready: count,
                builds: count,
                ended_once: count,
                ends: count,
                solves: count,
                images: count,
            }
    }
}

impl std::fmt::Display for Counted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} rows, {} ready, {} builds at Depot, {} ends reported ({} builds with exactly one, a success), {} images asked for ({} \
             different)",
            self.rows,
            self.ready,
            self.builds,
            self.ends,
            self.ended_once,
            self.solves,
            self.images
        )
    }
}

impl Before {
    pub(crate) fn look(peers: &Peers) -> Self {
        Self {
            builds: peers.depot.builds().len(),
            solves: peers.depot.buildkit().solves().len(),
        }
    }

    /// What there is more now, of one workspace alone.
    pub(crate) async fn since(
        &self,
        stack: &Stack,
        peers: &Peers,
        workspace_id: &str,
    ) -> Result<Counted> {
        let rows = "SELECT COUNT(*) AS n FROM deployments WHERE workspace_id = ?";
        let rows = sql::number(&stack.db, rows, vec![workspace_id.into()]).await?;
        let builds = peers.depot.builds().split_off(self.builds);
        let solves = peers.depot.buildkit().solves().split_off(self.solves);
        // A solve without an image fetches the source.
        let images: Vec<&str> = solves.iter().map(|s| s.image()).collect();
        let images: Vec<&str> = images.into_iter().filter(|i| !i.is_empty()).collect();
        let different: BTreeSet<&str> = images.iter().copied().collect();
        let once = builds.iter().filter(|b| b.finishes == [Finish::Success]);
        Ok(Counted {
            rows: usize::try_from(rows)?,
            ready: ready(stack, workspace_id).await?,
            ended_once: once.count(),
            ends: builds.iter().map(|b| b.finishes.len()).sum(),
            builds: builds.len(),
            solves: images.len(),
            images: different.len(),
        })
    }
}

/// Deployments of a workspace that are ready.
pub(crate) async fn ready(stack: &Stack, workspace_id: &str) -> Result<usize> {
    let statement =
        "SELECT COUNT(*) AS n FROM deployments WHERE workspace_id = ? AND status = 'ready'";
    let now = sql::number(&stack.db, statement, vec![workspace_id.into()]).await?;
    Ok(usize::try_from(now)?)
}
