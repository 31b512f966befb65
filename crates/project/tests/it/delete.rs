//! `Delete` of a project: children first, nothing twice, nothing protected.

use crate::world::{SOON, World, endpoint, told};
use faults::{Cut, serve_behind_on};
use project_client::SERVICE;
use serde_json::json;
use testbed::{Restate, RestateOptions};

#[test]
fn the_project_goes_after_its_apps() {
    testbed::run(async {
        let world = World::new().await;
        assert_eq!(world.delete().await.expect("begun"), json!({}));
        testbed::eventually(SOON, || async { told(world.child()) > 1 }).await;
        assert_eq!(
            world.count("projects", "id", world.id()).await,
            1,
            "an app is left"
        );
        world.remove(world.child()).await;
        world.becomes_gone().await;
        world.ends().await;
        assert_eq!(
            world
                .count("audit_log", "workspace_id", &world.app.workspace_id)
                .await,
            1
        );
        world.delete().await.expect("a second delete is a no-op");
        world.ends().await;
        assert_eq!(
            world
                .count("audit_log", "workspace_id", &world.app.workspace_id)
                .await,
            1
        );
    });
}

#[test]
fn d_10_a_project_with_anything_protected_is_refused_for_good() {
    testbed::scenario!("D-10");
    testbed::run(async {
        let world = World::new().await;
        for (table, id) in [
            ("projects", world.id()),
            ("apps", world.child()),
            ("environments", world.app.preview_environment_id.as_str()),
        ] {
            let sql = format!("UPDATE {table} SET delete_protection = ? WHERE id = ?");
            world.execute(&sql, [1.into(), id.into()]).await;
            let refused = world.delete().await.expect_err("protected");
            assert_eq!(refused.status(), Some(409), "{refused}");
            assert!(
                refused.to_string().contains("CW0030") && refused.to_string().contains(id),
                "{refused}"
            );
            assert_eq!(told(world.child()), 0, "no child was told");
            world.ends().await;
            world.execute(&sql, [0.into(), id.into()]).await;
        }
    });
}

#[test]
fn a_lost_answer_of_any_step_changes_nothing() {
    testbed::run(async {
        let restate = Restate::start(RestateOptions::default())
            .await
            .expect("Restate");
        let proxy = serve_behind_on(&restate, endpoint(testbed::db().await)).await;
        for step in ["find project", "list apps", "delete project"] {
            let world = World::on(&restate).await;
            world.remove(world.child()).await;
            let cut = proxy.cut(Cut::run_result(SERVICE, "Delete", step).of_key(world.id()));
            world.delete().await.expect("gone");
            assert!(cut.wait(SOON).await.is_some(), "{step} was cut");
            assert_eq!(world.count("projects", "id", world.id()).await, 0, "{step}");
            assert_eq!(
                world
                    .count("audit_log", "workspace_id", &world.app.workspace_id)
                    .await,
                1,
                "{step}"
            );
            world.ends().await;
        }
    });
}
