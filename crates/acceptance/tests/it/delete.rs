//! Projects, apps and environments go with everything below them, while the real services deploy into them and the
//! simulated edge follows.

use crate::query::number;
use crate::world::{Isolated, World};
use edge_sim::Behaviour;
use intent::{NewApp, NewDeployment, Runtime};
use restate_sdk::prelude::Endpoint;
use serde_json::json;
use std::time::Duration;
use teardown::Timings;
use testbed::Served;

const SOON: Duration = Duration::from_secs(60);

/// Binds the three services beside those of the world.
async fn deletes(isolated: &Isolated) -> Served {
    let db = || isolated.bound.db.clone();
    let timings = Timings {
        first_pause: Duration::from_millis(50),
        longest_pause: Duration::from_millis(300),
        settle: Duration::from_millis(300),
        gone_after: Duration::from_secs(20),
        aftercare: Duration::from_millis(500),
        again_after: Duration::from_millis(500),
    };
    let environment = environment::Deps {
        db: db(),
        admin: isolated.restate.admin(),
        timings,
    };
    let endpoint = Endpoint::builder()
        .bind(environment_client::EnvironmentService(
            environment::Environment::new(environment),
        ))
        .bind(app_client::AppService(app::App::new(app::Deps {
            db: db(),
            timings,
        })))
        .bind(project_client::ProjectService(project::Project::new(
            project::Deps { db: db(), timings },
        )))
        .build();
    testbed::serve_on(&isolated.restate, endpoint).await
}

/// Rows of these environments and deployments in every table.
async fn left(
    world: &World,
    environments: &[&str],
    deployments: &[&str],
) -> Vec<(&'static str, i64)> {
    let mut left = Vec::new();
    for (column, keys, tables) in [
        ("id", environments, &["environments"][..]),
        (
            "environment_id",
            environments,
            &[
                "app_build_settings",
                "app_environment_variables",
                "app_regional_settings",
                "app_runtime_settings",
                "cilium_network_policies",
                "custom_domains",
                "deployments",
                "deployment_steps",
                "frontline_routes",
                "sentinels",
            ],
        ),
        (
            "deployment_id",
            deployments,
            &[
                "ctrl_worker_runs",
                "ctrl_worker_waits",
                "deployment_topology",
                "instances",
                "openapi_specs",
            ],
        ),
    ] {
        for table in tables {
            for key in keys {
                let sql = format!("SELECT COUNT(*) AS n FROM {table} WHERE {column} = ?");
                let n = number(&world.bound.db, &sql, [(*key).into()]).await;
                if n > 0 {
                    left.push((*table, n));
                }
            }
        }
    }
    left
}

async fn gone(world: &World, environments: &[&str], deployments: &[&str]) {
    testbed::eventually(SOON, || async {
        let left = left(world, environments, deployments).await;
        if left.is_empty() { Ok(()) } else { Err(left) }
    })
    .await;
}

async fn deployed(world: &World, new: NewDeployment) -> String {
    let id = world.create(&new).await;
    world.deploy(&id, "nginx:1").await.expect("deployed");
    id
}

