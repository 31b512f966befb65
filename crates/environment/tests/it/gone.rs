//! What a delete removes, what it leaves alone, and that asking again changes nothing.

use crate::seed::route;
use crate::world::World;
use environment_client::SERVICE;
use serde_json::json;

#[test]
fn d_2_and_9_everything_goes_and_a_second_delete_is_a_no_op() {
    testbed::scenario!("D-2", "D-9");
    testbed::run(async {
        let world = World::new().await;
        let before = world.left(&world.production).await;
        assert_eq!(
            before.len(),
            world.production.keys().len(),
            "rows in every table: {before:?}"
        );
        let beside = world.left(&world.preview).await;

        let answer = world.delete(&world.production.id).await.expect("begun");
        assert_eq!(answer, json!({}));
        world.becomes_nothing(&world.production).await;
        world.ends(&world.production.id).await;
        assert_eq!(
            world.left(&world.preview).await,
            beside,
            "the environment beside it"
        );

        let audit =
            "SELECT id AS t FROM audit_log WHERE event = 'environment.delete' AND workspace_id = ?";
        let entries = world
            .texts(audit, [world.app.workspace_id.as_str().into()])
            .await;
        assert_eq!(entries.len(), 1);
        let targets = "SELECT CONCAT(type, ' ', id) AS t FROM audit_log_target WHERE audit_log_id = ? ORDER BY type";
        assert_eq!(
            world.texts(targets, [entries[0].as_str().into()]).await,
            [
                format!("environment {}", world.production.id),
                format!("workspace {}", world.app.workspace_id)
            ]
        );

        world
            .delete(&world.production.id)
            .await
            .expect("a second delete");
        world.ends(&world.production.id).await;
        assert_eq!(
            world
                .texts(audit, [world.app.workspace_id.as_str().into()])
                .await,
            entries
        );
        assert_eq!(world.left(&world.preview).await, beside);
    });
}

#[test]
fn d_5_host_names_are_free_again() {
    testbed::scenario!("D-5");
    testbed::run(async {
        let world = World::new().await;
        let hosts = "SELECT fully_qualified_domain_name AS t FROM frontline_routes WHERE environment_id = ?";
        let names = world
            .texts(hosts, [world.production.id.as_str().into()])
            .await;
        assert_eq!(names.len(), 4);
        world.delete(&world.production.id).await.expect("begun");
        // At once, not only when the last workload has gone.
        for name in &names {
            route(
                &world.db,
                &world.app,
                &world.preview.id,
                name,
                "environment",
                &world.preview.running,
            )
            .await;
        }
        let sql = "UPDATE custom_domains SET domain = ? WHERE id = ?";
        let taken = [
            world.production.domain.as_str().into(),
            world.preview.domain_id.as_str().into(),
        ];
        assert_eq!(world.execute(sql, taken).await, 1);
        let sql = "INSERT INTO certificates (id, workspace_id, hostname, certificate, encrypted_private_key, created_at) VALUES (?, ?, ?, 'c', 'k', 1)";
        let again = [
            format!("cert_again_{}", world.production.domain_id).into(),
            world.app.workspace_id.as_str().into(),
            world.production.domain.as_str().into(),
        ];
        assert_eq!(world.execute(sql, again).await, 1);
    });
}

#[test]
fn the_certificate_of_a_name_that_somebody_else_holds_stays() {
    testbed::run(async {
        let world = World::new().await;
        let other = World::new().await;
        let sql =
            "UPDATE custom_domains SET domain = ?, verification_status = 'verified' WHERE id = ?";
        let same = [
            world.production.domain.to_uppercase().into(),
            other.preview.domain_id.as_str().into(),
        ];
        other.execute(sql, same).await;
        world.delete(&world.production.id).await.expect("begun");
        let left = world.left(&world.production).await;
        assert_eq!(left.get("certificates"), Some(&1));
        assert_eq!(left.get("custom_domains"), None);
    });
}

#[test]
fn rows_of_others_that_name_the_environment_stay() {
    testbed::run(async {
        let world = World::new().await;
        let other = World::new().await;
        let host = format!("foreign-{}", world.production.domain);
        route(
            &world.db,
            &other.app,
            &world.production.id,
            &host,
            "live",
            &other.preview.running,
        )
        .await;
        world.delete(&world.production.id).await.expect("begun");
        testbed::eventually(crate::world::SOON, || async {
            world.edge_obeys().await;
            let left = world.left(&world.production).await;
            (left.len() == 1).then_some(left).ok_or(())
        })
        .await;
        assert_eq!(
            world.left(&world.production).await.get("frontline_routes"),
            Some(&1)
        );
        world.ends(&world.production.id).await;
    });
}

#[test]
fn a_key_that_differs_in_case_is_another_environment() {
    testbed::run(async {
        let world = World::new().await;
        let before = world.left(&world.production).await;
        let key = world.production.id.to_uppercase();
        assert_ne!(key, world.production.id);
        world.delete(&key).await.expect("nothing to do");
        assert_eq!(world.left(&world.production).await, before);
        testbed::assert_quiet(&[key]).await;
    });
}

#[test]
fn many_rows_go_in_chunks() {
    testbed::run(async {
        let world = World::new().await;
        let new = intent::NewDeployment::production(&world.app.app_id).status("failed");
        intent::create_deployments(&world.db, &new, 1_200)
            .await
            .expect("rows");
        world.delete(&world.production.id).await.expect("begun");
        world.becomes_nothing(&world.production).await;
        world.ends(&world.production.id).await;
        let sql = format!(
            "SELECT j.name FROM sys_journal j JOIN sys_invocation i ON i.id = j.id WHERE i.target_service_name = '{SERVICE}'
             AND i.target_service_key = {} AND j.name = 'delete deployments'",
            restate_api::quoted(&world.production.id)
        );
        let steps = world.admin.query(&sql).await.expect("journal").len();
        assert!(steps >= 3, "three chunks of 500 in {steps} steps");
    });
}

#[test]
fn what_was_written_by_a_request_in_flight_goes_with_the_last_look() {
    testbed::run(async {
        let world = World::new().await;
        world.delete(&world.production.id).await.expect("begun");
        let row = "SELECT id AS t FROM environments WHERE id = ?";
        testbed::eventually(crate::world::SOON, || async {
            world.edge_obeys().await;
            world
                .texts(row, [world.production.id.as_str().into()])
                .await
                .is_empty()
        })
        .await;
        let sql = "INSERT INTO app_environment_variables (id, workspace_id, app_id, environment_id, `key`, value, type, created_at)
                   VALUES (?, ?, ?, ?, 'LATE', 'v', 'recoverable', 1)";
        let late = [
            ids::random(ids::Prefix::VARIABLE).into(),
            world.app.workspace_id.as_str().into(),
            world.app.app_id.as_str().into(),
            world.production.id.as_str().into(),
        ];
        world.execute(sql, late).await;
        world.ends(&world.production.id).await;
        assert_eq!(world.left(&world.production).await.len(), 0);
    });
}
