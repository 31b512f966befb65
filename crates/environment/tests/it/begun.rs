//! Deployments that are under way when the environment goes.

use crate::world::World;
use intent::NewDeployment;

#[test]
fn whatever_is_not_at_an_end_is_ended_with_a_reason() {
    testbed::run(async {
        let world = World::new().await;
        let mut ids = Vec::new();
        for status in [
            "pending",
            "starting",
            "deploying",
            "finalizing",
            "awaiting_approval",
        ] {
            let new = NewDeployment::production(&world.app.app_id).status(status);
            ids.push(
                intent::create_deployment(&world.db, &new)
                    .await
                    .expect("a row"),
            );
        }
        let sql = "INSERT INTO ctrl_worker_runs (deployment_id, invocation_id, claimed_at) VALUES (?, 'inv_unknown', 1)";
        world.execute(sql, [ids[2].as_str().into()]).await;
        let sql = "INSERT INTO deployment_steps (workspace_id, project_id, environment_id, deployment_id, app_id, step, started_at)
                   SELECT workspace_id, project_id, environment_id, id, app_id, 'deploying', 1 FROM deployments WHERE id = ?";
        world.execute(sql, [ids[2].as_str().into()]).await;
        // A workload keeps the row until the edge lets go, so that it can be looked at.
        let sql = "INSERT INTO deployment_topology (workspace_id, deployment_id, region_id, version, desired_status, created_at)
                   VALUES (?, ?, ?, 1000000, 'running', 1)";
        let values = [
            world.app.workspace_id.as_str().into(),
            ids[2].as_str().into(),
            world.app.regions[0].id.as_str().into(),
        ];
        world.execute(sql, values).await;
        world.delete(&world.production.id).await.expect("begun");

        let row = "SELECT CONCAT_WS('|', d.status, r.end_reason, s.error) AS t FROM deployments d
                   JOIN ctrl_worker_runs r ON r.deployment_id = d.id AND r.ended_at IS NOT NULL
                   JOIN deployment_steps s ON s.deployment_id = d.id AND s.ended_at IS NOT NULL WHERE d.id = ?";
        assert_eq!(
            world.texts(row, [ids[2].as_str().into()]).await,
            ["failed|environment deleted|Cancelled by the deletion of the environment."]
        );
        let open = "SELECT id AS t FROM deployments WHERE environment_id = ? AND status NOT IN ('ready', 'failed', 'skipped', 'stopped')";
        assert_eq!(
            world
                .texts(open, [world.production.id.as_str().into()])
                .await,
            [""; 0]
        );
        world.becomes_nothing(&world.production).await;
    });
}

#[test]
fn the_settings_go_first_so_that_nothing_new_can_be_deployed() {
    testbed::run(async {
        let world = World::new().await;
        world.delete(&world.production.id).await.expect("begun");
        let left = world.left(&world.production).await;
        assert!(
            left.contains_key("environments"),
            "still waiting for the edge: {left:?}"
        );
        for table in [
            "app_build_settings",
            "app_runtime_settings",
            "app_regional_settings",
            "app_environment_variables",
        ] {
            assert_eq!(left.get(table), None, "{table}");
        }
        let new = NewDeployment::production(&world.app.app_id);
        let refused = intent::create_deployment(&world.db, &new).await;
        assert!(refused.is_err(), "the control API finds no settings");
    });
}
