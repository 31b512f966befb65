//! `UpsertRoutes`: the only creator of routes.

use crate::world::*;
use serde_json::{Value, json};

fn name() -> String {
    format!("{}.example", ids::dns_label(12))
}

fn spec(name: &str, sticky: &str, fallback: &str) -> Value {
    json!({"fullyQualifiedDomainName": name, "sticky": format!("ROUTE_STICKY_{sticky}"), "fallbackFullyQualifiedDomainName": fallback})
}

fn request(world: &World<'_>, deployment: &str, routes: Vec<Value>) -> Value {
    json!({
        "deploymentId": deployment, "projectId": world.app.project_id, "appId": world.app.app_id,
        "environmentId": world.app.production_environment_id, "routes": routes,
    })
}

async fn upsert(world: &World<'_>, deployment: &str, routes: Vec<Value>) -> Vec<Value> {
    let answer = world
        .call("UpsertRoutes", request(world, deployment, routes))
        .await
        .expect("upserted");
    answer["routes"].as_array().cloned().unwrap_or_default()
}

async fn stored(world: &World<'_>, host_name: &str) -> Option<(String, String, String)> {
    let sql = "SELECT id, deployment_id, sticky FROM frontline_routes WHERE fully_qualified_domain_name = ?";
    let rows = query(&world.db, sql, [host_name.into()]).await;
    rows.first().map(|row| {
        let text = |i: usize| row.try_get_by_index::<String>(i).expect("text");
        (text(0), text(1), text(2))
    })
}

#[test]
fn new_names_are_created_in_order_and_live_ones_lead_to_what_is_live() {
    testbed::run(async {
        let world = World::new().await;
        let next = world.deployment("production", "network").await;
        let names: Vec<_> = (0..5).map(|_| name()).collect();
        let stickies = ["NONE", "BRANCH", "ENVIRONMENT", "LIVE", "DEPLOYMENT"];
        let specs: Vec<_> = names
            .iter()
            .zip(stickies)
            .map(|(name, sticky)| spec(name, sticky, ""))
            .collect();
        let first = upsert(&world, &next, specs.clone()).await;
        for ((route, name), sticky) in first.iter().zip(&names).zip(stickies) {
            let (id, to, stored_sticky) = stored(&world, name).await.expect("a row");
            assert_eq!(
                route,
                &json!({"frontlineRouteId": id, "fullyQualifiedDomainName": name, "created": true})
            );
            assert_eq!(stored_sticky, sticky.to_lowercase());
            assert_eq!(
                &to,
                if sticky == "LIVE" { &world.d1 } else { &next },
                "{sticky}"
            );
        }
        assert_eq!(first.len(), 5);
        // again: the same rows, none created, none moved
        let again = upsert(&world, &next, specs).await;
        for (before, after) in first.iter().zip(&again) {
            assert_eq!(
                (&after["frontlineRouteId"], &after["created"]),
                (&before["frontlineRouteId"], &Value::Null)
            );
        }
        assert_eq!(again.len(), 5);
        assert_eq!(world.picture().await, UNTOUCHED);
        testbed::assert_quiet(&[&world.app.project_id]).await;
    });
}

#[test]
fn a_first_live_name_leads_nowhere_until_something_is_live() {
    testbed::run(async {
        let world = World::new().await;
        world.set_app(None, false).await;
        let (next, live) = (world.deployment("production", "finalizing").await, name());
        upsert(&world, &next, vec![spec(&live, "LIVE", "")]).await;
        assert_eq!(stored(&world, &live).await.expect("a row").1, "");
        world.finish(&next, &[]).await.expect("finished");
        assert_eq!(stored(&world, &live).await.expect("a row").1, next);
    });
}

#[test]
fn own_names_that_move_are_returned_but_not_moved() {
    testbed::run(async {
        let world = World::new().await;
        let branch = name();
        let id = world
            .route_in(
                &world.app.production_environment_id,
                "branch",
                &world.d1,
                &branch.to_uppercase(),
            )
            .await;
        let routes = upsert(
            &world,
            &world.d2,
            vec![spec(&branch, "BRANCH", "fallback.example")],
        )
        .await;
        assert_eq!(
            routes[0]["frontlineRouteId"],
            json!(id),
            "case does not count"
        );
        assert_eq!(
            (&routes[0]["created"], &routes[0]["previousDeploymentId"]),
            (&Value::Null, &json!(world.d1))
        );
        assert_eq!(world.target(&id).await, world.d1);
    });
}

