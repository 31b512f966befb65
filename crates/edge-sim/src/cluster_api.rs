//! The reporting half of the cluster API: heartbeats and reports of instances and sentinels, written
//! in the transactions the real one uses, without its known faults. Reports about deployments that
//! are gone succeed and clean up; an address that moved is taken from its old holder; an observation
//! older than the last one about the same workload is ignored. Not for deciding what runs.

use std::collections::{BTreeMap, BTreeSet};

use mysql::{Db, DbError, Lock};
use sea_orm::{ConnectionTrait, DbBackend, Statement, Value};
use tokio::sync::Mutex;

use crate::{Change, Health, InstanceReport, Report};

/// Workloads per transaction of updates.
const UPDATES: usize = 200;
/// Deployments locked together while their last instances go.
const DELETES: usize = 50;

/// The cluster API as one region's agent sees it.
pub struct ClusterApi {
    db: Db,
    region_id: String,
    /// Workload → newest observation stored. Locked while a report is written, so that two reports
    /// about one workload cannot overtake each other between check and commit.
    newest: Mutex<BTreeMap<String, u64>>,
}

impl ClusterApi {
    /// The first heartbeat: makes sure region and cluster exist.
    pub async fn connect(db: &Db, region_name: &str, platform: &str) -> Result<Self, DbError> {
        let region_id = heartbeat(db, region_name, platform).await?;
        Ok(Self {
            db: db.clone(),
            region_id,
            newest: Mutex::default(),
        })
    }

    /// `rgn_…` of the region.
    pub fn region_id(&self) -> &str {
        &self.region_id
    }

    /// Stores the newest report about each workload in few transactions. Returns how many reports
    /// were ignored because something newer is stored already.
    pub async fn report(&self, reports: &[Report]) -> Result<usize, DbError> {
        let mut newest = self.newest.lock().await;
        let (mut latest, mut late) = (BTreeMap::<&str, &Report>::new(), 0);
        for report in reports {
            let name = report.change.k8s_name();
            let stored = newest.get(name).copied().unwrap_or(0);
            let queued = latest.get(name).map_or(0, |queued| queued.observed);
            if report.observed < stored.max(queued) {
                late += 1;
            } else {
                latest.insert(name, report);
            }
        }
        let (mut updates, mut deletes) = (Vec::new(), Vec::new());
        for report in latest.values() {
            match &report.change {
                Change::Update {
                    k8s_name,
                    instances,
                } => updates.push((k8s_name.as_str(), instances.as_slice())),
                Change::Delete { k8s_name } => deletes.push(k8s_name.as_str()),
                Change::Sentinel {
                    k8s_name,
                    available_replicas,
                    health,
                } => {
                    self.sentinel(k8s_name, *available_replicas, *health)
                        .await?;
                }
            }
        }
        for chunk in updates.chunks(UPDATES) {
            mysql::retry(|| self.update(chunk)).await?;
        }
        for chunk in deletes.chunks(DELETES) {
            mysql::retry(|| self.delete(chunk)).await?;
        }
        for (name, report) in latest {
            newest.insert(name.to_owned(), report.observed);
        }
        Ok(late)
    }

    async fn update(&self, updates: &[(&str, &[InstanceReport])]) -> Result<(), DbError> {
        let tx = self.db.begin().await?;
        let names: Vec<&str> = updates.iter().map(|(name, _)| *name).collect();
        let owners = owners(&*tx, &names).await?;
        let mut reported = BTreeMap::new();
        let mut gone = Vec::new();
        for (name, instances) in updates {
            match owners.get(*name) {
                Some(owner) => reported.extend(
                    instances
                        .iter()
                        .map(|it| (it.k8s_name.as_str(), (owner, it))),
                ),
                None => gone.push(*name),
            }
        }
        let stale = self.stale_rows(&*tx, &owners, &reported).await?;
        delete_rows(&*tx, &stale).await?;
        self.delete_orphans(&*tx, &gone).await?;
        if !reported.is_empty() {
            let mut values = Vec::with_capacity(reported.len() * 11);
            for (owner, it) in reported.values() {
                let row: [Value; 11] = [
                    ids::random(ids::Prefix::INSTANCE).into(),
                    owner.deployment_id.clone().into(),
                    owner.workspace_id.clone().into(),
                    owner.project_id.clone().into(),
                    owner.app_id.clone().into(),
                    self.region_id.clone().into(),
                    it.k8s_name.clone().into(),
                    it.address.clone().into(),
                    it.cpu_millicores.into(),
                    it.memory_mib.into(),
                    it.status.column().into(),
                ];
                values.extend(row);
            }
            let rows = vec!["(?,?,?,?,?,?,?,?,?,?,?)"; reported.len()].join(",");
            let upsert = format!(
                "INSERT INTO instances (id, deployment_id, workspace_id, project_id, app_id, region_id, k8s_name, \
                 address, cpu_millicores, memory_mib, status) VALUES {rows} ON DUPLICATE KEY UPDATE \
                 deployment_id = VALUES(deployment_id), workspace_id = VALUES(workspace_id), \
                 project_id = VALUES(project_id), app_id = VALUES(app_id), address = VALUES(address), \
                 cpu_millicores = VALUES(cpu_millicores), memory_mib = VALUES(memory_mib), status = VALUES(status)"
            );
            execute(&*tx, &upsert, values).await?;
        }
        tx.commit().await
    }

