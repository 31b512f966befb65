//! `AssignFrontlineRoutes`.

use crate::world::*;
use serde_json::json;
use std::time::Duration;

#[test]
fn rte_1_two_routes_move_and_nothing_else_changes() {
    testbed::scenario!("RTE-1");
    testbed::run(async {
        let world = World::new().await;
        assert_eq!(
            world
                .assign(&world.d2, &[&world.f_env, &world.f_live])
                .await
                .expect("assigned"),
            json!({})
        );
        assert_eq!(
            world.picture().await,
            "env d2 live d2 branch d1; current d1"
        );
        let sql = "SELECT id, project_id, app_id, environment_id, sticky, created_at, updated_at, fully_qualified_domain_name \
                   FROM frontline_routes WHERE app_id = ? ORDER BY pk";
        let rows = query(&world.db, sql, [world.app.app_id.as_str().into()]).await;
        let text =
            |row: usize, column: usize| rows[row].try_get_by_index::<String>(column).expect("text");
        for (row, id, sticky, touched) in [
            (0, &world.f_env, "environment", true),
            (1, &world.f_live, "live", true),
            (2, &world.f_br, "branch", false),
        ] {
            assert_eq!(
                (text(row, 0), text(row, 4)),
                (id.clone(), sticky.to_owned())
            );
            assert_eq!(
                (text(row, 1), text(row, 2), text(row, 3)),
                (
                    world.app.project_id.clone(),
                    world.app.app_id.clone(),
                    world.app.production_environment_id.clone()
                )
            );
            assert_eq!(rows[row].try_get_by_index::<i64>(5).expect("number"), 1);
            assert_eq!(
                rows[row]
                    .try_get_by_index::<Option<i64>>(6)
                    .expect("number")
                    .is_some(),
                touched,
                "{sticky}"
            );
            assert!(text(row, 7).ends_with(".example"));
        }
        testbed::assert_quiet(&[&world.app.project_id]).await;
    });
}

#[test]
fn rte_2_an_empty_list_writes_nothing() {
    testbed::scenario!("RTE-2");
    testbed::run(async {
        let world = World::new().await;
        assert_eq!(
            world.assign(&world.d2, &[]).await.expect("assigned"),
            json!({})
        );
        assert_eq!(world.picture().await, UNTOUCHED);
        let sql =
            "SELECT COUNT(*) FROM frontline_routes WHERE app_id = ? AND updated_at IS NOT NULL";
        let touched: i64 = query(&world.db, sql, [world.app.app_id.as_str().into()]).await[0]
            .try_get_by_index(0)
            .expect("number");
        assert_eq!(touched, 0);
    });
}

#[test]
fn rte_3_one_unknown_id_moves_nothing() {
    testbed::scenario!("RTE-3");
    testbed::run(async {
        let world = World::new().await;
        let refused = refusal(world.assign(&world.d2, &[&world.f_env, "flr_x"]).await);
        assert_eq!(refused, (404, "CW0020".to_owned()));
        assert_eq!(world.picture().await, UNTOUCHED);
    });
}

#[test]
fn rte_6_two_at_once_end_as_one_of_them() {
    testbed::scenario!("RTE-6");
    testbed::run(async {
        let world = World::new().await;
        for _ in 0..10 {
            let routes = [&*world.f_env, &*world.f_live, &*world.f_br];
            let (two, three) = tokio::join!(
                world.assign(&world.d2, &routes),
                world.assign(&world.d3, &routes)
            );
            two.and(three).expect("both succeed");
            let picture = world.picture().await;
            let uniform = [
                "env d2 live d2 branch d2; current d1",
                "env d3 live d3 branch d3; current d1",
            ];
            assert!(uniform.contains(&&*picture), "{picture}");
        }
    });
}

