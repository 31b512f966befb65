//! Where a push stands among the deployments its branch has: new, known, or not to be told without asking. Pure; no I/O.

use crate::push::Push;
use sea_orm::FromQueryResult;
use serde::{Deserialize, Serialize};

/// A deployment of the same app and environment.
#[derive(Debug, Clone, Default, PartialEq, Eq, FromQueryResult)]
pub(crate) struct Row {
    pub(crate) id: String,
    pub(crate) sha: Option<String>,
    pub(crate) branch: Option<String>,
    pub(crate) fork: Option<String>,
    pub(crate) pull: Option<i64>,
    /// Epoch ms.
    pub(crate) timestamp: Option<i64>,
    pub(crate) status: String,
    /// Epoch ms.
    pub(crate) created_at: i64,
    /// It came from a push, not from a wish of somebody.
    pub(crate) pushed: i64,
    /// An invocation has it, or had it.
    pub(crate) taken: i64,
    pub(crate) superseded: i64,
}

impl Row {
    /// Whether it is of the push's branch. A fork's branch is another one, whatever its name, and one for each of its pull
    /// requests.
    pub(crate) fn is_of(&self, push: &Push) -> bool {
        let fork = self.fork.as_deref().filter(|f| !f.is_empty());
        let same_fork = match (fork, push.fork.as_deref()) {
            (None, None) => true,
            (Some(a), Some(b)) => a.eq_ignore_ascii_case(b) && self.pull == Some(push.pull),
            _ => false,
        };
        same_fork && self.branch.as_deref() == Some(push.branch.as_str())
    }

    fn has(&self, sha: &str) -> bool {
        !sha.is_empty()
            && self
                .sha
                .as_deref()
                .is_some_and(|own| own.eq_ignore_ascii_case(sha))
    }
}

/// The deployment a push is to be compared with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Rival {
    pub(crate) id: String,
    pub(crate) sha: String,
    /// Epoch ms; 0: unknown.
    pub(crate) timestamp: i64,
}

/// Where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    /// It is the branch's newest.
    New,
    /// This push, delivered before, has this deployment.
    Known(Row),
    /// It may be older than this one.
    Unclear(Rival),
}

/// The place of `push` among `rows` of its app and environment, newest first.
pub(crate) fn of(rows: &[Row], push: &Push) -> Place {
    let branch: Vec<&Row> = rows.iter().filter(|row| row.is_of(push)).collect();
    // A deployment that was superseded when it was made says nothing of where the branch is.
    let head = branch.iter().find(|row| row.superseded == 0);
    let moved_on = head.is_some_and(|head| head.has(&push.before) && !head.has(&push.sha));
    if let Some(known) = branch.iter().find(|r| r.pushed != 0 && r.has(&push.sha)) {
        // Pushed back to a commit it had: the branch was elsewhere in between, and comes from there.
        return match moved_on {
            true => Place::New,
            false => Place::Known((*known).clone()),
        };
    }
    if moved_on || head.is_some_and(|head| head.has(&push.sha)) {
        return Place::New;
    }
    // One that no watched path concerned takes nobody's place.
    let rival = branch.iter().find(|row| row.status != "skipped");
    match rival {
        // Not approved, it takes nobody's place either.
        Some(rival) if rival.status != "awaiting_approval" => match &rival.sha {
            Some(sha) => Place::Unclear(Rival {
                id: rival.id.clone(),
                sha: sha.clone(),
                timestamp: rival.timestamp.unwrap_or(0),
            }),
            None => Place::New,
        },
        _ => Place::New,
    }
}

