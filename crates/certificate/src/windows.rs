//! Renewal windows (RFC 9773): asks the authority when certificates should be renewed, each at most as often as the
//! authority wants to be asked, and moves the renewal into the window.
//!
//! Not for starting a renewal: the sweep does.

use crate::Deps;
use crate::due;
use crate::timings::millis;
use acme::{Acme, Class};
use durable::Stop;
use futures::StreamExt as _;
use mysql::sql;
use sea_orm::{FromQueryResult, Value};

/// Certificates asked about in one step.
pub(crate) const BATCH: usize = 50;
/// How many of them at the same time.
const AT_ONCE: usize = 8;

#[derive(Debug, FromQueryResult)]
struct Row {
    hostname: String,
    renew_at: i64,
    certificate: String,
}

/// Asks about the certificates whose turn it is; gives how many there were. An authority without windows is not asked.
pub(crate) async fn refresh(deps: &Deps, acme: &Acme, now: i64) -> Result<usize, Stop> {
    match acme.directory().await {
        Ok(directory) if directory.renewal_info => {}
        Ok(_) => return Ok(0),
        // the sweep goes on by what is planned already
        Err(problem) => {
            tracing::info!(%problem, "no renewal windows: the directory cannot be read");
            return Ok(0);
        }
    }
    let sql = "SELECT r.hostname, r.renew_at, c.certificate FROM ctrl_worker_renewals r
        JOIN certificates c ON c.hostname = r.hostname
        WHERE r.ari_next_at <= ? AND r.expires_at > ? ORDER BY r.ari_next_at LIMIT ?";
    let limit = u64::try_from(BATCH).unwrap_or(0);
    let values: [Value; 3] = [now.into(), now.into(), limit.into()];
    let rows: Vec<Row> = sql::all(deps.db.primary(), sql, values).await?;
    let asked = rows.len();
    let mut answers = futures::stream::iter(rows)
        .map(|row| async move { one(deps, acme, row, now).await })
        .buffer_unordered(AT_ONCE);
    while let Some(answer) = answers.next().await {
        answer?;
    }
    Ok(asked)
}

/// Asks about one certificate. Whatever comes of it, it is not asked about again at once.
async fn one(deps: &Deps, acme: &Acme, row: Row, now: i64) -> Result<(), Stop> {
    let later = now.saturating_add(millis(deps.timings.window_retry));
    let said = acme::read(&row.certificate).ok();
    let id = said.as_ref().and_then(|s| s.certificate_id.as_deref());
    let answer = match id {
        Some(id) => acme.renewal_info(id).await.map(Some),
        None => Ok(None),
    };
    let host: Value = row.hostname.as_str().into();
    match answer {
        Ok(Some(info)) => {
            let serial = said.as_ref().map_or("", |s| &s.serial);
            let at = due::in_window(info.start_ms, info.end_ms, row.renew_at, serial);
            let latest = said
                .as_ref()
                .map_or(at, |s| due::latest(s.not_before_ms, s.not_after_ms));
            let at = at.min(latest);
            // a failed attempt keeps its pause
            let sql = "UPDATE ctrl_worker_renewals SET ari_checked_at = ?, ari_next_at = ?,
                  renew_at = IF(reason IN ('lifetime', 'ari', 'adopted'), ?, renew_at),
                  reason = IF(reason IN ('lifetime', 'adopted'), 'ari', reason)
                WHERE hostname = ?";
            let next = info.retry_after_ms.max(now.saturating_add(1));
            let values: [Value; 4] = [now.into(), next.into(), at.into(), host];
            sql::execute(deps.db.primary(), sql, values).await?;
            if let Some(page) = &info.explanation_url {
                tracing::info!(page, "the authority explains a renewal window");
            }
        }
        Ok(None) => skip(deps, host, later).await?,
        Err(problem) => {
            let later = match problem.class() {
                Class::RateLimited { until_ms: Some(at) } => at.max(later),
                _ => later,
            };
            tracing::info!(%problem, "a renewal window cannot be read");
            skip(deps, host, later).await?;
        }
    }
    Ok(())
}

async fn skip(deps: &Deps, host: Value, until: i64) -> Result<(), Stop> {
    let sql = "UPDATE ctrl_worker_renewals SET ari_next_at = ? WHERE hostname = ?";
    sql::execute(deps.db.primary(), sql, [until.into(), host]).await?;
    Ok(())
}
