//! The invariants that hold at every committed instant, each one query that gives the rows that break it.
//!
//! Not for what only holds once everything has settled: see `settle`.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use sqlx::Row as _;

use crate::Error;
use crate::look::{Eye, Value};
use crate::report::{Invariant, Violation};
use crate::world::GRACE;

/// The current deployment is meant to run, in every region it has.
const CURRENT_RUNS: &str = "SELECT CONCAT_WS(' ', 'app', a.id, 'current', a.current_deployment_id, 'status', d.status, 'desired', d.desired_state, \
       'region', COALESCE(t.region_id, 'none'), COALESCE(t.desired_status, 'no topology'), 'version', t.version) \
     FROM apps a LEFT JOIN deployments d ON d.id = a.current_deployment_id \
     LEFT JOIN deployment_topology t ON t.deployment_id = d.id \
     WHERE a.current_deployment_id IS NOT NULL AND (d.id IS NULL OR d.desired_state <> 'running' OR t.pk IS NULL OR t.desired_status <> 'running')";

/// Live routes of production lead to the current deployment. Before the first one finished there is no pointer yet.
const LIVE_ROUTES: &str = "SELECT CONCAT_WS(' ', 'app', a.id, 'current', a.current_deployment_id, 'rolled back', a.is_rolled_back, \
       'route', r.fully_qualified_domain_name, 'to', r.deployment_id) \
     FROM apps a JOIN environments e ON e.app_id = a.id AND e.slug = 'production' \
     JOIN frontline_routes r ON r.environment_id = e.id AND r.app_id = a.id AND r.sticky = 'live' \
     WHERE a.current_deployment_id IS NOT NULL AND r.deployment_id <> a.current_deployment_id";

/// Workspaces whose running topology rows may take more than their quota.
const QUOTA: &str = "SELECT CONCAT_WS(' ', 'workspace', q.workspace_id, 'millicores', SUM(d.cpu_millicores * t.autoscaling_replicas_max), \
       'of', MAX(q.allocated_cpu_millicores_total), 'MiB', SUM(d.memory_mib * t.autoscaling_replicas_max), 'of', MAX(q.allocated_memory_mib_total)) \
     FROM quota q JOIN deployment_topology t ON t.workspace_id = q.workspace_id AND t.desired_status = 'running' \
     JOIN deployments d ON d.id = t.deployment_id GROUP BY q.workspace_id \
     HAVING SUM(d.cpu_millicores * t.autoscaling_replicas_max) > MAX(q.allocated_cpu_millicores_total) \
       OR SUM(d.memory_mib * t.autoscaling_replicas_max) > MAX(q.allocated_memory_mib_total)";

/// Owner of each host name.
const OWNERS: &str =
    "SELECT fully_qualified_domain_name, CONCAT(app_id, ' ', environment_id) FROM frontline_routes";

/// Owners there are: a host name is free once its owner is gone.
const ENVIRONMENTS: &str = "SELECT CONCAT(app_id, ' ', id) FROM environments";

/// Deployments in work: their deadline (0 without a run), their creation.
const ACTIVE: &str = "SELECT d.id, CAST(d.status AS CHAR), COALESCE(r.deadline_at, 0), d.created_at FROM deployments d \
     LEFT JOIN ctrl_worker_runs r ON r.deployment_id = d.id \
     WHERE d.status IN ('pending','starting','building','deploying','network','finalizing')";

/// Which deployments are current.
const CURRENT: &str =
    "SELECT current_deployment_id FROM apps WHERE current_deployment_id IS NOT NULL";

/// Looks in which everything is read; the others leave out the long list of routes.
const FULL_EVERY: usize = 8;

/// What is remembered from look to look.
pub(crate) struct Checks {
    owners: BTreeMap<String, String>,
    /// Time in which the control plane was whole; deadlines are judged by it.
    whole_for: Duration,
    last_look: Option<Instant>,
    /// Deployments past their deadline, with `whole_for` when that was seen first.
    overdue: BTreeMap<String, Duration>,
    /// Deployments that were current at some look.
    pub(crate) ever_current: BTreeSet<String>,
    pub(crate) looks: BTreeMap<Invariant, usize>,
    pub(crate) longest_active: Duration,
    number: usize,
}

