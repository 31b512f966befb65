//! When a deployment counts as up: enough healthy regions, read from the primary.
//!
//! The same rule stands here twice, for one deployment with its numbers and as one statement over everything that
//! waits; `bin/worker`'s tests compare the two.

use crate::capacity::required_regions;
use mysql::DbError;
use mysql::sql;
use sea_orm::{ConnectionTrait, FromQueryResult};

/// How one region of a deployment does.
#[derive(Debug, Clone, PartialEq, Eq, FromQueryResult)]
pub(crate) struct RegionHealth {
    /// `regions.name`, or the id of a region that is gone.
    pub(crate) region: String,
    /// Replicas that must run.
    pub(crate) min: u32,
    /// Instances running.
    pub(crate) running: i64,
    /// Instances failed.
    pub(crate) failed: i64,
    /// False while a sentinel this deployment created is not healthy.
    pub(crate) sentinel: bool,
}

impl RegionHealth {
    fn healthy(&self) -> bool {
        self.running >= i64::from(self.min) && self.sentinel
    }
}

/// Enough regions healthy: all but one, at least one.
pub(crate) fn is_ready(regions: &[RegionHealth]) -> bool {
    !regions.is_empty()
        && regions.iter().filter(|r| r.healthy()).count() >= required_regions(regions.len())
}

/// What is missing, in words, for the customer.
pub(crate) fn missing(regions: &[RegionHealth]) -> String {
    if regions.is_empty() {
        return "No region runs it.".to_owned();
    }
    let parts: Vec<String> = regions
        .iter()
        .filter(|r| !r.healthy())
        .map(|r| {
            let failed = if r.failed > 0 {
                format!(", {} failed", r.failed)
            } else {
                String::new()
            };
            let sentinel = if r.sentinel {
                ""
            } else {
                ", its gateway is not healthy"
            };
            format!(
                "{}: {} of {} running{failed}{sentinel}",
                r.region, r.running, r.min
            )
        })
        .collect();
    format!("{}.", parts.join("; "))
}

/// Health of every region the deployment should run in.
pub(crate) async fn health(
    c: &impl ConnectionTrait,
    deployment_id: &str,
) -> Result<Vec<RegionHealth>, DbError> {
    sql::all(
        c,
        "SELECT COALESCE(r.name, t.region_id) AS region, t.autoscaling_replicas_min AS min,
                (SELECT COUNT(*) FROM instances i WHERE i.deployment_id = t.deployment_id AND i.region_id = t.region_id AND i.status = 'running') AS running,
                (SELECT COUNT(*) FROM instances i WHERE i.deployment_id = t.deployment_id AND i.region_id = t.region_id AND i.status = 'failed') AS failed,
                (COALESCE(FIND_IN_SET(t.region_id, w.new_sentinel_regions), 0) = 0
                 OR EXISTS (SELECT 1 FROM sentinels s JOIN deployments d ON d.id = t.deployment_id AND s.environment_id = d.environment_id
                            WHERE s.region_id = t.region_id AND s.health = 'healthy')) AS sentinel
         FROM deployment_topology t
         LEFT JOIN regions r ON r.id = t.region_id
         LEFT JOIN ctrl_worker_runs w ON w.deployment_id = t.deployment_id
         WHERE t.deployment_id = ? AND t.desired_status = 'running'
         ORDER BY t.region_id",
        [deployment_id.into()],
    )
    .await
}

/// A waiting invocation that can go on.
#[derive(Debug, Clone, PartialEq, Eq, FromQueryResult)]
pub(crate) struct ReadyWaiter {
    /// Awakeable to resolve.
    pub(crate) awakeable_id: String,
}

/// Everybody who waits for a deployment that is ready now, in one statement.
///
/// Its plan must not depend on statistics, which lag behind when thousands begin to wait at once: order and indexes are
/// given, and the waits are joined last, so that nothing is worked out anew for each of them. All indexes named are part
/// of the shared schema or of our own table.
pub(crate) async fn ready_waiters(c: &impl ConnectionTrait) -> Result<Vec<ReadyWaiter>, DbError> {
    sql::all(
        c,
        "SELECT w.awakeable_id FROM (
             SELECT x.deployment_id
             FROM (SELECT DISTINCT deployment_id FROM ctrl_worker_waits) x
             STRAIGHT_JOIN deployment_topology t FORCE INDEX (unique_region_per_deployment) ON t.deployment_id = x.deployment_id AND t.desired_status = 'running'
             LEFT JOIN ctrl_worker_runs r ON r.deployment_id = t.deployment_id
             GROUP BY x.deployment_id
             HAVING SUM((SELECT COUNT(*) FROM instances i FORCE INDEX (idx_deployment_id)
                         WHERE i.deployment_id = t.deployment_id AND i.region_id = t.region_id AND i.status = 'running')
                            >= t.autoscaling_replicas_min
                        AND (COALESCE(FIND_IN_SET(t.region_id, r.new_sentinel_regions), 0) = 0
                             OR EXISTS (SELECT 1 FROM sentinels s JOIN deployments d ON d.id = t.deployment_id AND s.environment_id = d.environment_id
                                        WHERE s.region_id = t.region_id AND s.health = 'healthy')))
                    >= GREATEST(COUNT(*) - 1, 1)
         ) ready STRAIGHT_JOIN ctrl_worker_waits w FORCE INDEX (ctrl_worker_waits_deployment_id_idx) ON w.deployment_id = ready.deployment_id",
        [],
    )
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn region(min: u32, running: i64, sentinel: bool) -> RegionHealth {
        RegionHealth {
            region: "us-east".into(),
            min,
            running,
            failed: 0,
            sentinel,
        }
    }

    #[test]
    fn one_of_several_regions_may_lag() {
        let (up, down) = (region(1, 1, true), region(1, 0, true));
        assert!(is_ready(&[up.clone(), up.clone(), down.clone()]));
        assert!(is_ready(&[up.clone(), down.clone()]));
        assert!(!is_ready(&[up.clone(), down.clone(), down.clone()]));
        assert!(!is_ready(&[down]));
        assert!(!is_ready(&[]));
        assert!(!is_ready(&[region(2, 1, true)]), "under-replicated");
        assert!(
            !is_ready(&[region(1, 1, false)]),
            "new sentinel not healthy"
        );
    }

    #[test]
    fn the_reason_names_region_numbers_and_gateway() {
        let text = missing(&[RegionHealth {
            failed: 1,
            ..region(2, 1, false)
        }]);
        assert_eq!(
            text,
            "us-east: 1 of 2 running, 1 failed, its gateway is not healthy."
        );
    }
}
