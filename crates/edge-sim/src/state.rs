//! A picture of one agent for people and tests: what it runs, what it has seen, what got lost.

use serde::Serialize;

use crate::cluster::Cluster;
use crate::desired::Cursors;

/// One agent at one moment.
#[derive(Clone, Debug, Serialize)]
pub struct AgentState {
    /// `rgn_…`; absent before the first heartbeat.
    pub region_id: Option<String>,
    /// Name of the region.
    pub region: String,
    /// Platform of the region.
    pub platform: String,
    /// Last version seen of deployments.
    pub deployments_cursor: u64,
    /// Last version seen of sentinels.
    pub sentinels_cursor: u64,
    /// Last version seen of network policies.
    pub policies_cursor: u64,
    /// What runs, by `k8s_name`.
    pub workloads: Vec<WorkloadState>,
    /// The proxies, by `k8s_name`.
    pub sentinels: Vec<SentinelState>,
    /// Ids of the network policies.
    pub policies: Vec<String>,
    /// Rows passed over because they cannot be acted on.
    pub skipped: u64,
    /// Reports stored.
    pub reports: u64,
    /// Reports ignored because something newer was stored.
    pub late_reports: u64,
    /// Reports lost on purpose.
    pub dropped_reports: u64,
    /// Rounds that ended in an error of the database.
    pub errors: u64,
}

/// One deployment in the region.
#[derive(Clone, Debug, Serialize)]
pub struct WorkloadState {
    /// `d_…`.
    pub deployment_id: String,
    /// Name in the cluster.
    pub k8s_name: String,
    /// Image it would run.
    pub image: String,
    /// Its instances are on their way out.
    pub stopping: bool,
    /// The instances.
    pub pods: Vec<PodState>,
}

/// One instance.
#[derive(Clone, Debug, Serialize)]
pub struct PodState {
    /// Name of the pod.
    pub name: String,
    /// Host and port.
    pub address: String,
    /// `pending`, `running`, `failed` or `inactive`.
    pub status: &'static str,
}

/// One sentinel.
#[derive(Clone, Debug, Serialize)]
pub struct SentinelState {
    /// `s_…`.
    pub id: String,
    /// Name in the cluster.
    pub k8s_name: String,
    /// Health last reported.
    pub health: &'static str,
}

/// Numbers an agent keeps.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counters {
    pub(crate) skipped: u64,
    pub(crate) reports: u64,
    pub(crate) late: u64,
    pub(crate) errors: u64,
}

impl AgentState {
    pub(crate) fn of(
        cluster: &Cluster,
        cursors: Cursors,
        counters: Counters,
        dropped_reports: u64,
    ) -> Self {
        let workloads = cluster.workloads.values().map(|workload| WorkloadState {
            deployment_id: workload.spec.deployment_id.clone(),
            k8s_name: workload.spec.k8s_name.clone(),
            image: workload.spec.image.clone(),
            stopping: workload.stopping_at.is_some(),
            pods: workload
                .instances()
                .into_iter()
                .map(|it| PodState {
                    name: it.k8s_name,
                    address: it.address,
                    status: it.status.column(),
                })
                .collect(),
        });
        let sentinels = cluster
            .sentinels
            .iter()
            .map(|(k8s_name, sentinel)| SentinelState {
                id: sentinel.id.clone(),
                k8s_name: k8s_name.clone(),
                health: sentinel
                    .reported
                    .map_or("unknown", |(_, health)| health.column()),
            });
        Self {
            region_id: None,
            region: String::new(),
            platform: String::new(),
            deployments_cursor: cursors.deployments,
            sentinels_cursor: cursors.sentinels,
            policies_cursor: cursors.policies,
            workloads: workloads.collect(),
            sentinels: sentinels.collect(),
            policies: cluster.policies.keys().cloned().collect(),
            skipped: counters.skipped,
            reports: counters.reports,
            late_reports: counters.late,
            dropped_reports,
            errors: counters.errors,
        }
    }
}