#[test]
fn rte_6_also_where_the_callers_use_different_keys() {
    testbed::scenario!("RTE-6");
    testbed::run(async {
        let world = World::new().await;
        let routes = [&*world.f_env, &*world.f_live, &*world.f_br];
        let by_key = |key: &'static str, deployment: &str| {
            let body = json!({"deploymentId": deployment, "frontlineRouteIds": routes});
            let (ingress, key) = (
                world.restate.ingress(),
                format!("{key}-{}", world.app.app_id),
            );
            async move {
                ingress
                    .call(
                        routing_client::SERVICE,
                        &*key,
                        "AssignFrontlineRoutes",
                        &body,
                    )
                    .await
            }
        };
        for _ in 0..10 {
            let (two, three) = tokio::join!(by_key("one", &world.d2), by_key("other", &world.d3));
            two.and(three).expect("both succeed");
            let picture = world.picture().await;
            let uniform = [
                "env d2 live d2 branch d2; current d1",
                "env d3 live d3 branch d3; current d1",
            ];
            assert!(uniform.contains(&&*picture), "{picture}");
        }
    });
}

#[test]
fn rte_7_a_stuck_write_of_one_app_holds_up_no_other() {
    testbed::scenario!("RTE-7");
    testbed::run(async {
        let _alone = alone().await;
        let (stuck, free) = (World::new().await, World::new().await);
        let pause = stuck.db.begin().await.expect("begin");
        execute(
            &pause,
            "UPDATE frontline_routes SET updated_at = NULL WHERE id = ?",
            [stuck.f_live.as_str().into()],
        )
        .await;
        let routes = [&*stuck.f_env, &*stuck.f_live];
        let waiting = stuck.assign(&stuck.d2, &routes);
        let other = async {
            waits_for_a_lock(&stuck.db, "UPDATE frontline_routes%").await;
            let routes = [&*free.f_env, &*free.f_live];
            let quick =
                tokio::time::timeout(Duration::from_secs(3), free.assign(&free.d2, &routes));
            quick.await.expect("does not wait").expect("assigned");
            assert_eq!(free.picture().await, "env d2 live d2 branch d1; current d1");
            assert_eq!(stuck.picture().await, UNTOUCHED);
            pause.rollback().await.expect("rollback");
        };
        let (waited, ()) = tokio::join!(waiting, other);
        waited.expect("goes on");
        assert_eq!(
            stuck.picture().await,
            "env d2 live d2 branch d1; current d1"
        );
    });
}

#[test]
fn rte_8_a_repetition_succeeds_with_the_same_result() {
    testbed::scenario!("RTE-8");
    testbed::run(async {
        let world = World::new().await;
        for _ in 0..2 {
            // a route named twice counts once
            let routes = [&*world.f_env, &*world.f_live, &*world.f_env];
            assert_eq!(
                world.assign(&world.d2, &routes).await.expect("assigned"),
                json!({})
            );
            assert_eq!(
                world.picture().await,
                "env d2 live d2 branch d1; current d1"
            );
        }
    });
}

#[test]
fn rte_9_a_foreign_route_moves_nothing() {
    testbed::scenario!("RTE-9");
    testbed::run(async {
        let (world, other) = (World::new().await, World::new().await);
        let preview = &world.app.preview_environment_id;
        let of_preview = world
            .route_in(
                preview,
                "environment",
                &world.d1,
                &format!("{}.example", ids::dns_label(12)),
            )
            .await;
        for foreign in [&of_preview, &other.f_live] {
            let refused = refusal(world.assign(&world.d2, &[&world.f_env, foreign]).await);
            assert_eq!(refused, (409, "CW0021".to_owned()));
            assert_eq!(world.picture().await, UNTOUCHED);
            assert_eq!(
                world.target(foreign).await,
                if foreign == &of_preview {
                    &*world.d1
                } else {
                    &*other.d1
                }
            );
        }
    });
}

#[test]
fn rte_16_an_unknown_deployment_gets_nothing() {
    testbed::scenario!("RTE-16");
    testbed::run(async {
        let world = World::new().await;
        assert_eq!(
            refusal(world.assign("d_missing", &[&world.f_env]).await),
            (404, "CW0002".to_owned())
        );
        assert_eq!(
            refusal(world.swap("d_missing", false).await),
            (404, "CW0002".to_owned())
        );
        assert_eq!(
            refusal(world.finish("d_missing", &[]).await),
            (404, "CW0002".to_owned())
        );
        assert_eq!(world.picture().await, UNTOUCHED);
    });
}
