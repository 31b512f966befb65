//! The quiet tail: nothing is asked and nothing breaks any more, everything must come to rest, and then more must
//! hold than while things moved.
//!
//! Not for what holds at every instant: those checks go on meanwhile.

use std::time::{Duration, Instant};

use serde_json::Value as Json;

use crate::Error;
use crate::book::Book;
use crate::invariants::{Checks, NONE};
use crate::look::Eye;
use crate::reader::Reader;
use crate::report::{Invariant, Violation};
use crate::world::{STANDBY_DELAY, Stage};

/// Restate waits up to a minute before it tries an invocation again, a schedule that met a long outage as much.
const SETTLES_WITHIN: Duration = Duration::from_secs(150);

/// Everything Restate has not finished, delayed messages included; but not the clock's next timers, of which there is
/// always one a job. The keys of the test service come and go.
const UNFINISHED: &str = "SELECT id, target, status, retry_count, last_failure, created_at FROM sys_invocation WHERE status <> 'completed' \
     AND NOT (target_service_name = 'hydra.v1.SchedulerService' AND target_handler_name = 'Tick' AND status = 'scheduled')";

/// What is left of environments that are gone.
const LEFT_BEHIND: &str = "SELECT CONCAT_WS(' ', 'deployment', d.id, 'of environment', d.environment_id, 'which is gone') FROM deployments d \
       LEFT JOIN environments e ON e.id = d.environment_id WHERE e.id IS NULL \
     UNION ALL SELECT CONCAT_WS(' ', 'route', r.fully_qualified_domain_name, 'of environment', r.environment_id, 'which is gone') \
       FROM frontline_routes r LEFT JOIN environments e ON e.id = r.environment_id WHERE e.id IS NULL \
     UNION ALL SELECT CONCAT_WS(' ', 'sentinel', s.id, 'of environment', s.environment_id, 'which is gone') \
       FROM sentinels s LEFT JOIN environments e ON e.id = s.environment_id WHERE e.id IS NULL \
     UNION ALL SELECT CONCAT_WS(' ', 'policy', p.id, 'of environment', p.environment_id, 'which is gone') \
       FROM cilium_network_policies p LEFT JOIN environments e ON e.id = p.environment_id WHERE e.id IS NULL \
     UNION ALL SELECT CONCAT_WS(' ', 'topology of deployment', t.deployment_id, 'which is gone') \
       FROM deployment_topology t LEFT JOIN deployments d ON d.id = t.deployment_id WHERE d.id IS NULL \
     UNION ALL SELECT CONCAT_WS(' ', 'step', s.step, 'of deployment', s.deployment_id, 'which is gone') \
       FROM deployment_steps s LEFT JOIN deployments d ON d.id = s.deployment_id WHERE d.id IS NULL";

const IN_WORK: &str = "SELECT CONCAT_WS(' ', id, status, 'of app', app_id, 'created', created_at) FROM deployments \
     WHERE status NOT IN ('ready','failed','skipped','stopped')";

/// Running production deployments that are not live, with whether a rollback keeps them up.
const NOT_LIVE: &str = "SELECT d.id FROM deployments d JOIN environments e ON e.id = d.environment_id AND e.slug = 'production' \
     JOIN apps a ON a.id = d.app_id \
     LEFT JOIN ctrl_worker_rollback_sources s ON s.app_id = a.id AND s.deployment_id = d.id \
     WHERE d.desired_state = 'running' AND d.status IN ('ready', 'stopped') AND s.deployment_id IS NULL \
       AND (a.current_deployment_id IS NULL OR a.current_deployment_id <> d.id)";

/// Routes whose deployment is missing, failed or somebody else's.
const ORPHANS: &str = "SELECT CONCAT_WS(' ', r.fully_qualified_domain_name, r.sticky, 'to', r.deployment_id, 'status', COALESCE(d.status, 'missing')) \
     FROM frontline_routes r LEFT JOIN deployments d ON d.id = r.deployment_id \
     WHERE d.id IS NULL OR d.app_id <> r.app_id OR d.environment_id <> r.environment_id OR d.status IN ('failed', 'skipped')";

/// Apps that had a production deployment become ready but have no live one, or whose live one is not ready.
const NOT_SERVED: &str = "SELECT CONCAT_WS(' ', 'app', a.id, 'current', COALESCE(a.current_deployment_id, 'none'), 'status', c.status) FROM apps a \
     LEFT JOIN deployments c ON c.id = a.current_deployment_id \
     WHERE (a.current_deployment_id IS NULL OR c.status IS NULL OR c.status <> 'ready') AND EXISTS (SELECT 1 FROM deployments d \
       JOIN environments e ON e.id = d.environment_id AND e.slug = 'production' WHERE d.app_id = a.id AND d.status = 'ready')";

