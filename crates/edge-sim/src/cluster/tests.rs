//! What the make-believe cluster reports, and when.

use std::time::Duration;

use super::*;
use crate::Scope;

fn spec(name: &str, replicas: u32) -> Spec {
    Spec {
        deployment_id: format!("d_{name}"),
        k8s_name: name.to_owned(),
        namespace: "ns".to_owned(),
        image: "img".to_owned(),
        cpu_millicores: 250,
        memory_mib: 256,
        port: 8080,
        replicas,
    }
}

fn tick(cluster: &mut Cluster, now: Instant, behaviours: &Behaviours) -> Vec<Change> {
    cluster
        .tick(now, behaviours)
        .into_iter()
        .map(|(change, _)| change)
        .collect()
}

fn statuses(changes: &[Change]) -> Vec<Vec<InstanceStatus>> {
    let of = |change: &Change| match change {
        Change::Update { instances, .. } => instances.iter().map(|i| i.status).collect(),
        _ => Vec::new(),
    };
    changes.iter().map(of).collect()
}

#[test]
fn a_workload_reports_pending_then_running_and_nothing_twice() {
    let (mut cluster, now) = (Cluster::new(0), Instant::now());
    let calm = Behaviours::new(Behaviour::ready_after(Duration::from_secs(2)));
    cluster.apply(spec("a", 2), now, &calm);
    assert_eq!(
        statuses(&tick(&mut cluster, now, &calm)),
        [[InstanceStatus::PENDING; 2]]
    );
    cluster.apply(spec("a", 2), now, &calm);
    assert!(tick(&mut cluster, now + Duration::from_secs(1), &calm).is_empty());
    let later = now + Duration::from_secs(2);
    assert_eq!(
        statuses(&tick(&mut cluster, later, &calm)),
        [[InstanceStatus::RUNNING; 2]]
    );
    assert!(tick(&mut cluster, later + Duration::from_secs(60), &calm).is_empty());
}

#[test]
fn a_held_workload_runs_as_soon_as_it_is_let_go() {
    let (mut cluster, now) = (Cluster::new(0), Instant::now());
    let mut behaviours = Behaviours::new(Behaviour::never_ready());
    cluster.apply(spec("a", 1), now, &behaviours);
    tick(&mut cluster, now, &behaviours);
    behaviours.set(Scope::Region, None);
    let later = now + Duration::from_secs(600);
    cluster.wake_all(later);
    assert_eq!(
        statuses(&tick(&mut cluster, later, &behaviours)),
        [[InstanceStatus::RUNNING]]
    );
}

#[test]
fn scaling_keeps_the_instances_that_stay() {
    let (mut cluster, now, calm) = (Cluster::new(0), Instant::now(), Behaviours::default());
    cluster.apply(spec("a", 1), now, &calm);
    tick(&mut cluster, now, &calm);
    let first = cluster.workloads["a"].pods[0].name.clone();
    cluster.apply(spec("a", 3), now, &calm);
    assert_eq!(cluster.workloads["a"].pods.len(), 3);
    cluster.apply(spec("a", 1), now, &calm);
    assert_eq!(cluster.workloads["a"].pods[0].name, first);
    assert_eq!(cluster.workloads["a"].pods.len(), 1);
}

#[test]
fn a_slow_delete_reports_only_when_the_instances_are_gone() {
    let (mut cluster, now) = (Cluster::new(0), Instant::now());
    let slow = Behaviours::new(Behaviour {
        slow_delete: Duration::from_secs(5),
        ..Behaviour::default()
    });
    cluster.apply(spec("a", 1), now, &slow);
    tick(&mut cluster, now, &slow);
    assert_eq!(cluster.delete("a", now, &slow), None);
    assert!(tick(&mut cluster, now + Duration::from_secs(4), &slow).is_empty());
    cluster.wake_all(now + Duration::from_secs(4));
    assert!(tick(&mut cluster, now + Duration::from_secs(4), &slow).is_empty());
    let gone = tick(&mut cluster, now + Duration::from_secs(5), &slow);
    assert_eq!(
        gone,
        [Change::Delete {
            k8s_name: "a".to_owned()
        }]
    );
}

#[test]
fn an_address_is_taken_again_only_when_asked_for() {
    let (mut cluster, now) = (Cluster::new(7), Instant::now());
    let reuse = Behaviours::new(Behaviour {
        reuse_ip: true,
        ..Behaviour::default()
    });
    cluster.apply(spec("a", 1), now, &reuse);
    let address = cluster.workloads["a"].instances()[0].address.clone();
    cluster.delete("a", now, &reuse);
    tick(&mut cluster, now, &reuse);
    cluster.apply(spec("b", 1), now, &Behaviours::default());
    assert_ne!(cluster.workloads["b"].instances()[0].address, address);
    cluster.apply(spec("c", 1), now, &reuse);
    assert_eq!(cluster.workloads["c"].instances()[0].address, address);
}

#[test]
fn sentinels_turn_healthy_and_say_when_they_go() {
    let (mut cluster, now) = (Cluster::new(0), Instant::now());
    let mut behaviours = Behaviours::default();
    cluster.apply_sentinel("s1", "s_1", 3, now);
    let healthy = Change::Sentinel {
        k8s_name: "s1".to_owned(),
        available_replicas: 3,
        health: Health::HEALTHY,
    };
    assert_eq!(tick(&mut cluster, now, &behaviours), [healthy]);
    assert!(tick(&mut cluster, now, &behaviours).is_empty());
    behaviours.region.sentinel_unhealthy = true;
    let unhealthy = Change::Sentinel {
        k8s_name: "s1".to_owned(),
        available_replicas: 0,
        health: Health::UNHEALTHY,
    };
    let reported = tick(&mut cluster, now, &behaviours);
    assert_eq!(reported, std::slice::from_ref(&unhealthy));
    assert_eq!(cluster.delete_sentinel("s1"), unhealthy);
}