impl Checks {
    pub(crate) fn new() -> Self {
        Self {
            owners: BTreeMap::new(),
            whole_for: Duration::ZERO,
            last_look: None,
            overdue: BTreeMap::new(),
            ever_current: BTreeSet::new(),
            looks: BTreeMap::new(),
            longest_active: Duration::ZERO,
            number: 0,
        }
    }

    /// Evaluates everything on the open snapshot. `whole`: nothing of the control plane is broken right now.
    pub(crate) async fn look(
        &mut self,
        eye: &mut Eye,
        whole: bool,
    ) -> Result<Vec<Violation>, Error> {
        self.number += 1;
        let now = Instant::now();
        if let Some(last) = self.last_look.replace(now)
            && whole
        {
            self.whole_for += now - last;
        }
        let mut found = Vec::new();
        for (invariant, sql) in [
            (Invariant::CurrentRuns, CURRENT_RUNS),
            (Invariant::LiveRoutes, LIVE_ROUTES),
        ] {
            let rows = eye.texts(sql, &[]).await?;
            self.count(invariant, 1);
            if !rows.is_empty() {
                found.push(Violation::new(invariant, rows));
            }
        }
        found.extend(self.quota(eye).await?);
        self.ever_current.extend(eye.texts(CURRENT, &[]).await?);
        found.extend(self.deadlines(eye).await?);
        if self.number % FULL_EVERY == 1 {
            found.extend(self.owners(eye).await?);
        }
        Ok(found)
    }

    pub(crate) fn count(&mut self, invariant: Invariant, times: usize) {
        *self.looks.entry(invariant).or_default() += times;
    }

    async fn deadlines(&mut self, eye: &mut Eye) -> Result<Option<Violation>, Error> {
        let now = mysql::now_ms();
        let mut overdue = BTreeMap::new();
        let mut broken = Vec::new();
        for row in eye.rows(ACTIVE, &[]).await? {
            let (id, status): (String, String) = (row.try_get(0)?, row.try_get(1)?);
            let (deadline, created): (i64, i64) = (row.try_get(2)?, row.try_get(3)?);
            let age = Duration::from_millis(u64::try_from(now - created).unwrap_or(0));
            self.longest_active = self.longest_active.max(age);
            if deadline == 0 || deadline > now {
                continue;
            }
            let since = self.overdue.get(&id).copied().unwrap_or(self.whole_for);
            if self.whole_for - since > GRACE {
                let late = (self.whole_for - since).as_millis();
                broken.push(format!(
                    "deployment {id} {status}: {late} ms past its deadline with everything up"
                ));
            }
            overdue.insert(id, since);
        }
        self.overdue = overdue;
        self.count(Invariant::Deadlines, 1);
        Ok((!broken.is_empty()).then(|| Violation::new(Invariant::Deadlines, broken)))
    }

    /// What all that runs may take stays within the quota, whoever started it.
    async fn quota(&mut self, eye: &mut Eye) -> Result<Option<Violation>, Error> {
        let rows = eye.texts(QUOTA, NONE).await?;
        self.count(Invariant::Quota, 1);
        Ok((!rows.is_empty()).then(|| Violation::new(Invariant::Quota, rows)))
    }

    async fn owners(&mut self, eye: &mut Eye) -> Result<Option<Violation>, Error> {
        let mut broken = Vec::new();
        let there: BTreeSet<String> = eye.texts(ENVIRONMENTS, NONE).await?.into_iter().collect();
        self.owners.retain(|_, owner| there.contains(owner));
        for row in eye.rows(OWNERS, &[]).await? {
            let (host, owner): (String, String) = (row.try_get(0)?, row.try_get(1)?);
            match self.owners.get(&host) {
                None => {
                    self.owners.insert(host, owner);
                }
                Some(known) if *known != owner => {
                    broken.push(format!("{host}: {known} became {owner}"));
                }
                Some(_) => {}
            }
        }
        self.count(Invariant::Owners, 1);
        Ok((!broken.is_empty()).then(|| Violation::new(Invariant::Owners, broken)))
    }
}

/// The values of no query.
pub(crate) const NONE: &[Value] = &[];

#[cfg(test)]
mod tests;
