//! What reports do to the database, also those that come late, twice, or about what is gone.

use std::time::Duration;

use edge_sim::{Behaviour, Change, ClusterApi, InstanceReport, InstanceStatus, Report};
use mysql::entity::{deployments, instances};

use crate::world::{SOON, World};

#[test]
fn a_deployment_stops_only_after_its_last_region_reported() {
    testbed::scenario!("EDG-5");
    testbed::run(async {
        let world = World::new(2, Behaviour::default()).await;
        let id = world.deploy().await;
        world.until_running(&id, 4).await;
        world.agents[1].behave(Behaviour::down());
        world.stop(&id, "standby").await;
        testbed::eventually(SOON, || async { world.instances(&id).await.len() == 2 }).await;
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert_eq!(
            world.deployment(&id).await.status,
            deployments::Status::Ready,
            "one region still runs it"
        );
        world.agents[1].behave(Behaviour::default());
        testbed::eventually(SOON, || async {
            world.deployment(&id).await.status == deployments::Status::Stopped
        })
        .await;
        assert!(world.instances(&id).await.is_empty());
    });
}

#[test]
fn two_regions_that_stop_at_once_leave_no_deployment_behind() {
    testbed::run(async {
        let world = World::new(2, Behaviour::default()).await;
        let mut ids = Vec::new();
        for _ in 0..10 {
            ids.push(world.deploy().await);
        }
        for id in &ids {
            world.until_running(id, 4).await;
        }
        for id in &ids {
            world.stop(id, "archived").await;
        }
        for id in &ids {
            testbed::eventually(SOON, || async {
                world.deployment(id).await.status == deployments::Status::Stopped
            })
            .await;
        }
    });
}

#[test]
fn the_end_of_a_deployment_that_should_run_leaves_its_status_alone() {
    testbed::scenario!("EDG-6");
    testbed::run(async {
        let world = World::new(1, Behaviour::default()).await;
        let id = world.deploy().await;
        world.until_running(&id, 2).await;
        world.stop(&id, "running").await;
        world.until_no_instances(&id).await;
        testbed::eventually(SOON, || async {
            world.agents[0].state().workloads.is_empty()
        })
        .await;
        assert_eq!(
            world.deployment(&id).await.status,
            deployments::Status::Ready
        );
    });
}

#[test]
fn an_address_taken_over_belongs_to_the_new_deployment() {
    testbed::scenario!("EDG-10");
    testbed::run(async {
        let world = World::new(1, Behaviour::default()).await;
        let agent = &world.agents[0];
        let first = world.deploy().await;
        let old = world.until_running(&first, 2).await;

        // The first one ends, but nobody hears of it.
        agent.behave(Behaviour {
            reuse_ip: true,
            drop_reports: 1.0,
            ..Behaviour::default()
        });
        world.stop(&first, "standby").await;
        testbed::eventually(SOON, || async { agent.state().workloads.is_empty() }).await;
        assert_eq!(
            world.instances(&first).await,
            old,
            "the report of the end was lost"
        );

        agent.behave(Behaviour {
            reuse_ip: true,
            ..Behaviour::default()
        });
        let second = world.deploy().await;
        let new = world.until_running(&second, 2).await;
        let addresses = |rows: &[instances::Model]| {
            rows.iter()
                .map(|row| row.address.clone())
                .collect::<std::collections::BTreeSet<_>>()
        };
        assert_eq!(addresses(&new), addresses(&old));
        assert!(
            world.instances(&first).await.is_empty(),
            "the stale rows gave way"
        );
    });
}

#[test]
fn a_report_about_a_deleted_environment_succeeds_and_leaves_no_rows() {
    testbed::scenario!("EDG-11");
    testbed::run(async {
        let slow = Behaviour {
            delay_reports: Duration::from_millis(500),
            ..Behaviour::default()
        };
        let world = World::new(1, slow).await;
        let agent = &world.agents[0];
        let early = world.deploy().await;
        testbed::eventually(SOON, || async { agent.state().workloads.len() == 1 }).await;
        delete_environment(&world, &early).await;
        testbed::eventually(SOON, || async { agent.state().reports == 1 }).await;
        assert!(world.instances(&early).await.is_empty());

        let late = world.deploy().await;
        world.until_running(&late, 2).await;
        delete_environment(&world, &late).await;
        agent.resync();
        world.until_no_instances(&late).await;
        let state = agent.state();
        assert_eq!(
            (state.errors, state.workloads.len()),
            (0, 0),
            "no report failed"
        );
    });
}

/// Removes what the cascade of an environment removes first.
async fn delete_environment(world: &World, deployment_id: &str) {
    for sql in [
        "DELETE FROM deployments WHERE id = ?",
        "DELETE FROM deployment_topology WHERE deployment_id = ?",
    ] {
        world.execute(sql, [deployment_id.into()]).await;
    }
}

