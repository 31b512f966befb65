//! How work stands, for the gauges: Restate's invocations by status, certificates that are due, builds that are open.
//!
//! One replica at a time asks, guarded by a row; the others show 0, so that the maximum over all is right whoever it is.
//! Not for ending anything: the reconciler and the sweeps do.

use std::time::Duration;

use mysql::sea_orm::{self, FromQueryResult};
use mysql::{Db, lease, now_ms, sql};
use restate_api::Admin;
use telemetry::metrics::{INVOCATIONS, OLDEST_ACTIVE_SECONDS};
use tokio_util::sync::CancellationToken;

/// Between two looks.
const INTERVAL: Duration = Duration::from_secs(15);

/// Every status an invocation that is not over can have.
const STATUSES: [&str; 8] = [
    "scheduled",
    "inboxed",
    "pending",
    "ready",
    "running",
    "suspended",
    "backing-off",
    "paused",
];

/// Only ours: a Restate may serve others too.
const COUNT: &str = "SELECT status, COUNT(*) AS n FROM sys_invocation \
     WHERE target_service_name LIKE 'hydra.v1.%' AND status <> 'completed' GROUP BY status";

/// Since when the oldest of each kind waits, epoch ms; none without any.
const KINDS: [(&str, &str); 2] = [
    (
        "certificate",
        "SELECT CAST(MIN(renew_at) AS SIGNED) AS at FROM ctrl_worker_renewals WHERE renew_at < ?",
    ),
    (
        "build at the builder",
        "SELECT CAST(MIN(created_at) AS SIGNED) AS at FROM ctrl_worker_builds WHERE finished_at IS NULL AND created_at < ?",
    ),
];

/// What the task needs.
pub struct Standing {
    /// The database.
    pub db: Db,
    /// Restate's admin API.
    pub admin: Admin,
    /// Names this process in the lock.
    pub holder: String,
    /// Certificates are obtained here; otherwise what is due stays due, and nobody is told.
    pub certificates: bool,
    /// Between two looks; the usual time when absent.
    pub interval: Option<Duration>,
}

#[derive(FromQueryResult)]
struct Since {
    at: Option<i64>,
}

impl Standing {
    /// Looks until `stop`. Errors are logged and tried again; it never ends by itself.
    pub async fn run(self, stop: CancellationToken) {
        let interval = self.interval.unwrap_or(INTERVAL);
        loop {
            match lease::take(&self.db, "standing", &self.holder, 3 * interval).await {
                Ok(true) => self.look().await,
                Ok(false) => forget(),
                Err(error) => tracing::warn!(%error, "how work stands could not be looked at"),
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(interval) => {}
            }
        }
    }

    async fn look(&self) {
        match self.admin.query(COUNT).await {
            Ok(rows) => {
                for status in STATUSES {
                    let row = rows.iter().find(|row| row["status"] == status);
                    let count = row.and_then(|row| row["n"].as_f64()).unwrap_or(0.0);
                    metrics::gauge!(INVOCATIONS, "status" => status).set(count);
                }
            }
            Err(error) => tracing::warn!(%error, "invocations could not be counted"),
        }
        for (kind, statement) in KINDS {
            let counted = self.certificates || kind != "certificate";
            match self.age(statement).await {
                Ok(age) => show(kind, if counted { age } else { 0.0 }),
                Err(error) => tracing::warn!(%error, kind, "the oldest could not be looked for"),
            }
        }
    }

    /// Seconds since the instant a statement gives.
    async fn age(&self, statement: &str) -> Result<f64, mysql::DbError> {
        let now = now_ms();
        let since: Option<Since> = sql::one(self.db.primary(), statement, [now.into()]).await?;
        let at = since.and_then(|since| since.at).unwrap_or(now);
        Ok((now - at).max(0) as f64 / 1_000.0)
    }
}

fn show(kind: &'static str, age: f64) {
    metrics::gauge!(OLDEST_ACTIVE_SECONDS, "kind" => kind).set(age);
}

/// Another replica looks now: what this one saw last must not stand beside what that one sees.
fn forget() {
    for status in STATUSES {
        metrics::gauge!(INVOCATIONS, "status" => status).set(0.0);
    }
    for (kind, _) in KINDS {
        show(kind, 0.0);
    }
}
