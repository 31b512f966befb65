//! The outside of a running agent: change its behaviour, look at it, restart it, stop it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::task::JoinHandle;

use crate::behaviour::Behaviours;
use crate::cluster::Cluster;
use crate::delivery::Delivery;
use crate::desired::Cursors;
use crate::state::Counters;
use crate::{AgentState, Behaviour, Scope};

/// Everything an agent knows; locked for moments, never while it waits.
pub(crate) struct Inner {
    pub(crate) region_id: Option<String>,
    pub(crate) behaviours: Behaviours,
    pub(crate) cluster: Cluster,
    pub(crate) delivery: Delivery,
    pub(crate) cursors: Cursors,
    pub(crate) counters: Counters,
    pub(crate) behaviour_changed: bool,
    pub(crate) restart: bool,
    pub(crate) resync: bool,
}

/// What agent and handle share.
pub(crate) struct Shared {
    pub(crate) inner: Mutex<Inner>,
    pub(crate) wake: Notify,
    pub(crate) region: String,
    pub(crate) platform: String,
}

impl Shared {
    pub(crate) fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A running agent. Dropped, the agent stops where it is.
pub struct AgentHandle {
    pub(crate) shared: Arc<Shared>,
    pub(crate) task: JoinHandle<()>,
}

impl AgentHandle {
    /// Changes how the whole region behaves, effective at once, also for what runs already.
    pub fn behave(&self, behaviour: Behaviour) {
        self.set(Scope::Region, Some(behaviour));
    }

    /// Changes how one deployment behaves. It may be set before the deployment exists.
    pub fn behave_for(&self, deployment_id: &str, behaviour: Behaviour) {
        self.set(Scope::Deployment(deployment_id.to_owned()), Some(behaviour));
    }

    /// Changes how deployments of an image behave.
    pub fn behave_for_image(&self, image: &str, behaviour: Behaviour) {
        self.set(Scope::Image(image.to_owned()), Some(behaviour));
    }

    /// Sets a behaviour, or removes it.
    pub fn set(&self, scope: Scope, behaviour: Option<Behaviour>) {
        let mut inner = self.shared.lock();
        inner.behaviours.set(scope, behaviour);
        inner.behaviour_changed = true;
        drop(inner);
        self.shared.wake.notify_one();
    }

    /// Restarts the agent's process: cursors to 0, nothing remembered of what was reported, reports
    /// under way lost. The instances keep running.
    pub fn restart(&self) {
        self.shared.lock().restart = true;
        self.shared.wake.notify_one();
    }

    /// Compares everything that runs with the database now instead of at the next period.
    pub fn resync(&self) {
        self.shared.lock().resync = true;
        self.shared.wake.notify_one();
    }

    /// Name of the region.
    pub fn region(&self) -> &str {
        &self.shared.region
    }

    /// What the agent runs and has seen.
    pub fn state(&self) -> AgentState {
        self.shared.state()
    }

    /// Ends the agent and waits until it did. What it runs and reported stays in the database.
    pub async fn stop(mut self) {
        self.task.abort();
        // Always an error: the task was told to end.
        let _ = (&mut self.task).await;
    }
}

impl Drop for AgentHandle {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Shared {
    pub(crate) fn state(&self) -> AgentState {
        let inner = self.lock();
        AgentState {
            region_id: inner.region_id.clone(),
            region: self.region.clone(),
            platform: self.platform.clone(),
            ..AgentState::of(
                &inner.cluster,
                inner.cursors,
                inner.counters,
                inner.delivery.dropped,
            )
        }
    }
}