#[test]
fn a_late_report_does_not_overwrite_a_newer_one() {
    testbed::scenario!("EDG-12");
    testbed::run(async {
        let world = World::without_agents(1).await;
        let (id, api) = (world.create().await, api(&world).await);
        let name = world.deployment(&id).await.k8s_name;
        let running = Report::now(update(&name, InstanceStatus::RUNNING));
        let failed = Report::now(update(&name, InstanceStatus::FAILED));
        assert_eq!(api.report(&[failed]).await.expect("stored"), 0);
        assert_eq!(
            api.report(&[running]).await.expect("accepted"),
            1,
            "ignored as late"
        );
        assert_eq!(
            world.instances(&id).await[0].status,
            instances::Status::Failed
        );
    });
}

#[test]
fn reordered_reports_of_an_agent_end_in_the_newest_state() {
    testbed::run(async {
        let behaviour = Behaviour {
            reorder_reports: true,
            ready_after: Duration::from_millis(200),
            ..Behaviour::default()
        };
        let world = World::new(1, behaviour).await;
        let id = world.deploy().await;
        world.until_running(&id, 2).await;
        testbed::eventually(SOON, || async { world.agents[0].state().late_reports == 1 }).await;
        world.until_running(&id, 2).await;
    });
}

#[test]
fn a_hundred_equal_reports_are_one_state() {
    testbed::scenario!("EDG-13");
    testbed::run(async {
        let world = World::without_agents(1).await;
        let (id, api) = (world.create().await, api(&world).await);
        let name = world.deployment(&id).await.k8s_name;
        let report = Report::now(update(&name, InstanceStatus::RUNNING));
        api.report(std::slice::from_ref(&report))
            .await
            .expect("stored");
        let before = world.instances(&id).await;
        for round in 0..99 {
            // The same observation again, and new observations of the same state.
            let again = if round % 2 == 0 {
                report.clone()
            } else {
                Report::now(report.change.clone())
            };
            api.report(&[again]).await.expect("stored");
        }
        assert_eq!(
            world.instances(&id).await,
            before,
            "the same row with the same id"
        );
    });
}

#[test]
fn an_unknown_status_is_stored_as_inactive() {
    testbed::scenario!("EDG-15");
    testbed::run(async {
        let world = World::without_agents(1).await;
        let (id, api) = (world.create().await, api(&world).await);
        let name = world.deployment(&id).await.k8s_name;
        for unknown in [
            InstanceStatus(42),
            InstanceStatus(-1),
            InstanceStatus::UNSPECIFIED,
        ] {
            api.report(&[Report::now(update(&name, InstanceStatus::RUNNING))])
                .await
                .expect("stored");
            api.report(&[Report::now(update(&name, unknown))])
                .await
                .expect("stored");
            assert_eq!(
                world.instances(&id).await[0].status,
                instances::Status::Inactive,
                "{unknown:?}"
            );
        }
    });
}

#[test]
fn a_flapping_deployment_reports_every_change() {
    testbed::run(async {
        let flapping = Behaviour {
            flap: Some(Duration::from_millis(200)),
            ..Behaviour::default()
        };
        let world = World::new(1, flapping).await;
        let id = world.deploy().await;
        for expected in [
            instances::Status::Running,
            instances::Status::Failed,
            instances::Status::Running,
        ] {
            testbed::eventually(SOON, || async {
                let rows = world.instances(&id).await;
                rows.len() == 2 && rows.iter().all(|row| row.status == expected)
            })
            .await;
        }
    });
}

#[test]
fn lost_reports_are_repeated_at_the_next_resync() {
    testbed::run(async {
        let world = World::new(
            1,
            Behaviour {
                drop_reports: 1.0,
                ..Behaviour::default()
            },
        )
        .await;
        let agent = &world.agents[0];
        let id = world.deploy().await;
        testbed::eventually(SOON, || async { agent.state().dropped_reports > 0 }).await;
        assert!(world.instances(&id).await.is_empty());
        agent.behave(Behaviour::default());
        agent.resync();
        world.until_running(&id, 2).await;
    });
}

async fn api(world: &World) -> ClusterApi {
    let region = &world.app.regions[0];
    ClusterApi::connect(&world.db, &region.name, intent::Fixture::platform())
        .await
        .expect("heartbeat")
}

fn update(k8s_name: &str, status: InstanceStatus) -> Change {
    let instance = InstanceReport {
        k8s_name: format!("{k8s_name}-aaaaa"),
        address: "10-0-0-1.ns.pod.cluster.local:8080".to_owned(),
        cpu_millicores: 250,
        memory_mib: 256,
        status,
    };
    Change::Update {
        k8s_name: k8s_name.to_owned(),
        instances: vec![instance],
    }
}
