//! Which deployment may be ended, and by which other one. Pure; no I/O.

use crate::By;
use crate::rows::Row;

/// Statuses of a deployment that was approved and did not end badly.
const APPROVED: &[&str] = &[
    "pending",
    "starting",
    "building",
    "deploying",
    "network",
    "finalizing",
    "ready",
];

/// Whether a deployment in this status may be ended so. Work past `building` was paid for: a newer push lets it come up.
/// From `finalizing` on the traffic may have moved, which nobody can take back.
pub(crate) fn may_end(status: &str, by: By<'_>) -> bool {
    match status {
        "awaiting_approval" | "pending" | "starting" | "building" => true,
        "deploying" | "network" => matches!(by, By::User { .. }),
        _ => false,
    }
}

/// Whether `newer` takes the place of `older`: approved, later, and of the very same branch. A fork's branch is another
/// one, whatever its name.
pub(crate) fn supersedes(newer: &Row, older: &Row) -> bool {
    let branch = |row: &Row| row.git_branch.clone().filter(|b| !b.is_empty());
    let fork = |row: &Row| row.fork.clone().unwrap_or_default();
    APPROVED.contains(&newer.status.as_str())
        && (&newer.app_id, &newer.environment_id) == (&older.app_id, &older.environment_id)
        && branch(newer).is_some()
        && branch(newer) == branch(older)
        && fork(newer) == fork(older)
        && (newer.created_at, newer.pk) > (older.created_at, older.pk)
}

/// The public text and the machine word of an end.
pub(crate) fn words(by: By<'_>) -> (String, &'static str) {
    let (text, word) = match by {
        By::Superseded { by_id } => (format!("superseded by {by_id}"), "superseded"),
        By::User { actor } => (format!("cancelled by {actor}"), "cancelled"),
    };
    let text = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(LONGEST)
        .collect();
    (text, word)
}

/// Longest text of `deployment_steps.error`, characters.
const LONGEST: usize = 512;

/// The status of an end.
pub(crate) fn status(by: By<'_>) -> &'static str {
    match by {
        By::Superseded { .. } => "skipped",
        By::User { .. } => "failed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEWER: By<'_> = By::Superseded { by_id: "d_2" };
    const USER: By<'_> = By::User { actor: "mo" };

    fn row(pk: u64) -> Row {
        Row {
            pk,
            id: format!("d_{pk}"),
            app_id: "app".into(),
            environment_id: "env".into(),
            git_branch: Some("feature".into()),
            status: "pending".into(),
            created_at: 1_000,
            ..Row::default()
        }
    }

    #[test]
    fn what_is_built_is_left_to_a_newer_push_and_what_takes_traffic_to_nobody() {
        for (status, newer, user) in [
            ("awaiting_approval", true, true),
            ("pending", true, true),
            ("starting", true, true),
            ("building", true, true),
            ("deploying", false, true),
            ("network", false, true),
            ("finalizing", false, false),
            ("ready", false, false),
            ("failed", false, false),
            ("skipped", false, false),
            ("stopped", false, false),
        ] {
            assert_eq!(may_end(status, NEWER), newer, "{status}");
            assert_eq!(may_end(status, USER), user, "{status}");
        }
    }

    #[test]
    fn only_a_newer_approved_one_of_the_same_branch_supersedes() {
        let older = row(1);
        assert!(supersedes(&row(2), &older));
        assert!(!supersedes(&older, &row(2)), "older");
        assert!(!supersedes(&older, &older), "itself");
        let with = |change: &dyn Fn(&mut Row)| {
            let mut newer = row(2);
            change(&mut newer);
            newer
        };
        for status in ["awaiting_approval", "failed", "skipped", "stopped"] {
            let newer = with(&|r| r.status = status.into());
            assert!(!supersedes(&newer, &older), "{status}");
        }
        for newer in [
            with(&|r| r.app_id = "other".into()),
            with(&|r| r.environment_id = "other".into()),
            with(&|r| r.git_branch = Some("Feature".into())),
            with(&|r| r.git_branch = None),
            with(&|r| r.fork = Some("octo/shop".into())),
            with(&|r| r.created_at = 999),
        ] {
            assert!(!supersedes(&newer, &older), "{newer:?}");
        }
    }

    #[test]
    fn the_text_is_one_line_and_fits_its_column() {
        assert_eq!(words(NEWER), ("superseded by d_2".to_owned(), "superseded"));
        let (text, word) = words(By::User { actor: "a\nb" });
        assert_eq!((text.as_str(), word), ("cancelled by a b", "cancelled"));
        let long = "ü".repeat(600);
        assert_eq!(words(By::User { actor: &long }).0.chars().count(), LONGEST);
    }
}
