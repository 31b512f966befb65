//! What a region should run, as the cluster API streams it: rows newer than a cursor, in order, and
//! point queries for single objects. Reads only.

use mysql::{Db, DbError};
use sea_orm::{QueryResult, Value};

use crate::cluster::Spec;
use crate::cluster_api::{marks, query, texts};

/// Rows per page, as the cluster API has it.
pub(crate) const PAGE: usize = 100;

/// What to do about one deployment in this region.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Order {
    Run(Spec),
    Stop {
        k8s_name: String,
    },
    /// The row cannot be acted on: it is told in the log and passed over.
    Skip {
        deployment_id: String,
        reason: &'static str,
    },
}

/// What to do about one sentinel.
#[derive(Debug)]
pub(crate) struct SentinelOrder {
    pub(crate) id: String,
    pub(crate) k8s_name: String,
    /// Absent when it is to go.
    pub(crate) replicas: Option<i32>,
}

/// Highest version of each kind: one round trip tells whether there is anything to fetch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Cursors {
    pub(crate) deployments: u64,
    pub(crate) sentinels: u64,
    pub(crate) policies: u64,
}

/// The desired state of one region.
pub(crate) struct Desired<'a> {
    pub(crate) db: &'a Db,
    pub(crate) region_id: &'a str,
}

impl Desired<'_> {
    pub(crate) async fn newest(&self) -> Result<Cursors, DbError> {
        let sql = "SELECT \
             (SELECT MAX(version) FROM deployment_topology WHERE region_id = ?) AS deployments, \
             (SELECT MAX(version) FROM sentinels WHERE region_id = ?) AS sentinels, \
             (SELECT MAX(version) FROM cilium_network_policies WHERE region_id = ?) AS policies";
        let rows = query(self.db.primary(), sql, texts(&[self.region_id; 3])).await?;
        let of = |name: &str| -> Result<u64, sea_orm::DbErr> {
            let value: Option<u64> = rows
                .first()
                .map(|row| row.try_get("", name))
                .transpose()?
                .flatten();
            Ok(value.unwrap_or(0))
        };
        Ok(Cursors {
            deployments: of("deployments")?,
            sentinels: of("sentinels")?,
            policies: of("policies")?,
        })
    }

    /// The next page of deployments, ascending by version.
    pub(crate) async fn deployments_after(
        &self,
        cursor: u64,
    ) -> Result<Vec<(u64, Order)>, DbError> {
        let rows = self
            .topology(
                "t.version > ? ORDER BY t.version LIMIT 100",
                vec![cursor.into()],
            )
            .await?;
        rows.iter()
            .map(|row| Ok((row.try_get("", "version")?, order(row)?)))
            .collect()
    }

    /// Point query for deployments; those without a row are missing from the answer.
    pub(crate) async fn deployments_by_id(
        &self,
        ids: &[&str],
    ) -> Result<Vec<(String, Order)>, DbError> {
        let rows = self
            .topology(
                &format!("t.deployment_id IN ({})", marks(ids.len())),
                texts(ids),
            )
            .await?;
        rows.iter()
            .map(|row| Ok((row.try_get("", "deployment_id")?, order(row)?)))
            .collect()
    }

    async fn topology(
        &self,
        condition: &str,
        rest: Vec<Value>,
    ) -> Result<Vec<QueryResult>, DbError> {
        // Outer joins, so that a row with a missing owner is seen, told and passed over.
        let sql = format!(
            "SELECT t.version, t.deployment_id, t.desired_status, t.autoscaling_replicas_min AS min, \
             t.autoscaling_replicas_max AS max, d.k8s_name, d.image, d.cpu_millicores, d.memory_mib, d.port, \
             w.id AS workspace, w.k8s_namespace, e.id AS environment FROM deployment_topology t \
             LEFT JOIN deployments d ON d.id = t.deployment_id LEFT JOIN workspaces w ON w.id = d.workspace_id \
             LEFT JOIN environments e ON e.id = d.environment_id WHERE t.region_id = ? AND {condition}"
        );
        let mut values = vec![self.region_id.into()];
        values.extend(rest);
        query(self.db.primary(), &sql, values).await
    }

    /// The next page of sentinels, ascending by version.
    pub(crate) async fn sentinels_after(
        &self,
        cursor: u64,
    ) -> Result<Vec<(u64, SentinelOrder)>, DbError> {
        let sql = "SELECT version, id, k8s_name, desired_state, desired_replicas FROM sentinels \
             WHERE region_id = ? AND version > ? ORDER BY version LIMIT 100";
        let rows = query(
            self.db.primary(),
            sql,
            vec![self.region_id.into(), cursor.into()],
        )
        .await?;
        rows.iter()
            .map(|row| Ok((row.try_get("", "version")?, sentinel(row)?)))
            .collect()
    }

    /// Point query for sentinels.
    pub(crate) async fn sentinels_by_id(
        &self,
        ids: &[&str],
    ) -> Result<Vec<SentinelOrder>, DbError> {
        let sql = format!(
            "SELECT id, k8s_name, desired_state, desired_replicas FROM sentinels WHERE region_id = ? AND id IN ({})",
            marks(ids.len())
        );
        let mut values = vec![self.region_id.into()];
        values.extend(texts(ids));
        let rows = query(self.db.primary(), &sql, values).await?;
        rows.iter().map(sentinel).collect()
    }

    /// The next page of network policies: version and id.
    pub(crate) async fn policies_after(&self, cursor: u64) -> Result<Vec<(u64, String)>, DbError> {
        let sql = "SELECT version, id FROM cilium_network_policies \
             WHERE region_id = ? AND version > ? ORDER BY version LIMIT 100";
        let rows = query(
            self.db.primary(),
            sql,
            vec![self.region_id.into(), cursor.into()],
        )
        .await?;
        rows.iter()
            .map(|row| Ok((row.try_get("", "version")?, row.try_get("", "id")?)))
            .collect()
    }

    /// Which of these policies still exist.
    pub(crate) async fn policies_by_id(&self, ids: &[&str]) -> Result<Vec<String>, DbError> {
        let sql = format!(
            "SELECT id FROM cilium_network_policies WHERE region_id = ? AND id IN ({})",
            marks(ids.len())
        );
        let mut values = vec![self.region_id.into()];
        values.extend(texts(ids));
        let rows = query(self.db.primary(), &sql, values).await?;
        rows.iter().map(|row| Ok(row.try_get("", "id")?)).collect()
    }
}