    /// Rows that the reports replace: instances of the reported deployments that are no longer
    /// listed, and other holders of a reported address.
    async fn stale_rows(
        &self,
        tx: &impl ConnectionTrait,
        owners: &BTreeMap<String, Owner>,
        reported: &BTreeMap<&str, (&Owner, &InstanceReport)>,
    ) -> Result<Vec<u64>, DbError> {
        let mut stale = BTreeSet::new();
        let select = |column: &str, count: usize| {
            format!(
                "SELECT pk, k8s_name, address FROM instances WHERE region_id = ? AND {column} IN ({})",
                marks(count)
            )
        };
        let ids: Vec<&str> = owners
            .values()
            .map(|owner| owner.deployment_id.as_str())
            .collect();
        for row in query(tx, &select("deployment_id", ids.len()), self.and(&ids)).await? {
            let name: String = row.try_get("", "k8s_name")?;
            if !reported.contains_key(name.as_str()) {
                stale.insert(row.try_get("", "pk")?);
            }
        }
        let addresses: BTreeMap<&str, &str> = reported
            .iter()
            .map(|(name, (_, it))| (it.address.as_str(), *name))
            .collect();
        let list: Vec<&str> = addresses.keys().copied().collect();
        for row in query(tx, &select("address", list.len()), self.and(&list)).await? {
            let (name, address): (String, String) =
                (row.try_get("", "k8s_name")?, row.try_get("", "address")?);
            if addresses
                .get(address.as_str())
                .is_some_and(|holder| *holder != name)
            {
                stale.insert(row.try_get("", "pk")?);
            }
        }
        Ok(stale.into_iter().collect())
    }

    async fn delete(&self, names: &[&str]) -> Result<(), DbError> {
        let tx = self.db.begin().await?;
        // Locked before anything is read: of two regions that lose the last instances at the same
        // time, the second must see that the first has none left.
        tx.touch(Lock::Deployments);
        let lock = format!(
            "SELECT id, k8s_name, desired_state FROM deployments WHERE k8s_name IN ({}) ORDER BY k8s_name FOR UPDATE",
            marks(names.len())
        );
        let (mut known, mut idle) = (BTreeMap::<String, String>::new(), Vec::new());
        for row in query(&*tx, &lock, texts(names)).await? {
            let id: String = row.try_get("", "id")?;
            if row.try_get::<String>("", "desired_state")? != "running" {
                idle.push(id.clone());
            }
            known.insert(row.try_get("", "k8s_name")?, id);
        }
        let ids: Vec<&str> = known.values().map(String::as_str).collect();
        let select = format!(
            "SELECT pk FROM instances WHERE region_id = ? AND deployment_id IN ({})",
            marks(ids.len())
        );
        let mut rows = Vec::new();
        for row in query(&*tx, &select, self.and(&ids)).await? {
            rows.push(row.try_get("", "pk")?);
        }
        delete_rows(&*tx, &rows).await?;
        let gone: Vec<&str> = names
            .iter()
            .copied()
            .filter(|name| !known.contains_key(*name))
            .collect();
        self.delete_orphans(&*tx, &gone).await?;

        let busy = format!(
            "SELECT DISTINCT deployment_id FROM instances WHERE deployment_id IN ({})",
            marks(idle.len())
        );
        let mut elsewhere = BTreeSet::<String>::new();
        for row in query(&*tx, &busy, texts(&idle)).await? {
            elsewhere.insert(row.try_get("", "deployment_id")?);
        }
        idle.retain(|id| !elsewhere.contains(id));
        if !idle.is_empty() {
            let update = format!(
                "UPDATE deployments SET status = 'stopped', updated_at = ? WHERE id IN ({})",
                marks(idle.len())
            );
            let mut values = vec![mysql::now_ms().into()];
            values.extend(texts(&idle));
            execute(&*tx, &update, values).await?;
        }
        tx.commit().await
    }

