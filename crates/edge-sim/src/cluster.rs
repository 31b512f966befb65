//! The make-believe cluster of one region: workloads with instances, sentinels and policies, and
//! what there is to report about them. Pure: time comes in as an argument, reports go out as values.

use std::collections::{BTreeMap, BTreeSet};

use tokio::time::Instant;

use crate::behaviour::Behaviours;
use crate::{Behaviour, Change, Health, InstanceReport, InstanceStatus};

/// What a deployment should run as in this region.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Spec {
    pub(crate) deployment_id: String,
    pub(crate) k8s_name: String,
    pub(crate) namespace: String,
    pub(crate) image: String,
    pub(crate) cpu_millicores: i32,
    pub(crate) memory_mib: i32,
    pub(crate) port: i32,
    pub(crate) replicas: u32,
}

/// One make-believe instance.
#[derive(Debug)]
pub(crate) struct Pod {
    pub(crate) name: String,
    ip: u32,
    started: Instant,
    pub(crate) status: InstanceStatus,
}

/// Everything that runs for one deployment.
#[derive(Debug)]
pub(crate) struct Workload {
    pub(crate) spec: Spec,
    pub(crate) pods: Vec<Pod>,
    pub(crate) stopping_at: Option<Instant>,
    due: Option<Instant>,
    /// What was reported last; `None` before the first report and after a lost one.
    pub(crate) reported: Option<Vec<InstanceReport>>,
}

/// The proxy of one environment.
#[derive(Debug)]
pub(crate) struct Sentinel {
    pub(crate) id: String,
    replicas: i32,
    started: Instant,
    pub(crate) reported: Option<(i32, Health)>,
}

/// The region's cluster.
#[derive(Debug)]
pub(crate) struct Cluster {
    pub(crate) workloads: BTreeMap<String, Workload>,
    pub(crate) sentinels: BTreeMap<String, Sentinel>,
    /// Policy id → version last seen.
    pub(crate) policies: BTreeMap<String, u64>,
    due: BTreeSet<(Instant, String)>,
    free_ips: Vec<u32>,
    next_ip: u32,
}

impl Cluster {
    /// `first_ip` is where the region's addresses begin.
    pub(crate) fn new(first_ip: u32) -> Self {
        Self {
            workloads: BTreeMap::new(),
            sentinels: BTreeMap::new(),
            policies: BTreeMap::new(),
            due: BTreeSet::new(),
            free_ips: Vec::new(),
            next_ip: first_ip,
        }
    }

    /// Runs the deployment, or scales it. The same again changes nothing.
    pub(crate) fn apply(&mut self, spec: Spec, now: Instant, behaviours: &Behaviours) {
        let reuse = behaviours.of(&spec.deployment_id, &spec.image).reuse_ip;
        let name = spec.k8s_name.clone();
        let mut workload = self.workloads.remove(&name).unwrap_or_else(|| Workload {
            spec: spec.clone(),
            pods: Vec::new(),
            stopping_at: None,
            due: None,
            reported: None,
        });
        workload.stopping_at = None;
        while workload.pods.len() < spec.replicas as usize {
            let pod = Pod {
                name: format!("{name}-{}", ids::dns_label(5)),
                ip: self.take_ip(reuse),
                started: now,
                status: InstanceStatus::PENDING,
            };
            workload.pods.push(pod);
        }
        for pod in workload.pods.drain(spec.replicas as usize..) {
            self.free_ips.push(pod.ip);
        }
        workload.spec = spec;
        self.workloads.insert(name.clone(), workload);
        self.wake(&name, Some(now));
    }

    /// Stops the deployment. Unknown ones are reported as gone at once, as a real agent does.
    pub(crate) fn delete(
        &mut self,
        k8s_name: &str,
        now: Instant,
        behaviours: &Behaviours,
    ) -> Option<Change> {
        let Some(workload) = self.workloads.get_mut(k8s_name) else {
            return Some(Change::Delete {
                k8s_name: k8s_name.to_owned(),
            });
        };
        let delay = behaviours
            .of(&workload.spec.deployment_id, &workload.spec.image)
            .slow_delete;
        let at = *workload.stopping_at.get_or_insert(now + delay);
        self.wake(k8s_name, Some(at));
        None
    }

    /// Runs a sentinel; the same again changes nothing.
    pub(crate) fn apply_sentinel(&mut self, k8s_name: &str, id: &str, replicas: i32, now: Instant) {
        let sentinel = self
            .sentinels
            .entry(k8s_name.to_owned())
            .or_insert_with(|| Sentinel {
                id: id.to_owned(),
                replicas,
                started: now,
                reported: None,
            });
        sentinel.replicas = replicas;
    }

    /// Removes a sentinel and says so.
    pub(crate) fn delete_sentinel(&mut self, k8s_name: &str) -> Change {
        self.sentinels.remove(k8s_name);
        Change::Sentinel {
            k8s_name: k8s_name.to_owned(),
            available_replicas: 0,
            health: Health::UNHEALTHY,
        }
    }

