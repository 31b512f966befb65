//! One entry of the audit log for each thing that was deleted, with an id derived from it: written in the transaction
//! that removes the row, and once however often that runs.
//!
//! Not for who asked: the request does not say.

use ids::Prefix;
use mysql::{DbError, Tx, now_ms, sql};

/// What was deleted.
#[derive(Debug, Clone, Copy)]
pub struct Deleted<'a> {
    /// `project`, `app` or `environment`.
    pub kind: &'a str,
    /// Its id.
    pub id: &'a str,
    /// Its slug.
    pub name: &'a str,
    /// Its workspace.
    pub workspace_id: &'a str,
}

const BUCKET: &str = "unkey_mutations";
/// Longest text of `audit_log.display`, in characters.
const LONGEST: usize = 256;

/// Writes the entry and its two targets.
///
/// # Errors
/// The database's own.
pub async fn write(tx: &Tx, deleted: Deleted<'_>) -> Result<(), DbError> {
    let now = now_ms();
    let id = entry_id(&deleted);
    sql::execute(
        &**tx,
        "INSERT IGNORE INTO audit_log (id, workspace_id, bucket, bucket_id, event, time, display, actor_type, actor_id, actor_name, actor_meta, created_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, 'system', 'ctrl-worker', 'Control plane worker', '{}', ?)",
        [
            id.as_str().into(),
            deleted.workspace_id.into(),
            BUCKET.into(),
            deleted.workspace_id.into(),
            format!("{}.delete", deleted.kind).into(),
            now.into(),
            display(&deleted).into(),
            now.into(),
        ],
    )
    .await?;
    for (kind, target, name) in [
        (deleted.kind, deleted.id, Some(deleted.name)),
        ("workspace", deleted.workspace_id, None),
    ] {
        sql::execute(
            &**tx,
            "INSERT IGNORE INTO audit_log_target (workspace_id, bucket_id, bucket, audit_log_id, display_name, type, id, name, meta, created_at)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, '{}', ?)",
            [
                deleted.workspace_id.into(),
                deleted.workspace_id.into(),
                BUCKET.into(),
                id.as_str().into(),
                name.unwrap_or(target).into(),
                kind.into(),
                target.into(),
                name.into(),
                now.into(),
            ],
        )
        .await?;
    }
    Ok(())
}

fn entry_id(deleted: &Deleted<'_>) -> String {
    ids::derived(Prefix::AUDIT_LOG, &["delete", deleted.kind, deleted.id])
}

fn display(deleted: &Deleted<'_>) -> String {
    format!("Deleted {} {}", deleted.kind, deleted.name)
        .chars()
        .take(LONGEST)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_name_fits_and_each_thing_has_its_own_entry() {
        let name = "é".repeat(300);
        let of = |kind| Deleted {
            kind,
            id: "x_1",
            name: &name,
            workspace_id: "ws_1",
        };
        assert_eq!(display(&of("app")).chars().count(), LONGEST);
        assert_ne!(entry_id(&of("app")), entry_id(&of("project")));
        assert_eq!(entry_id(&of("app")), entry_id(&of("app")));
    }
}
