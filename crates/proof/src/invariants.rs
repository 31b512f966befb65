//! What holds in every world at rest, whatever happened: the model's invariants, looked at by SQL.
//!
//! Not for what only one story promises: see `Story::holds`.

use crate::{Form, Lane, Scene};

/// Name and a query that gives what breaks it.
const RULES: [(&str, &str); 10] = [
    ("P1: the live deployment is meant to run, everywhere",
     "SELECT CONCAT_WS(' ', d.id, d.desired_state, t.desired_status) AS t FROM apps a JOIN deployments d ON d.id = a.current_deployment_id
      LEFT JOIN deployment_topology t ON t.deployment_id = d.id
      WHERE a.id = ? AND (d.desired_state <> 'running' OR t.desired_status <> 'running')"),
    ("P2: all live routes of production lead to the live deployment",
     "SELECT CONCAT_WS(' ', r.fully_qualified_domain_name, r.deployment_id) AS t FROM frontline_routes r
      JOIN apps a ON a.id = r.app_id JOIN environments e ON e.id = r.environment_id
      WHERE a.id = ? AND r.sticky = 'live' AND e.slug = 'production' AND NOT (r.deployment_id <=> a.current_deployment_id)"),
    ("P3: no version of a region is used twice or lies above its counter",
     "SELECT CONCAT_WS(' ', t.region_id, t.version) AS t FROM deployment_topology t JOIN deployments d ON d.id = t.deployment_id
      LEFT JOIN ctrl_worker_region_counters c ON c.region_id = t.region_id
      WHERE d.app_id = ? AND (c.v IS NULL OR t.version > c.v OR EXISTS (SELECT 1 FROM deployment_topology o
        WHERE o.region_id = t.region_id AND o.version = t.version AND o.pk <> t.pk))"),
    ("P5: nothing is in an active status",
     "SELECT CONCAT_WS(' ', id, status) AS t FROM deployments WHERE app_id = ? AND status IN ('starting','building','deploying','network','finalizing')"),
    ("P6: what runs fits into the workspace's quota",
     "SELECT CONCAT_WS(' ', SUM(d.cpu_millicores * t.autoscaling_replicas_max), 'of', MAX(q.allocated_cpu_millicores_total), 'millicores') AS t
      FROM apps a JOIN quota q ON q.workspace_id = a.workspace_id
      JOIN deployment_topology t ON t.workspace_id = q.workspace_id AND t.desired_status = 'running'
      JOIN deployments d ON d.id = t.deployment_id WHERE a.id = ? GROUP BY q.workspace_id
      HAVING SUM(d.cpu_millicores * t.autoscaling_replicas_max) > MAX(q.allocated_cpu_millicores_total)
        OR SUM(d.memory_mib * t.autoscaling_replicas_max) > MAX(q.allocated_memory_mib_total)"),
    ("P7: every route belongs to the app and environment of its deployment",
     "SELECT r.fully_qualified_domain_name AS t FROM frontline_routes r JOIN deployments d ON d.id = r.deployment_id
      WHERE r.app_id = ? AND (r.app_id <> d.app_id OR r.environment_id <> d.environment_id)"),
    ("no wait is left over",
     "SELECT w.deployment_id AS t FROM ctrl_worker_waits w JOIN deployments d ON d.id = w.deployment_id WHERE d.app_id = ?"),
    ("every run has ended",
     "SELECT r.deployment_id AS t FROM ctrl_worker_runs r JOIN deployments d ON d.id = r.deployment_id WHERE d.app_id = ? AND r.ended_at IS NULL"),
    ("a deployment has one topology row a region",
     "SELECT CONCAT_WS(' ', t.deployment_id, t.region_id) AS t FROM deployment_topology t JOIN deployments d ON d.id = t.deployment_id
      WHERE d.app_id = ? GROUP BY t.deployment_id, t.region_id HAVING COUNT(*) > 1"),
    ("no deployment without a run shows instances that are meant to run after it failed",
     "SELECT d.id AS t FROM deployments d JOIN deployment_topology t ON t.deployment_id = d.id
      WHERE d.app_id = ? AND d.status = 'failed' AND t.desired_status = 'running'"),
];

/// Looks at every invariant of a world at rest; gives how many, or what is broken.
pub(crate) async fn check(lane: &Lane, scene: &Scene, before: &Form) -> Result<usize, String> {
    let was_so = |row: &String| {
        let rows = before.0.get("deployments").map(Vec::as_slice);
        let row = scene.nameless(row);
        rows.unwrap_or_default().iter().any(|b| b.starts_with(&row))
    };
    for (name, sql) in RULES {
        let mut broken = lane.texts(sql, &[&scene.app.app_id]).await;
        // a world that begins in the middle of a deployment may stay there: its end is another handler's
        broken.retain(|row| !(name.starts_with("P5") && was_so(row)));
        if !broken.is_empty() {
            let broken: Vec<String> = broken.iter().map(|b| scene.nameless(b)).collect();
            return Err(format!("{name}: {broken:?}"));
        }
    }
    let broken = lane.outside.builds.broken();
    if !broken.is_empty() {
        let broken: Vec<String> = broken.iter().map(|b| scene.nameless(b)).collect();
        return Err(format!("builds at Depot end, and in one way: {broken:?}"));
    }
    Ok(RULES.len() + 1)
}