/// Ids of the deployments that the push leaves behind: of its branch, not built yet, and older than its own, where that
/// is among them.
pub(crate) fn left_behind(rows: &[Row], push: &Push, own: &str) -> Vec<String> {
    let own = rows.iter().position(|row| row.id == own);
    rows.iter()
        .skip(own.map_or(0, |at| at + 1))
        .filter(|row| row.is_of(push))
        .filter(|row| {
            matches!(
                row.status.as_str(),
                "awaiting_approval" | "pending" | "starting" | "building"
            )
        })
        .map(|row| row.id.clone())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::push::samples::{push, sha};

    fn row(id: &str, digit: char) -> Row {
        Row {
            id: id.to_owned(),
            sha: Some(sha(digit)),
            branch: Some("feature".into()),
            status: "ready".into(),
            timestamp: Some(5),
            pushed: 1,
            ..Row::default()
        }
    }

    fn from(before: &str) -> Push {
        Push {
            before: before.to_owned(),
            ..push()
        }
    }

    #[test]
    fn the_first_push_and_the_next_one_are_new() {
        assert_eq!(of(&[], &push()), Place::New);
        assert_eq!(of(&[row("d_1", 'b')], &from(&sha('b'))), Place::New);
        let other = Row {
            branch: Some("Feature".into()),
            ..row("d_1", 'b')
        };
        let fork = Row {
            fork: Some("octo/shop".into()),
            ..row("d_2", 'b')
        };
        assert_eq!(of(&[other, fork], &push()), Place::New, "other branches");
    }

    #[test]
    fn a_push_that_was_delivered_before_is_known_in_whatever_order() {
        let known = row("d_1", 'a');
        assert_eq!(
            of(std::slice::from_ref(&known), &push()),
            Place::Known(known.clone())
        );
        let rows = [row("d_2", 'b'), known.clone()];
        assert_eq!(of(&rows, &push()), Place::Known(known.clone()), "late");
        assert_eq!(of(&rows, &from(&sha('c'))), Place::Known(known.clone()));
        let superseded = Row {
            superseded: 1,
            status: "skipped".into(),
            ..known
        };
        let rows = [superseded.clone(), row("d_2", 'b')];
        assert_eq!(of(&rows, &from(&sha('c'))), Place::Known(superseded));
    }

    #[test]
    fn a_branch_that_is_pushed_back_to_an_earlier_commit_is_deployed_again() {
        let rows = [row("d_2", 'b'), row("d_1", 'a')];
        assert_eq!(of(&rows, &from(&sha('b'))), Place::New);
    }

    #[test]
    fn what_somebody_deployed_by_hand_is_no_push() {
        let by_hand = Row {
            pushed: 0,
            ..row("d_1", 'a')
        };
        assert_eq!(of(&[by_hand], &push()), Place::New);
    }

    #[test]
    fn a_push_that_does_not_follow_the_newest_is_to_be_compared_with_it() {
        let unclear = Place::Unclear(Rival {
            id: "d_2".into(),
            sha: sha('b'),
            timestamp: 5,
        });
        assert_eq!(of(&[row("d_2", 'b')], &push()), unclear, "before unknown");
        assert_eq!(of(&[row("d_2", 'b')], &from(&sha('c'))), unclear);
        let status = |status: &str| Row {
            status: status.into(),
            ..row("d_3", 'c')
        };
        let rows = [status("skipped"), row("d_2", 'b')];
        assert_eq!(of(&rows, &push()), unclear, "nothing it watches changed");
        assert_eq!(of(&[status("skipped")], &push()), Place::New);
        assert_eq!(of(&[status("awaiting_approval")], &push()), Place::New);
        assert_ne!(of(&[status("failed")], &push()), Place::New);
    }

    #[test]
    fn only_older_ones_of_the_branch_that_are_not_built_are_left_behind() {
        let status = |id: &str, status: &str| Row {
            status: status.into(),
            ..row(id, 'b')
        };
        let rows = [
            status("d_newer", "pending"),
            status("d_own", "pending"),
            status("d_1", "pending"),
            status("d_2", "building"),
            status("d_3", "deploying"),
            status("d_4", "awaiting_approval"),
            Row {
                branch: Some("main".into()),
                ..status("d_5", "pending")
            },
            status("d_6", "ready"),
        ];
        assert_eq!(left_behind(&rows, &push(), "d_own"), ["d_1", "d_2", "d_4"]);
        assert_eq!(left_behind(&rows[2..], &push(), "d_own").len(), 3);
    }
}