fn sentinel(row: &QueryResult) -> Result<SentinelOrder, DbError> {
    let runs = row.try_get::<String>("", "desired_state")? == "running";
    let replicas: i32 = row.try_get("", "desired_replicas")?;
    Ok(SentinelOrder {
        id: row.try_get("", "id")?,
        k8s_name: row.try_get("", "k8s_name")?,
        replicas: runs.then_some(replicas),
    })
}

/// The checks a real agent makes before it applies anything.
fn order(row: &QueryResult) -> Result<Order, DbError> {
    let deployment_id: String = row.try_get("", "deployment_id")?;
    let skip = |reason| {
        Ok(Order::Skip {
            deployment_id: deployment_id.clone(),
            reason,
        })
    };
    let Some(k8s_name) = row
        .try_get::<Option<String>>("", "k8s_name")?
        .filter(|name| !name.is_empty())
    else {
        return skip("the deployment does not exist");
    };
    if row.try_get::<String>("", "desired_status")? == "stopped" {
        return Ok(Order::Stop { k8s_name });
    }
    if row.try_get::<Option<String>>("", "workspace")?.is_none() {
        return skip("the workspace does not exist");
    }
    if row.try_get::<Option<String>>("", "environment")?.is_none() {
        return skip("the environment does not exist");
    }
    let (min, max): (u32, u32) = (row.try_get("", "min")?, row.try_get("", "max")?);
    let spec = Spec {
        deployment_id: deployment_id.clone(),
        k8s_name,
        namespace: row
            .try_get::<Option<String>>("", "k8s_namespace")?
            .unwrap_or_default(),
        image: row
            .try_get::<Option<String>>("", "image")?
            .unwrap_or_default(),
        cpu_millicores: row.try_get("", "cpu_millicores")?,
        memory_mib: row.try_get("", "memory_mib")?,
        port: row.try_get("", "port")?,
        replicas: min,
    };
    match () {
        () if spec.namespace.is_empty() => skip("the workspace has no namespace"),
        () if spec.image.is_empty() => skip("the deployment has no image"),
        () if spec.cpu_millicores <= 0 => skip("cpu_millicores is not positive"),
        () if spec.memory_mib <= 0 => skip("memory_mib is not positive"),
        () if min < 1 => skip("the minimum of replicas is below 1"),
        () if max < min => skip("the maximum of replicas is below the minimum"),
        () => Ok(Order::Run(spec)),
    }
}