#[test]
fn a_name_that_somebody_else_holds_is_left_alone_and_the_fallback_used() {
    testbed::run(async {
        let (world, other) = (World::new().await, World::new().await);
        let (foreign, free) = (name(), name());
        let id = other
            .route_in(
                &other.app.production_environment_id,
                "live",
                &other.d1,
                &foreign,
            )
            .await;
        let routes = upsert(
            &world,
            &world.d2,
            vec![spec(&foreign, "ENVIRONMENT", &free)],
        )
        .await;
        assert_eq!(routes[0]["fullyQualifiedDomainName"], json!(free));
        assert_eq!(stored(&world, &free).await.expect("a row").1, world.d2);
        assert_eq!(other.target(&id).await, other.d1);
        // again: the fallback is found and used again
        let again = upsert(
            &world,
            &world.d2,
            vec![spec(&foreign, "ENVIRONMENT", &free)],
        )
        .await;
        assert_eq!(again[0]["frontlineRouteId"], routes[0]["frontlineRouteId"]);
        // neither name: the deployment goes without, nothing fails
        let last = name();
        let routes = upsert(
            &world,
            &world.d2,
            vec![
                spec(&foreign, "LIVE", ""),
                spec(&foreign, "LIVE", &foreign),
                spec(&last, "NONE", ""),
            ],
        )
        .await;
        assert_eq!(routes.len(), 1);
        assert_eq!(routes[0]["fullyQualifiedDomainName"], json!(last));
    });
}

#[test]
fn a_name_pinned_to_another_deployment_is_not_taken() {
    testbed::run(async {
        let world = World::new().await;
        for sticky in ["none", "deployment"] {
            let (pinned, free) = (name(), name());
            let id = world
                .route_in(
                    &world.app.production_environment_id,
                    sticky,
                    &world.d1,
                    &pinned,
                )
                .await;
            let routes = upsert(&world, &world.d2, vec![spec(&pinned, "NONE", &free)]).await;
            assert_eq!(routes[0]["fullyQualifiedDomainName"], json!(free));
            assert_eq!(world.target(&id).await, world.d1);
            let routes = upsert(&world, &world.d1, vec![spec(&pinned, "NONE", "")]).await;
            assert_eq!(
                routes[0]["frontlineRouteId"],
                json!(id),
                "its own deployment keeps it"
            );
        }
    });
}

#[test]
fn a_customers_domain_may_come_before_the_first_deployment() {
    testbed::run(async {
        let world = World::new().await;
        world.set_app(None, false).await;
        let domain = name();
        upsert(&world, "", vec![spec(&domain, "LIVE", "")]).await;
        assert_eq!(stored(&world, &domain).await.expect("a row").1, "");
        world.swap(&world.d2, false).await.expect("promoted");
        assert_eq!(stored(&world, &domain).await.expect("a row").1, world.d2);
        let second = name();
        upsert(&world, "", vec![spec(&second, "LIVE", "")]).await;
        assert_eq!(
            stored(&world, &second).await.expect("a row").1,
            world.d2,
            "it joins what is live"
        );
    });
}

#[test]
fn two_apps_that_want_one_name_at_once_share_it_between_name_and_fallback() {
    testbed::run(async {
        let (one, two) = (World::new().await, World::new().await);
        for _ in 0..10 {
            let wanted = name();
            let (first, second) = (name(), name());
            let (a, b) = tokio::join!(
                upsert(&one, &one.d1, vec![spec(&wanted, "ENVIRONMENT", &first)]),
                upsert(&two, &two.d1, vec![spec(&wanted, "ENVIRONMENT", &second)]),
            );
            let names = [
                &a[0]["fullyQualifiedDomainName"],
                &b[0]["fullyQualifiedDomainName"],
            ];
            assert!(
                names == [&json!(wanted), &json!(second)]
                    || names == [&json!(first), &json!(wanted)],
                "{names:?}"
            );
        }
    });
}

#[test]
fn what_does_not_fit_together_is_refused_and_nothing_created() {
    testbed::run(async {
        let (world, other) = (World::new().await, World::new().await);
        let host_name = name();
        let valid = request(&world, &world.d1, vec![spec(&host_name, "NONE", "")]);
        let with = |field: &str, value: Value| {
            let mut body = valid.clone();
            body[field] = value;
            body
        };
        for (body, refused) in [
            (
                with("projectId", json!(other.app.project_id)),
                (409, "CW0023"),
            ),
            (
                with("environmentId", json!(other.app.production_environment_id)),
                (409, "CW0023"),
            ),
            (
                with("environmentId", json!(world.app.preview_environment_id)),
                (409, "CW0023"),
            ),
            (with("deploymentId", json!(other.d1)), (409, "CW0023")),
            (with("deploymentId", json!("d_missing")), (404, "CW0002")),
            (with("appId", json!("app_missing")), (404, "CW0003")),
            (with("environmentId", json!("env_missing")), (404, "CW0003")),
            (with("appId", json!("")), (400, "CW0001")),
            (
                with("routes", json!([{"fullyQualifiedDomainName": host_name}])),
                (400, "CW0001"),
            ),
            (
                with("routes", json!([spec("", "LIVE", "")])),
                (400, "CW0001"),
            ),
        ] {
            let (status, code) = refusal(world.call("UpsertRoutes", body.clone()).await);
            assert_eq!((status, &*code), refused, "{body}");
        }
        assert_eq!(stored(&world, &host_name).await, None);
    });
}
