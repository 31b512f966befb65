//! What the agent follows: versions in commit order, restarts, rows that vanish, rows that are broken.

use std::time::Duration;

use edge_sim::Behaviour;
use intent::NewDeployment;
use mysql::{Lock, counter};

use crate::world::{SOON, World, insert_topology};

#[test]
fn instances_are_pending_first_and_reach_the_minimum_in_every_region() {
    testbed::run(async {
        let world = World::new(2, Behaviour::ready_after(Duration::from_millis(300))).await;
        let id = world.deploy().await;
        testbed::eventually(SOON, || async { world.instances(&id).await.len() == 4 }).await;
        assert!(
            world
                .instances(&id)
                .await
                .iter()
                .all(|row| row.workspace_id == world.app.workspace_id)
        );
        let rows = world.until_running(&id, 4).await;
        for region in &world.app.regions {
            assert_eq!(
                rows.iter().filter(|row| row.region_id == region.id).count(),
                2
            );
        }
    });
}

#[test]
fn a_version_drawn_first_and_committed_last_is_still_followed() {
    testbed::scenario!("EDG-7");
    testbed::run(async {
        let world = World::new(1, Behaviour::default()).await;
        let (first, second) = (world.create().await, world.create().await);
        let (workspace, region) = (
            world.app.workspace_id.clone(),
            world.app.regions[0].id.clone(),
        );

        let slow = world.db.begin().await.expect("begin");
        slow.touch(Lock::DeploymentTopology);
        let low = counter::next(&slow, &region).await.expect("version");
        insert_topology(&*slow, &workspace, &first, &region, low).await;

        // The second writer wants to overtake: it must not become visible before the first.
        let fast = tokio::spawn({
            let (db, second, region, workspace) = (
                world.db.clone(),
                second.clone(),
                region.clone(),
                workspace.clone(),
            );
            async move {
                let tx = db.begin().await.expect("begin");
                tx.touch(Lock::DeploymentTopology);
                let high = counter::next(&tx, &region).await.expect("version");
                insert_topology(&*tx, &workspace, &second, &region, high).await;
                tx.commit().await.expect("commit");
                high
            }
        });
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert!(
            !fast.is_finished(),
            "the higher version became visible while the lower one was open"
        );
        assert!(world.instances(&second).await.is_empty());

        slow.commit().await.expect("commit");
        let high = fast.await.expect("second writer");
        assert!(high > low, "{high} after {low}");
        world.until_running(&first, 2).await;
        world.until_running(&second, 2).await;
    });
}

#[test]
fn a_restarted_agent_replays_everything_and_stores_nothing_twice() {
    testbed::scenario!("EDG-8");
    testbed::run(async {
        let world = World::new(1, Behaviour::default()).await;
        let (kept, stopped) = (world.deploy().await, world.deploy().await);
        let before = world.until_running(&kept, 2).await;
        world.until_running(&stopped, 2).await;

        let agent = &world.agents[0];
        agent.behave(Behaviour::down());
        world.stop(&stopped, "standby").await;
        let started = world.deploy().await;
        let cursor = agent.state().deployments_cursor;
        agent.restart();
        agent.behave(Behaviour::default());

        world.until_no_instances(&stopped).await;
        world.until_running(&started, 2).await;
        assert_eq!(
            world.until_running(&kept, 2).await,
            before,
            "the same rows, ids included"
        );
        assert!(agent.state().deployments_cursor > cursor);
        let reports = agent.state().reports;
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert_eq!(
            agent.state().reports,
            reports,
            "an unchanged workload is not reported again"
        );
    });
}

#[test]
fn a_deleted_topology_row_stops_the_workload_at_the_next_resync() {
    testbed::scenario!("EDG-9");
    testbed::run(async {
        let world = World::new(1, Behaviour::default()).await;
        let (gone, kept) = (world.deploy().await, world.deploy().await);
        world.until_running(&gone, 2).await;
        world.until_running(&kept, 2).await;
        world
            .execute(
                "DELETE FROM deployment_topology WHERE deployment_id = ?",
                [gone.clone().into()],
            )
            .await;
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert_eq!(
            world.instances(&gone).await.len(),
            2,
            "the stream says nothing about a deleted row"
        );
        world.agents[0].resync();
        world.until_no_instances(&gone).await;
        world.until_running(&kept, 2).await;
    });
}

#[test]
fn a_row_without_workspace_does_not_stop_the_stream() {
    testbed::run(async {
        let world = World::new(1, Behaviour::down()).await;
        let (broken, sound) = (world.deploy().await, world.deploy().await);
        let sql = "UPDATE deployments SET workspace_id = 'ws_missing' WHERE id = ?";
        world.execute(sql, [broken.clone().into()]).await;
        world.agents[0].behave(Behaviour::default());
        world.until_running(&sound, 2).await;
        assert_eq!(world.agents[0].state().skipped, 1);
        assert!(world.instances(&broken).await.is_empty());
    });
}

#[test]
fn more_deployments_than_a_page_all_run_when_they_are_let_go() {
    testbed::run(async {
        let world = World::new(1, Behaviour::never_ready()).await;
        let new = NewDeployment::production(&world.app.app_id).image("demo/app:1");
        let ids = intent::create_deployments(&world.db, &new, 350)
            .await
            .expect("deployments written");
        let region = &world.app.regions[0].id;
        let tx = world.db.begin().await.expect("begin");
        tx.touch(Lock::DeploymentTopology);
        for id in &ids {
            let version = counter::next(&tx, region).await.expect("version");
            insert_topology(&*tx, &world.app.workspace_id, id, region, version).await;
        }
        tx.commit().await.expect("commit");
        let agent = &world.agents[0];
        testbed::eventually(SOON, || async { agent.state().reports >= 350 }).await;
        agent.behave(Behaviour::default());
        for id in [&ids[0], &ids[120], &ids[349]] {
            world.until_running(id, 2).await;
        }
    });
}
