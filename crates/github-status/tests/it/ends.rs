//! Nobody reports the end: the timer tells what the row says.

use mysql::sql;

use crate::world::*;

#[test]
fn a_deployment_whose_workflow_was_lost_is_not_in_progress_for_ever() {
    testbed::run(async {
        let world = World::new().await;
        for (status, last) in [
            ("failed", "failure"),
            ("ready", "success"),
            ("skipped", "inactive"),
        ] {
            let before = world.states().len();
            let id = world.deployment("building").await;
            world.init(&id, world.production()).await;
            world
                .report(&id, "IN_PROGRESS", "Deploying to regions...")
                .await;
            let set = "UPDATE deployments SET status = ? WHERE id = ?";
            sql::execute(world.db.primary(), set, [status.into(), id.as_str().into()])
                .await
                .expect("set");
            testbed::eventually(SOON, || async { !world.remembers(&id).await }).await;
            assert_eq!(
                world.states()[before..],
                ["pending", "in_progress", last],
                "{status}"
            );
            testbed::assert_quiet(&[&id]).await;
        }
    });
}

#[test]
fn a_deployment_in_work_is_left_alone_and_looked_at_again() {
    testbed::run(async {
        let world = World::new().await;
        let id = world.deployment("deploying").await;
        world.init(&id, world.production()).await;
        let looked = format!(
            "SELECT id FROM sys_invocation WHERE target_service_key = {} AND target_handler_name = 'Settle' AND status = 'completed'",
            restate_api::quoted(&id)
        );
        let admin = testbed::admin().await;
        testbed::eventually(SOON, || async {
            admin.query(&looked).await.is_ok_and(|rows| rows.len() >= 2)
        })
        .await;
        assert_eq!(world.states(), ["pending"]);
        let gone = "DELETE FROM deployments WHERE id = ?";
        sql::execute(world.db.primary(), gone, [id.as_str().into()])
            .await
            .expect("gone");
        testbed::eventually(SOON, || async { world.states() == ["pending", "inactive"] }).await;
    });
}

#[test]
fn a_superseded_deployment_is_inactive_and_leaves_the_line_of_the_pull_request_to_the_newer_one() {
    testbed::run(async {
        let world = World::new().await;
        let older = world.deployment("skipped").await;
        world.init(&older, world.preview("web")).await;
        let newer = world.deployment("building").await;
        world.init(&newer, world.preview("web")).await;
        world.report(&newer, "IN_PROGRESS", "Building").await;
        testbed::eventually(SOON, || async {
            let rows = world.rows();
            let building = rows.len() == 1 && rows[0].contains("| Building |");
            building.then_some(()).ok_or(rows)
        })
        .await;
        world.report(&older, "FAILURE", "deployment failed").await;
        testbed::eventually(SOON, || async { !world.remembers(&older).await }).await;
        assert_eq!(
            world.states(),
            ["pending", "pending", "in_progress", "inactive"]
        );
        testbed::assert_quiet(&[&older]).await;
        assert!(world.rows()[0].contains("| Building |"));
    });
}

#[test]
fn a_look_that_fails_is_not_the_last_one() {
    testbed::run(async {
        let world = World::new().await;
        let id = world.deployment("building").await;
        world.init(&id, world.production()).await;
        let rename = async |from: &str, to: &str| {
            let sql = format!("RENAME TABLE {from} TO {to}");
            sql::execute(world.db.primary(), &sql, [])
                .await
                .expect("renamed");
        };
        rename("deployments", "deployments_away").await;
        let failed = format!(
            "SELECT id FROM sys_invocation WHERE target_service_key = {} AND target_handler_name = 'Settle' AND completion_result = 'failure'",
            restate_api::quoted(&id)
        );
        let admin = testbed::admin().await;
        testbed::eventually(SOON, || async {
            admin
                .query(&failed)
                .await
                .is_ok_and(|rows| !rows.is_empty())
        })
        .await;
        rename("deployments_away", "deployments").await;
        let set = "UPDATE deployments SET status = 'ready' WHERE id = ?";
        sql::execute(world.db.primary(), set, [id.as_str().into()])
            .await
            .expect("set");
        testbed::eventually(SOON, || async { !world.remembers(&id).await }).await;
        assert_eq!(world.states(), ["pending", "success"]);
        testbed::assert_quiet(&[&id]).await;
    });
}