    /// Rows of deployments that no longer exist: found by the name every pod begins with.
    async fn delete_orphans(
        &self,
        tx: &impl ConnectionTrait,
        names: &[&str],
    ) -> Result<(), DbError> {
        for name in names {
            let pods = format!("{name}-%");
            execute(
                tx,
                "DELETE FROM instances WHERE region_id = ? AND k8s_name LIKE ?",
                vec![self.region_id.clone().into(), pods.into()],
            )
            .await?;
        }
        Ok(())
    }

    async fn sentinel(
        &self,
        k8s_name: &str,
        available_replicas: i32,
        health: Health,
    ) -> Result<(), DbError> {
        execute(
            self.db.primary(),
            "UPDATE sentinels SET available_replicas = ?, health = ?, updated_at = ? WHERE k8s_name = ? AND region_id = ?",
            vec![
                available_replicas.into(),
                health.column().into(),
                mysql::now_ms().into(),
                k8s_name.into(),
                self.region_id.clone().into(),
            ],
        )
        .await
    }

    /// The region id followed by a list, for `region_id = ? AND x IN (…)`.
    fn and(&self, list: &[&str]) -> Vec<Value> {
        let mut values = vec![self.region_id.clone().into()];
        values.extend(texts(list));
        values
    }
}

/// Makes sure the region exists and notes that its agent lives; returns the region's id.
pub(crate) async fn heartbeat(db: &Db, name: &str, platform: &str) -> Result<String, DbError> {
    execute(
        db.primary(),
        "INSERT INTO regions (id, name, platform) VALUES (?, ?, ?) ON DUPLICATE KEY UPDATE pk = pk",
        vec![
            ids::random(ids::Prefix::REGION).into(),
            name.into(),
            platform.into(),
        ],
    )
    .await?;
    let select = "SELECT id FROM regions WHERE name = ? AND platform = ?";
    let rows = query(db.primary(), select, texts(&[name, platform])).await?;
    let missing = || sea_orm::DbErr::RecordNotFound(format!("region {platform}::{name}"));
    let id: String = rows.first().ok_or_else(missing)?.try_get("", "id")?;
    execute(
        db.primary(),
        "INSERT INTO clusters (id, region_id, last_heartbeat_at) VALUES (?, ?, ?) \
         ON DUPLICATE KEY UPDATE last_heartbeat_at = VALUES(last_heartbeat_at)",
        vec![
            ids::random(ids::Prefix::CLUSTER).into(),
            id.clone().into(),
            u64::try_from(mysql::now_ms()).unwrap_or_default().into(),
        ],
    )
    .await?;
    Ok(id)
}

/// Whom a deployment belongs to.
struct Owner {
    deployment_id: String,
    workspace_id: String,
    project_id: String,
    app_id: String,
}

async fn owners(
    tx: &impl ConnectionTrait,
    names: &[&str],
) -> Result<BTreeMap<String, Owner>, DbError> {
    let select = format!(
        "SELECT id, k8s_name, workspace_id, project_id, app_id FROM deployments WHERE k8s_name IN ({})",
        marks(names.len())
    );
    let mut owners = BTreeMap::new();
    for row in query(tx, &select, texts(names)).await? {
        let owner = Owner {
            deployment_id: row.try_get("", "id")?,
            workspace_id: row.try_get("", "workspace_id")?,
            project_id: row.try_get("", "project_id")?,
            app_id: row.try_get("", "app_id")?,
        };
        owners.insert(row.try_get("", "k8s_name")?, owner);
    }
    Ok(owners)
}

async fn delete_rows(tx: &impl ConnectionTrait, pks: &[u64]) -> Result<(), DbError> {
    if pks.is_empty() {
        return Ok(());
    }
    let delete = format!("DELETE FROM instances WHERE pk IN ({})", marks(pks.len()));
    execute(tx, &delete, pks.iter().map(|pk| (*pk).into()).collect()).await
}

/// `?,?,…`, or a NULL that nothing equals when the list is empty.
pub(crate) fn marks(count: usize) -> String {
    if count == 0 {
        "NULL".to_owned()
    } else {
        vec!["?"; count].join(",")
    }
}

pub(crate) fn texts(list: &[impl AsRef<str>]) -> Vec<Value> {
    list.iter().map(|text| text.as_ref().into()).collect()
}

pub(crate) async fn query(
    conn: &impl ConnectionTrait,
    sql: &str,
    values: Vec<Value>,
) -> Result<Vec<sea_orm::QueryResult>, DbError> {
    Ok(conn
        .query_all_raw(Statement::from_sql_and_values(
            DbBackend::MySql,
            sql,
            values,
        ))
        .await?)
}

async fn execute(
    conn: &impl ConnectionTrait,
    sql: &str,
    values: Vec<Value>,
) -> Result<(), DbError> {
    conn.execute_raw(Statement::from_sql_and_values(
        DbBackend::MySql,
        sql,
        values,
    ))
    .await?;
    Ok(())
}