    /// Everything that is due and differs from what was reported last, each with the behaviour its
    /// report is subject to.
    pub(crate) fn tick(
        &mut self,
        now: Instant,
        behaviours: &Behaviours,
    ) -> Vec<(Change, Behaviour)> {
        let mut changes = Vec::new();
        while let Some((at, name)) = self.due.first().cloned()
            && at <= now
        {
            self.due.pop_first();
            changes.extend(self.settle(&name, now, behaviours));
        }
        for (k8s_name, sentinel) in &mut self.sentinels {
            if now < sentinel.started + behaviours.region.sentinel_after {
                continue;
            }
            let state = match (behaviours.region.sentinel_unhealthy, sentinel.replicas) {
                (true, _) => (0, Health::UNHEALTHY),
                (false, 0) => (0, Health::PAUSED),
                (false, replicas) => (replicas, Health::HEALTHY),
            };
            if sentinel.reported != Some(state) {
                sentinel.reported = Some(state);
                let (available_replicas, health) = state;
                let change = Change::Sentinel {
                    k8s_name: k8s_name.clone(),
                    available_replicas,
                    health,
                };
                changes.push((change, behaviours.region.clone()));
            }
        }
        changes
    }

    /// Looks at every workload again: after a behaviour changed, and at each resync.
    pub(crate) fn wake_all(&mut self, now: Instant) {
        let names: Vec<String> = self.workloads.keys().cloned().collect();
        for name in names {
            let at = self
                .workloads
                .get(&name)
                .and_then(|workload| workload.stopping_at)
                .unwrap_or(now);
            self.wake(&name, Some(at));
        }
    }

    /// Forgets what was reported: the agent restarted, or a report was lost.
    pub(crate) fn forget_reports(&mut self, now: Instant) {
        for workload in self.workloads.values_mut() {
            workload.reported = None;
        }
        for sentinel in self.sentinels.values_mut() {
            sentinel.reported = None;
        }
        self.wake_all(now);
    }

    /// Forgets what was reported about one workload, so that it is said again.
    pub(crate) fn forget_report(&mut self, name: &str, now: Instant) {
        if let Some(workload) = self.workloads.get_mut(name) {
            workload.reported = None;
            let at = workload.stopping_at.unwrap_or(now);
            self.wake(name, Some(at));
        }
    }

    fn settle(
        &mut self,
        name: &str,
        now: Instant,
        behaviours: &Behaviours,
    ) -> Option<(Change, Behaviour)> {
        let workload = self.workloads.get_mut(name)?;
        workload.due = None;
        if workload.stopping_at.is_some_and(|at| at <= now) {
            let gone = self.workloads.remove(name)?;
            self.free_ips.extend(gone.pods.iter().map(|pod| pod.ip));
            let behaviour = behaviours
                .of(&gone.spec.deployment_id, &gone.spec.image)
                .clone();
            return Some((
                Change::Delete {
                    k8s_name: name.to_owned(),
                },
                behaviour,
            ));
        }
        let spec = &workload.spec;
        let behaviour = behaviours.of(&spec.deployment_id, &spec.image);
        let mut next = workload.stopping_at;
        for (index, pod) in workload.pods.iter_mut().enumerate() {
            let age = now - pod.started;
            pod.status = behaviour.status(&spec.image, index, age);
            let change = behaviour.next_change(age).map(|age| pod.started + age);
            next = next.into_iter().chain(change).min();
        }
        let instances = workload.instances();
        let changed = workload.reported.as_ref() != Some(&instances);
        if changed {
            workload.reported = Some(instances.clone());
        }
        self.wake(name, next);
        changed.then(|| {
            (
                Change::Update {
                    k8s_name: name.to_owned(),
                    instances,
                },
                behaviour.clone(),
            )
        })
    }

    fn wake(&mut self, name: &str, at: Option<Instant>) {
        if let Some(workload) = self.workloads.get_mut(name) {
            if let Some(old) = workload.due.take() {
                self.due.remove(&(old, name.to_owned()));
            }
            workload.due = at;
            self.due.extend(at.map(|at| (at, name.to_owned())));
        }
    }

    fn take_ip(&mut self, reuse: bool) -> u32 {
        if reuse && let Some(ip) = self.free_ips.pop() {
            return ip;
        }
        self.next_ip = self.next_ip.wrapping_add(1);
        self.next_ip
    }
}

impl Workload {
    /// The full list of instances, as a report carries it.
    pub(crate) fn instances(&self) -> Vec<InstanceReport> {
        let spec = &self.spec;
        let report = |pod: &Pod| InstanceReport {
            k8s_name: pod.name.clone(),
            address: pod.address(spec),
            cpu_millicores: spec.cpu_millicores,
            memory_mib: spec.memory_mib,
            status: pod.status,
        };
        self.pods.iter().map(report).collect()
    }
}

impl Pod {
    /// Address in the form a real agent reports: cluster DNS name of the pod and container port.
    pub(crate) fn address(&self, spec: &Spec) -> String {
        let [_, a, b, c] = self.ip.to_be_bytes();
        format!(
            "10-{a}-{b}-{c}.{}.pod.cluster.local:{}",
            spec.namespace, spec.port
        )
    }
}

#[cfg(test)]
mod tests;