#[test]
fn d_1_a_project_goes_with_its_apps_and_environments() {
    testbed::scenario!("D-1");
    testbed::run(async {
        let isolated = Isolated::new(testbed::db().await).await;
        let _served = deletes(&isolated).await;
        let db = &isolated.bound.db;
        let (world, other) = (isolated.world(2).await, isolated.world(1).await);
        let kept = deployed(&other, NewDeployment::production(&other.app.app_id)).await;
        let new = NewApp {
            workspace_id: world.app.workspace_id.clone(),
            project_id: world.app.project_id.clone(),
            name: "second".into(),
            slug: "second".into(),
            default_branch: "main".into(),
            runtime: Runtime::default(),
        };
        let second = intent::create_app(db, &new).await.expect("an app");
        for region in &world.app.regions {
            intent::allow_region(db, &second, region, None)
                .await
                .expect("a region");
        }
        let apps = [world.app.app_id.as_str(), second.app_id.as_str()];
        let mut ids = Vec::new();
        for app in apps {
            ids.push(deployed(&world, NewDeployment::production(app)).await);
            ids.push(deployed(&world, NewDeployment::preview(app)).await);
        }
        let deployments: Vec<&str> = ids.iter().map(String::as_str).collect();
        let environments = [
            world.app.production_environment_id.as_str(),
            world.app.preview_environment_id.as_str(),
            second.production_environment_id.as_str(),
            second.preview_environment_id.as_str(),
        ];
        let beside = [
            other.app.production_environment_id.as_str(),
            other.app.preview_environment_id.as_str(),
        ];
        let before = left(&other, &beside, &[&kept]).await;
        assert!(before.len() > 8, "{before:?}");

        let project = world.app.project_id.as_str();
        let answer = isolated
            .bound
            .ingress
            .call("hydra.v1.ProjectService", project, "Delete", &json!({}))
            .await;
        assert_eq!(answer.expect("begun"), json!({}));
        gone(&world, &environments, &deployments).await;
        for (table, keys) in [("apps", &apps[..]), ("projects", &[project][..])] {
            for key in keys {
                let sql = format!("SELECT COUNT(*) AS n FROM {table} WHERE id = ?");
                testbed::eventually(SOON, || async {
                    number(db, &sql, [(*key).into()]).await == 0
                })
                .await;
            }
        }
        assert_eq!(
            left(&other, &beside, &[&kept]).await,
            before,
            "another project"
        );
        assert_eq!(other.status(&kept).await, "ready");
    });
}

#[test]
fn d_8_a_deployment_under_way_is_cancelled_and_nothing_comes_back() {
    testbed::scenario!("D-8");
    testbed::run(async {
        let isolated = Isolated::new(testbed::db().await).await;
        let _served = deletes(&isolated).await;
        let world = isolated.world(1).await;
        let environment = world.app.production_environment_id.as_str();
        world.behave(0, Behaviour::never_ready());
        let waits = world
            .create(&NewDeployment::production(&world.app.app_id))
            .await;
        let invocation = world.send(&waits, "nginx:1").await;
        testbed::eventually(SOON, || async {
            let sql = "SELECT COUNT(*) AS n FROM ctrl_worker_waits WHERE deployment_id = ?";
            number(&world.bound.db, sql, [waits.as_str().into()]).await == 1
        })
        .await;
        // One whose Deploy comes only after the delete has begun.
        let late = world
            .create(&NewDeployment::production(&world.app.app_id))
            .await;
        isolated
            .bound
            .ingress
            .call(
                "hydra.v1.EnvironmentService",
                environment,
                "Delete",
                &json!({}),
            )
            .await
            .expect("begun");
        let ended = isolated
            .bound
            .ingress
            .attach(&invocation)
            .await
            .expect_err("cancelled");
        assert_eq!(ended.status(), Some(409), "{ended}");
        // It is over one way or the other: no row any more, or a row that is not pending.
        let _refused = world.deploy(&late, "nginx:1").await;

        let deployments = [waits.as_str(), late.as_str()];
        gone(&world, &[environment], &deployments).await;
        // Past the last look: the object has ended, and nothing has come back.
        testbed::eventually(SOON, || async {
            let sql = format!(
                "SELECT key FROM state WHERE service_name = 'hydra.v1.EnvironmentService' AND service_key = {}",
                restate_api::quoted(environment)
            );
            isolated.bound.admin.query(&sql).await.expect("state").is_empty()
        })
        .await;
        let back = left(&world, &[environment], &deployments).await;
        assert!(back.is_empty(), "{back:?}");
        let sql = "SELECT COUNT(*) AS n FROM apps WHERE id = ? AND current_deployment_id IS NULL";
        assert_eq!(
            number(&world.bound.db, sql, [world.app.app_id.as_str().into()]).await,
            1
        );
    });
}
