//! The agent of one region: a loop of heartbeat, follow, resync, look, report. The state machine it
//! drives is in `cluster`; what it reads is in `desired`; what it writes is in `cluster_api`.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use mysql::{Db, DbError};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::behaviour::Behaviours;
use crate::cluster::Cluster;
use crate::cluster_api::{ClusterApi, heartbeat};
use crate::delivery::Delivery;
use crate::desired::{Cursors, Desired, Order, PAGE};
use crate::handle::{Inner, Shared};
use crate::resync::resync;
use crate::state::Counters;
use crate::{AgentHandle, Behaviour, Change};

/// How an agent is set up.
#[derive(Clone)]
pub struct AgentOptions {
    /// The database control plane and edge share.
    pub db: Db,
    /// Name of the region.
    pub region_name: String,
    /// Platform of the region; name and platform together are unique.
    pub platform: String,
    /// How often the agent looks for new versions and due events.
    pub poll: Duration,
    /// How often everything that runs is compared with the database.
    pub resync: Duration,
    /// How often the region says that it lives.
    pub heartbeat: Duration,
    /// The region's behaviour at the start.
    pub behaviour: Behaviour,
}

impl AgentOptions {
    /// Platform `sim`, poll every 100 ms, resync every 60 s, heartbeat every 30 s, instances run at once.
    pub fn new(db: &Db, region_name: &str) -> Self {
        Self {
            db: db.clone(),
            region_name: region_name.to_owned(),
            platform: "sim".to_owned(),
            poll: Duration::from_millis(100),
            resync: Duration::from_secs(60),
            heartbeat: Duration::from_secs(30),
            behaviour: Behaviour::default(),
        }
    }

    /// Another poll period.
    pub fn poll(mut self, poll: Duration) -> Self {
        self.poll = poll;
        self
    }

    /// Another resync period.
    pub fn resync(mut self, resync: Duration) -> Self {
        self.resync = resync;
        self
    }

    /// Another behaviour at the start.
    pub fn behaviour(mut self, behaviour: Behaviour) -> Self {
        self.behaviour = behaviour;
        self
    }
}

/// The agent of one region.
pub struct Agent {
    options: AgentOptions,
    shared: Arc<Shared>,
    api: Option<ClusterApi>,
    next_heartbeat: Instant,
    next_resync: Instant,
}

impl Agent {
    /// Starts an agent on the current tokio runtime. It waits for the database as long as it takes.
    pub fn start(options: AgentOptions) -> AgentHandle {
        let inner = Inner {
            region_id: None,
            behaviours: Behaviours::new(options.behaviour.clone()),
            // Addresses begin anywhere, so that an agent started anew seldom meets its old ones.
            cluster: Cluster::new(rand::random::<u32>()),
            delivery: Delivery::default(),
            cursors: Cursors::default(),
            counters: Counters::default(),
            behaviour_changed: false,
            restart: false,
            resync: false,
        };
        let shared = Arc::new(Shared {
            inner: Mutex::new(inner),
            wake: Notify::new(),
            region: options.region_name.clone(),
            platform: options.platform.clone(),
        });
        let now = Instant::now();
        let resync = options.resync;
        let agent = Self {
            options,
            shared: shared.clone(),
            api: None,
            next_heartbeat: now,
            next_resync: now + resync,
        };
        AgentHandle {
            shared,
            task: tokio::spawn(agent.run()),
        }
    }

    async fn run(mut self) {
        loop {
            if let Err(error) = self.round().await {
                self.shared.lock().counters.errors += 1;
                tracing::warn!(region = self.options.region_name, %error, "the simulated edge lost a round");
                tokio::time::sleep(self.options.poll.max(Duration::from_millis(100))).await;
            }
            let _ = tokio::time::timeout(self.options.poll, self.shared.wake.notified()).await;
        }
    }

    async fn round(&mut self) -> Result<(), DbError> {
        if self.shared.lock().behaviours.region.region_down {
            return Ok(());
        }
        self.obey();
        self.heartbeat().await?;
        let Some(api) = self.api.as_ref() else {
            return Ok(());
        };
        let desired = Desired {
            db: &self.options.db,
            region_id: api.region_id(),
        };
        self.follow(&desired).await?;
        if Instant::now() >= self.next_resync {
            resync(&self.shared, &desired).await?;
            self.next_resync = Instant::now() + self.options.resync;
        }
        self.report(api).await
    }

    /// What the handle asked for.
    fn obey(&mut self) {
        let now = Instant::now();
        let mut inner = self.shared.lock();
        if std::mem::take(&mut inner.restart) {
            inner.cursors = Cursors::default();
            inner.delivery.clear();
            inner.cluster.forget_reports(now);
            self.next_heartbeat = now;
            self.next_resync = now;
        }
        if std::mem::take(&mut inner.resync) {
            self.next_resync = now;
        }
        if std::mem::take(&mut inner.behaviour_changed) {
            inner.cluster.wake_all(now);
        }
    }

