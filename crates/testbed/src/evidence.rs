//! What a failed test leaves behind: where logs and data are, and what Restate was doing.
//!
//! Not for judging: see `wait::assert_quiet`.

use std::time::Duration;

use serde_json::Value;

use crate::database::MYSQL_VARIABLE;
use crate::files::process_dir;
use crate::process::restate_if_started;

/// Unfinished invocations, oldest first.
pub(crate) const UNFINISHED: &str = "SELECT id, target, status, retry_count, last_failure, \
     last_failure_related_command_name AS failed_step, created_at \
     FROM sys_invocation WHERE status <> 'completed' ORDER BY created_at";

/// Prints where to look. Never fails: the test's own panic is what counts.
pub(crate) async fn print() {
    let dir = process_dir();
    if let Some(restate) = restate_if_started() {
        let admin = restate.admin().with_timeout(Some(Duration::from_secs(5)));
        match admin.query(UNFINISHED).await {
            Ok(rows) => {
                eprintln!("-- unfinished invocations: {}", rows.len());
                for row in rows.iter().take(10) {
                    eprintln!("   {}", line(row));
                }
                let all = serde_json::to_string_pretty(&rows).unwrap_or_default();
                let _ = std::fs::write(dir.join("invocations.json"), all);
            }
            Err(e) => eprintln!("-- Restate could not be asked what it was doing: {e}"),
        }
    }
    if dir.is_dir() {
        eprintln!("-- logs and data are kept in {}", dir.display());
        eprintln!(
            "   look: cargo run -p testbed --bin stack -- --dir {}",
            dir.display()
        );
    }
    if std::env::var_os(MYSQL_VARIABLE).is_some() {
        eprintln!("-- the database is on the server of {MYSQL_VARIABLE}");
    }
}

pub(crate) fn line(row: &Value) -> String {
    let text = |name: &str| row[name].as_str().unwrap_or("-").to_owned();
    let mut line = format!("{} {} {}", text("status"), text("target"), text("id"));
    if let Some(failure) = row["last_failure"].as_str() {
        line += &format!(
            "; {} retries; at {}: {failure}",
            row["retry_count"],
            text("failed_step")
        );
    }
    line
}
