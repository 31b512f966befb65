//! The visible progress of a deployment: `deployments.status` and the rows of `deployment_steps`.

use durable::{Stop, codes};
use mysql::sql;
use mysql::{DbError, Tx};
use sea_orm::FromQueryResult;
use serde::{Deserialize, Serialize};

/// A phase the customer sees; the text is both the status and the step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Phase {
    Starting,
    Building,
    Deploying,
    Network,
    Finalizing,
}

impl Phase {
    pub(crate) const fn text(self) -> &'static str {
        match self {
            Phase::Starting => "starting",
            Phase::Building => "building",
            Phase::Deploying => "deploying",
            Phase::Network => "network",
            Phase::Finalizing => "finalizing",
        }
    }
}

/// Statuses of a deployment that is being worked on.
pub(crate) const ACTIVE: &str =
    "'pending','starting','building','deploying','network','finalizing'";

/// Moves the deployment to `phase`, ending the step before it. Fails when the row is in none of the statuses
/// `from` (SQL list): somebody ended the deployment meanwhile.
pub(crate) async fn begin(
    tx: &Tx,
    deployment_id: &str,
    from: &str,
    phase: Phase,
    now: i64,
) -> Result<(), Stop> {
    tx.touch(mysql::Lock::Deployments);
    let moved = sql::execute(
        &**tx,
        &format!(
            "UPDATE deployments SET status = ?, updated_at = ? WHERE id = ? AND status IN ({from})"
        ),
        [phase.text().into(), now.into(), deployment_id.into()],
    )
    .await?;
    if moved == 0 {
        return Err(Stop::fault(
            codes::CONFLICT,
            format!(
                "The deployment was ended by somebody else before it reached `{}`.",
                phase.text()
            ),
        ));
    }
    end_others(tx, deployment_id, phase, now).await?;
    upsert_step(tx, deployment_id, phase, now).await?;
    Ok(())
}

/// Read without a lock and ended by primary key: an UPDATE by deployment would lock the gaps beside its rows, and two
/// deployments that begin side by side would each wait for the other's gap.
async fn end_others(tx: &Tx, deployment_id: &str, phase: Phase, now: i64) -> Result<(), DbError> {
    let open: Vec<OpenStep> = sql::all(
        &**tx,
        "SELECT pk FROM deployment_steps WHERE deployment_id = ? AND step <> ? AND ended_at IS NULL",
        [deployment_id.into(), phase.text().into()],
    )
    .await?;
    for step in open {
        sql::execute(
            &**tx,
            "UPDATE deployment_steps SET ended_at = ? WHERE pk = ?",
            [now.into(), step.pk.into()],
        )
        .await?;
    }
    Ok(())
}

#[derive(FromQueryResult)]
struct OpenStep {
    pk: u64,
}

#[derive(FromQueryResult)]
struct Owners {
    workspace_id: String,
    project_id: String,
    app_id: String,
    environment_id: String,
}

/// With values, not `INSERT … SELECT`: that one holds the table's auto-increment lock until its end, and thousands of
/// deployments that begin at once would queue for it.
async fn upsert_step(tx: &Tx, deployment_id: &str, phase: Phase, now: i64) -> Result<(), DbError> {
    let owners: Option<Owners> = sql::one(
        &**tx,
        "SELECT workspace_id, project_id, app_id, environment_id FROM deployments WHERE id = ?",
        [deployment_id.into()],
    )
    .await?;
    let Some(o) = owners else { return Ok(()) };
    sql::execute(
        &**tx,
        "INSERT INTO deployment_steps (workspace_id, project_id, app_id, environment_id, deployment_id, step, started_at)
         VALUES (?, ?, ?, ?, ?, ?, ?)
         ON DUPLICATE KEY UPDATE started_at = VALUES(started_at), ended_at = NULL, error = NULL",
        [
            o.workspace_id.into(),
            o.project_id.into(),
            o.app_id.into(),
            o.environment_id.into(),
            deployment_id.into(),
            phase.text().into(),
            now.into(),
        ],
    )
    .await?;
    Ok(())
}

/// Ends the steps of a failed deployment: `phase` with the error, any other open one without.
pub(crate) async fn fail(
    tx: &Tx,
    deployment_id: &str,
    phase: Phase,
    error: &str,
    now: i64,
) -> Result<(), DbError> {
    let open = sql::execute(
        &**tx,
        "UPDATE deployment_steps SET ended_at = ?, error = ? WHERE deployment_id = ? AND step = ? AND ended_at IS NULL",
        [now.into(), error.into(), deployment_id.into(), phase.text().into()],
    )
    .await?;
    if open == 0 {
        // The phase failed in the very transaction that would have begun it.
        sql::execute(
            &**tx,
            "INSERT INTO deployment_steps (workspace_id, project_id, app_id, environment_id, deployment_id, step, started_at, ended_at, error)
             SELECT workspace_id, project_id, app_id, environment_id, id, ?, ?, ?, ? FROM deployments WHERE id = ?
             ON DUPLICATE KEY UPDATE ended_at = VALUES(ended_at), error = VALUES(error)",
            [phase.text().into(), now.into(), now.into(), error.into(), deployment_id.into()],
        )
        .await?;
    }
    sql::execute(
        &**tx,
        "UPDATE deployment_steps SET ended_at = ? WHERE deployment_id = ? AND ended_at IS NULL",
        [now.into(), deployment_id.into()],
    )
    .await?;
    Ok(())
}

/// The text of `deployment_steps.error`: the messages from the outermost to the innermost, at most 512 bytes, cut
/// between characters.
pub(crate) fn public_error(messages: &[&str]) -> String {
    const MAX: usize = 512;
    let mut text = messages
        .iter()
        .map(|m| m.trim())
        .filter(|m| !m.is_empty())
        .collect::<Vec<_>>()
        .join(" ");
    if text.len() > MAX {
        let mut end = MAX - 3;
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
        text.push_str("...");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::public_error;

    #[test]
    fn messages_are_joined_from_outer_to_inner_and_cut_between_characters() {
        testbed::scenario!("DEP-52");
        assert_eq!(
            public_error(&[
                "The image could not be started.",
                "",
                " us-east: exit code 1 "
            ]),
            "The image could not be started. us-east: exit code 1"
        );
        assert_eq!(public_error(&[&"x".repeat(512)]), "x".repeat(512));
        let long = public_error(&[&"日".repeat(300)]);
        assert!(
            long.len() <= 512 && long.ends_with("..."),
            "{} bytes",
            long.len()
        );
        assert_eq!(long.trim_end_matches("...").chars().count(), 169);
        assert_eq!(
            public_error(&[&"x".repeat(513)]),
            format!("{}...", "x".repeat(509))
        );
    }
}