    async fn heartbeat(&mut self) -> Result<(), DbError> {
        if Instant::now() < self.next_heartbeat {
            return Ok(());
        }
        let AgentOptions {
            db,
            region_name,
            platform,
            ..
        } = &self.options;
        match &self.api {
            Some(_) => drop(heartbeat(db, region_name, platform).await?),
            None => {
                let api = ClusterApi::connect(db, region_name, platform).await?;
                self.shared.lock().region_id = Some(api.region_id().to_owned());
                self.api = Some(api);
            }
        }
        self.next_heartbeat = Instant::now() + self.options.heartbeat;
        Ok(())
    }

    /// Reads everything above the cursors, page by page.
    async fn follow(&self, desired: &Desired<'_>) -> Result<(), DbError> {
        let newest = desired.newest().await?;
        let cursors = self.shared.lock().cursors;
        let mut more = cursors.deployments < newest.deployments;
        while more {
            let cursor = self.shared.lock().cursors.deployments;
            let page = desired.deployments_after(cursor).await?;
            more = page.len() == PAGE;
            let mut inner = self.shared.lock();
            for (version, order) in page {
                inner.cursors.deployments = version;
                inner.carry_out(order);
            }
        }
        let mut more = cursors.sentinels < newest.sentinels;
        while more {
            let cursor = self.shared.lock().cursors.sentinels;
            let page = desired.sentinels_after(cursor).await?;
            more = page.len() == PAGE;
            let mut inner = self.shared.lock();
            for (version, order) in page {
                inner.cursors.sentinels = version;
                match order.replicas {
                    Some(replicas) => {
                        inner.cluster.apply_sentinel(
                            &order.k8s_name,
                            &order.id,
                            replicas,
                            Instant::now(),
                        );
                    }
                    None => inner.drop_sentinel(&order.k8s_name),
                }
            }
        }
        let mut more = cursors.policies < newest.policies;
        while more {
            let cursor = self.shared.lock().cursors.policies;
            let page = desired.policies_after(cursor).await?;
            more = page.len() == PAGE;
            let mut inner = self.shared.lock();
            for (version, id) in page {
                inner.cursors.policies = version;
                inner.cluster.policies.insert(id, version);
            }
        }
        Ok(())
    }

    /// Reports what changed and what is due.
    async fn report(&self, api: &ClusterApi) -> Result<(), DbError> {
        let batches = {
            let now = Instant::now();
            let mut inner = self.shared.lock();
            let Inner {
                cluster,
                behaviours,
                delivery,
                ..
            } = &mut *inner;
            for (change, behaviour) in cluster.tick(now, behaviours) {
                delivery.push(change, &behaviour, now);
            }
            delivery.take_due(now)
        };
        let mut failed = None;
        for batch in batches {
            if failed.is_some() {
                self.shared.lock().delivery.retry(batch, Instant::now());
                continue;
            }
            match api.report(&batch).await {
                Ok(late) => {
                    let mut inner = self.shared.lock();
                    inner.counters.late += late as u64;
                    inner.counters.reports += (batch.len() - late) as u64;
                }
                Err(error) => {
                    self.shared.lock().delivery.retry(batch, Instant::now());
                    failed = Some(error);
                }
            }
        }
        failed.map_or(Ok(()), Err)
    }
}

impl Inner {
    pub(crate) fn carry_out(&mut self, order: Order) {
        let now = Instant::now();
        match order {
            Order::Run(spec) => self.cluster.apply(spec, now, &self.behaviours),
            Order::Stop { k8s_name } => {
                if let Some(change) = self.cluster.delete(&k8s_name, now, &self.behaviours) {
                    self.send(change, now);
                }
            }
            Order::Skip {
                deployment_id,
                reason,
            } => {
                self.counters.skipped += 1;
                tracing::warn!(
                    deployment_id,
                    reason,
                    "the simulated edge passes over a row it cannot act on"
                );
            }
        }
    }

    pub(crate) fn drop_sentinel(&mut self, k8s_name: &str) {
        let change = self.cluster.delete_sentinel(k8s_name);
        self.send(change, Instant::now());
    }

    fn send(&mut self, change: Change, now: Instant) {
        let behaviour = match self.cluster.workloads.get(change.k8s_name()) {
            Some(workload) => self
                .behaviours
                .of(&workload.spec.deployment_id, &workload.spec.image),
            None => &self.behaviours.region,
        };
        self.delivery.push(change, behaviour, now);
    }

    pub(crate) fn repeat_lost(&mut self) {
        let now = Instant::now();
        for change in self.delivery.take_lost() {
            let name = change.k8s_name().to_owned();
            match self.cluster.workloads.contains_key(&name) {
                true => self.cluster.forget_report(&name, now),
                // Gone meanwhile: only the news that it is gone still matters.
                false if matches!(change, Change::Update { .. }) => {}
                false => self.send(change, now),
            }
        }
    }
}
