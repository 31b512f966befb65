//! `Delete` of an app: children first, nothing twice, nothing protected.

use crate::world::{SOON, World, endpoint, told};
use app_client::SERVICE;
use faults::{Cut, serve_behind_on};
use serde_json::json;
use testbed::{Restate, RestateOptions};

#[test]
fn d_6_the_repository_connection_goes_first_and_the_app_last() {
    testbed::scenario!("D-6");
    testbed::run(async {
        let world = World::new().await;
        assert_eq!(
            world
                .count("github_repo_connections", "app_id", world.id())
                .await,
            1
        );
        assert_eq!(world.delete().await.expect("begun"), json!({}));
        // At once: what a push is matched with joins the connection.
        assert_eq!(
            world
                .count("github_repo_connections", "app_id", world.id())
                .await,
            0
        );

        let [first, second] = world.children();
        testbed::eventually(SOON, || async { told(first) > 1 && told(second) > 1 }).await;
        assert_eq!(
            world.count("apps", "id", world.id()).await,
            1,
            "children are left"
        );
        world.remove(first).await;
        let seen = told(second);
        testbed::eventually(SOON, || async { told(second) > seen + 1 }).await;
        assert_eq!(
            world.count("apps", "id", world.id()).await,
            1,
            "a child is left"
        );
        world.remove(second).await;
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
fn d_10_a_protected_app_or_child_is_refused_for_good() {
    testbed::scenario!("D-10");
    testbed::run(async {
        let world = World::new().await;
        for (table, id) in [("apps", world.id()), ("environments", world.children()[1])] {
            let sql = format!("UPDATE {table} SET delete_protection = ? WHERE id = ?");
            world.execute(&sql, [1.into(), id.into()]).await;
            let refused = world.delete().await.expect_err("protected");
            assert_eq!(refused.status(), Some(409), "{refused}");
            assert!(
                refused.to_string().contains("CW0030") && refused.to_string().contains(id),
                "{refused}"
            );
            assert_eq!(world.children().map(told), [0, 0], "no child was told");
            assert_eq!(
                world
                    .count("github_repo_connections", "app_id", world.id())
                    .await,
                1
            );
            world.ends().await;
            world.execute(&sql, [0.into(), id.into()]).await;
        }
    });
}

#[test]
fn asking_again_does_not_make_a_second_chain() {
    testbed::run(async {
        let world = World::new().await;
        for _ in 0..5 {
            world.delete().await.expect("begun");
        }
        // The messages of the calls before find a foreign nonce and end.
        testbed::eventually(SOON, || async {
            let sql = format!(
                "SELECT id FROM sys_invocation WHERE target_service_name = '{SERVICE}' AND target_service_key = {} AND status <> 'completed'",
                restate_api::quoted(world.id())
            );
            world.admin.query(&sql).await.expect("invocations").len() == 1
        })
        .await;
        for child in world.children() {
            world.remove(child).await;
        }
        world.becomes_gone().await;
        world.ends().await;
    });
}

#[test]
fn an_environment_that_comes_late_is_found_by_the_last_look() {
    testbed::run(async {
        let world = World::new().await;
        for child in world.children() {
            world.remove(child).await;
        }
        world.delete().await.expect("gone at once");
        assert_eq!(world.count("apps", "id", world.id()).await, 0);
        let late = format!("{}_late", world.children()[0]);
        let sql = "INSERT INTO environments (id, workspace_id, project_id, app_id, slug, created_at) VALUES (?, 'w', 'p', ?, 's', 1)";
        world
            .execute(sql, [late.as_str().into(), world.id().into()])
            .await;
        testbed::eventually(SOON, || async { told(&late) > 0 }).await;
        world.remove(&late).await;
        world.ends().await;
    });
}

#[test]
fn a_lost_answer_of_any_step_changes_nothing() {
    testbed::run(async {
        let restate = Restate::start(RestateOptions::default())
            .await
            .expect("Restate");
        let proxy = serve_behind_on(&restate, endpoint(testbed::db().await)).await;
        for step in [
            "find app",
            "delete github repo connections",
            "list environments",
            "delete app",
        ] {
            let world = World::on(&restate).await;
            for child in world.children() {
                world.remove(child).await;
            }
            let cut = proxy.cut(Cut::run_result(SERVICE, "Delete", step).of_key(world.id()));
            world.delete().await.expect("gone");
            assert!(cut.wait(SOON).await.is_some(), "{step} was cut");
            assert_eq!(world.count("apps", "id", world.id()).await, 0, "{step}");
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