/// Regions of live deployments without a running instance.
const NO_INSTANCE: &str = "SELECT CONCAT_WS(' ', 'app', a.id, 'current', d.id, 'region', t.region_id, 'has no running instance') FROM apps a \
     JOIN deployments d ON d.id = a.current_deployment_id JOIN deployment_topology t ON t.deployment_id = d.id \
     WHERE NOT EXISTS (SELECT 1 FROM instances i WHERE i.deployment_id = d.id AND i.region_id = t.region_id AND i.status = 'running')";

/// Live deployments without a live route.
const NO_HOST: &str = "SELECT CONCAT_WS(' ', 'app', a.id, 'current', a.current_deployment_id, 'has no live route') FROM apps a \
     WHERE a.current_deployment_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM frontline_routes r WHERE r.app_id = a.id \
       AND r.sticky = 'live' AND r.deployment_id = a.current_deployment_id)";

/// How the wait ended.
pub(crate) struct Settled {
    pub(crate) evaluations: usize,
    pub(crate) violation: Option<Violation>,
}

/// Waits until nothing is in work and the edge has followed; what is still there when time is up is the violation.
pub(crate) async fn wait(stage: &Stage, eye: &mut Eye) -> Result<Settled, Error> {
    let began = Instant::now();
    let mut quiet_since: Option<Instant> = None;
    let mut evaluations = 0;
    loop {
        let rows = unsettled(stage, eye).await?;
        evaluations += 1;
        if rows.is_empty() {
            // Timers that were due are through: a delayed message counts as unfinished.
            let since = quiet_since.get_or_insert_with(Instant::now);
            if since.elapsed() > STANDBY_DELAY / 3 {
                return Ok(Settled {
                    evaluations,
                    violation: None,
                });
            }
        } else {
            quiet_since = None;
        }
        let paused = rows.iter().any(|r| r.contains("\"paused\""));
        if paused || began.elapsed() > SETTLES_WITHIN {
            let violation = Some(Violation::new(Invariant::Settles, rows));
            return Ok(Settled {
                evaluations,
                violation,
            });
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

async fn unsettled(stage: &Stage, eye: &mut Eye) -> Result<Vec<String>, Error> {
    let mut rows: Vec<String> = stage
        .admin
        .query(UNFINISHED)
        .await?
        .iter()
        .map(Json::to_string)
        .collect();
    eye.open().await?;
    for sql in [IN_WORK, NO_INSTANCE] {
        rows.extend(eye.texts(sql, NONE).await?);
    }
    eye.close().await?;
    Ok(rows)
}

/// What must hold when everything has settled.
pub(crate) async fn check(
    eye: &mut Eye,
    checks: &mut Checks,
    reader: &mut Reader,
    book: &Book,
) -> Result<Vec<Violation>, Error> {
    eye.open().await?;
    let mut found = checks.look(eye, true).await?;
    reader.follow(eye).await?;
    let mut add = |invariant, rows: Vec<String>| {
        if !rows.is_empty() {
            found.push(Violation::new(invariant, rows));
        }
    };
    add(Invariant::CursorSeesAll, reader.compare(eye).await?);
    add(Invariant::NoOrphanRoute, eye.texts(ORPHANS, NONE).await?);
    add(
        Invariant::DeletedIsGone,
        eye.texts(LEFT_BEHIND, NONE).await?,
    );
    let mut unserved = eye.texts(NOT_SERVED, NONE).await?;
    unserved.extend(eye.texts(NO_INSTANCE, NONE).await?);
    unserved.extend(eye.texts(NO_HOST, NONE).await?);
    add(Invariant::Serves, unserved);
    let mut awake = eye.texts(NOT_LIVE, NONE).await?;
    {
        // One that never was live was replaced by nothing; one that somebody woke runs because it was asked to.
        let inner = book.lock();
        awake.retain(|id| checks.ever_current.contains(id) && !inner.woken.contains(id));
    }
    add(Invariant::ReplacedSleeps, awake);
    eye.close().await?;
    for invariant in [
        Invariant::CursorSeesAll,
        Invariant::NoOrphanRoute,
        Invariant::DeletedIsGone,
        Invariant::Serves,
        Invariant::ReplacedSleeps,
    ] {
        checks.count(invariant, 1);
    }
    Ok(found)
}
