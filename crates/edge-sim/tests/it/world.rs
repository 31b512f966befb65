//! An app with its regions, agents for them, and the writes the worker would make.

use std::collections::BTreeSet;
use std::time::Duration;

use edge_sim::{Agent, AgentHandle, AgentOptions, Behaviour};
use intent::{AppRows, Fixture, NewDeployment};
use mysql::entity::{deployments, instances};
use mysql::{Db, Lock, counter};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, QueryFilter, QueryOrder, Statement, Value,
};

/// Long enough for a busy machine; nothing waits for it when all is well.
pub(crate) const SOON: Duration = Duration::from_secs(20);

pub(crate) struct World {
    pub(crate) db: Db,
    pub(crate) app: AppRows,
    pub(crate) agents: Vec<AgentHandle>,
}

impl World {
    /// So many regions, each with an agent that starts with this behaviour and never resyncs by itself.
    pub(crate) async fn new(regions: usize, behaviour: Behaviour) -> Self {
        let mut world = Self::without_agents(regions).await;
        for region in &world.app.regions {
            let options =
                AgentOptions::new(&world.db, &region.name).poll(Duration::from_millis(10));
            let options = options
                .resync(Duration::from_secs(600))
                .behaviour(behaviour.clone());
            world.agents.push(Agent::start(options));
        }
        world
    }

    pub(crate) async fn without_agents(regions: usize) -> Self {
        let db = testbed::db().await;
        let app = Fixture::new(&db).regions(regions).await;
        let world = Self {
            db,
            app,
            agents: Vec::new(),
        };
        let namespace = ids::dns_label(8);
        let sql = "UPDATE workspaces SET k8s_namespace = ? WHERE id = ?";
        world
            .execute(
                sql,
                [namespace.into(), world.app.workspace_id.clone().into()],
            )
            .await;
        world
    }

    /// A finished deployment that runs in every region, as the worker leaves it.
    pub(crate) async fn deploy(&self) -> String {
        let id = self.create().await;
        self.place(&id).await;
        id
    }

    /// The deployment's row alone.
    pub(crate) async fn create(&self) -> String {
        let new = NewDeployment::production(&self.app.app_id)
            .image("demo/app:1")
            .status("ready");
        intent::create_deployment(&self.db, &new)
            .await
            .expect("deployment written")
    }

    /// Its topology rows, versions drawn in the same transaction.
    pub(crate) async fn place(&self, deployment_id: &str) {
        let tx = self.db.begin().await.expect("begin");
        tx.touch(Lock::DeploymentTopology);
        let regions: BTreeSet<String> = self
            .app
            .regions
            .iter()
            .map(|region| region.id.clone())
            .collect();
        for (region, version) in counter::next_many(&tx, &regions).await.expect("versions") {
            insert_topology(
                &*tx,
                &self.app.workspace_id,
                deployment_id,
                &region,
                version,
            )
            .await;
        }
        tx.commit().await.expect("commit");
    }

    /// Asks every region to stop the deployment, in one transaction with its desired state.
    pub(crate) async fn stop(&self, deployment_id: &str, desired_state: &str) {
        let tx = self.db.begin().await.expect("begin");
        let sql = "UPDATE deployments SET desired_state = ? WHERE id = ?";
        run(&*tx, sql, vec![desired_state.into(), deployment_id.into()]).await;
        let regions: BTreeSet<String> = self
            .app
            .regions
            .iter()
            .map(|region| region.id.clone())
            .collect();
        for (region, version) in counter::next_many(&tx, &regions).await.expect("versions") {
            let sql = "UPDATE deployment_topology SET desired_status = 'stopped', version = ? \
                       WHERE deployment_id = ? AND region_id = ?";
            run(
                &*tx,
                sql,
                vec![version.into(), deployment_id.into(), region.into()],
            )
            .await;
        }
        tx.commit().await.expect("commit");
    }

    pub(crate) async fn execute<const N: usize>(&self, sql: &str, values: [Value; N]) {
        run(self.db.primary(), sql, values.to_vec()).await;
    }

    pub(crate) async fn instances(&self, deployment_id: &str) -> Vec<instances::Model> {
        instances::Entity::find()
            .filter(instances::Column::DeploymentId.eq(deployment_id))
            .order_by_asc(instances::Column::K8sName)
            .all(self.db.primary())
            .await
            .expect("instances read")
    }

    pub(crate) async fn deployment(&self, deployment_id: &str) -> deployments::Model {
        let row = deployments::Entity::find()
            .filter(deployments::Column::Id.eq(deployment_id))
            .one(self.db.primary())
            .await
            .expect("deployment read");
        row.expect("deployment exists")
    }

    /// Waits until exactly `count` instances of the deployment run and there is no other row of it.
    pub(crate) async fn until_running(
        &self,
        deployment_id: &str,
        count: usize,
    ) -> Vec<instances::Model> {
        testbed::eventually(SOON, || async {
            let rows = self.instances(deployment_id).await;
            let running = rows
                .iter()
                .all(|row| row.status == instances::Status::Running);
            if running && rows.len() == count {
                Ok(rows)
            } else {
                Err(rows)
            }
        })
        .await
    }

    pub(crate) async fn until_no_instances(&self, deployment_id: &str) {
        testbed::eventually(SOON, || async {
            self.instances(deployment_id).await.is_empty()
        })
        .await;
    }
}

pub(crate) async fn run(conn: &impl ConnectionTrait, sql: &str, values: Vec<Value>) {
    conn.execute_raw(Statement::from_sql_and_values(
        DbBackend::MySql,
        sql,
        values,
    ))
    .await
    .expect(sql);
}

pub(crate) async fn insert_topology(
    conn: &impl ConnectionTrait,
    workspace_id: &str,
    deployment_id: &str,
    region_id: &str,
    version: u64,
) {
    let sql = "INSERT INTO deployment_topology (workspace_id, deployment_id, region_id, autoscaling_replicas_min, \
               autoscaling_replicas_max, version, desired_status, created_at) VALUES (?, ?, ?, 2, 2, ?, 'running', 1)";
    let values = vec![
        workspace_id.into(),
        deployment_id.into(),
        region_id.into(),
        version.into(),
    ];
    run(conn, sql, values).await;
}
