//! Rest of a lane: waiting until nothing is in flight, and getting there.
//!
//! Not for what must hold then: see `invariants`.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::Lane;
use crate::lane::patience;

/// So many looks one after the other must find nothing in flight.
const LOOKS: usize = 3;

impl Lane {
    /// Kills whatever is in flight, after a play that did not come to rest.
    pub(crate) async fn sweep(&self) {
        let sql = "SELECT id FROM sys_invocation WHERE status NOT IN ('completed', 'scheduled')";
        let left = self.admin().query(sql).await.unwrap_or_default();
        for id in left.iter().filter_map(|row| row["id"].as_str()) {
            // one that has ended meanwhile is as good
            let _killed = self.admin().kill(id).await;
        }
    }

    /// Waits until nothing but delayed messages is in flight, except one invocation.
    ///
    /// # Errors
    /// What is still in flight, in words.
    pub(crate) async fn quiet(&self, except: Option<&str>) -> Result<(), String> {
        let except = restate_api::quoted(except.unwrap_or_default());
        let sql = format!(
            "SELECT id, target, status, last_failure FROM sys_invocation WHERE status NOT IN ('completed', 'scheduled') AND id <> {except}"
        );
        let until = Instant::now() + patience();
        let mut pause = Duration::from_millis(5);
        let mut empty = 0;
        loop {
            let rows = self.admin().query(&sql).await.map_err(|e| e.to_string())?;
            empty = if rows.is_empty() { empty + 1 } else { 0 };
            // a message is nowhere to be seen between the end of its sender and the inbox of its receiver
            if empty == LOOKS {
                return Ok(());
            }
            if Instant::now() > until || rows.iter().any(|r| r["status"] == "paused") {
                return Err(format!("left in flight: {}", Value::Array(rows)));
            }
            if rows.iter().any(|r| r["status"] == "backing-off") {
                self.resume().await;
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_millis(50));
        }
    }

    /// Whatever backs off is tried again at once.
    pub(crate) async fn resume(&self) {
        let sql = "SELECT id FROM sys_invocation WHERE status = 'backing-off'";
        let waiting = self.admin().query(sql).await.unwrap_or_default();
        for id in waiting.iter().filter_map(|row| row["id"].as_str()) {
            // one that goes on by itself meanwhile is as good
            let _resumed = self.admin().resume(id).await;
        }
    }
}
