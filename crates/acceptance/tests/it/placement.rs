//! Where a deployment is placed: regions, replicas, quota, sentinels, policies.

use crate::world::{World, execute, number, rows};
use edge_sim::Behaviour;
use intent::{Autoscaling, NewDeployment};
use sea_orm::FromQueryResult;

#[test]
fn dep_9_without_a_schedulable_region_nothing_is_placed() {
    testbed::scenario!("DEP-9");
    testbed::run(async {
        let w = World::with(2, |f| f.closed(0).closed(1)).await;
        let counters = "SELECT CAST(COALESCE(SUM(v), 0) AS SIGNED) AS n FROM ctrl_worker_region_counters WHERE region_id IN (?, ?)";
        let counted = || {
            number(
                &w.bound.db,
                counters,
                [
                    w.app.regions[0].id.as_str().into(),
                    w.app.regions[1].id.as_str().into(),
                ],
            )
        };
        let before = counted().await;
        let id = w.create(&NewDeployment::production(&w.app.app_id)).await;
        let error = w.deploy(&id, "nginx:1").await.expect_err("refused");
        assert_eq!(error.status(), Some(400));
        assert!(error.to_string().contains("CW0006"), "{error}");
        assert_eq!(w.status(&id).await, "failed");
        let steps = w.steps(&id).await;
        let last = steps.last().expect("steps");
        assert_eq!(last.0, "deploying");
        assert!(
            last.2
                .as_deref()
                .unwrap_or_default()
                .contains("schedulable region"),
            "{steps:?}"
        );
        assert!(w.topology(&id).await.is_empty());
        assert_eq!(counted().await, before, "no version was used");
        w.end(&[&id]).await;
    });
}

#[test]
fn dep_10_a_closed_region_is_left_out_and_one_of_the_two_others_suffices() {
    testbed::scenario!("DEP-10");
    testbed::run(async {
        let w = World::with(3, |f| f.closed(1)).await;
        w.behave(2, Behaviour::never_ready());
        let id = w.deploy_production().await;
        let regions: Vec<String> = w.topology(&id).await.into_iter().map(|t| t.0).collect();
        assert_eq!(regions.len(), 2);
        assert!(!regions.contains(&w.app.regions[1].id));
        assert_eq!(w.status(&id).await, "ready");
        w.end(&[&id]).await;
    });
}

#[test]
fn dep_11_the_cpu_quota_is_a_limit_that_may_be_reached() {
    testbed::scenario!("DEP-11");
    testbed::run(async {
        // 9 000 allocated by one deployment of 2 250 × 4; then 500 × max 3 does not fit and 500 × 2 does.
        let w = World::with(1, |f| {
            f.quota(10_000, 100_000)
                .policy(0, Autoscaling::replicas(1, 4))
        })
        .await;
        let big = NewDeployment {
            cpu_millicores: Some(2_250),
            ..NewDeployment::production(&w.app.app_id)
        };
        let big = w.create(&big).await;
        w.deploy(&big, "nginx:1").await.expect("fits");
        let small = NewDeployment {
            cpu_millicores: Some(500),
            ..NewDeployment::production(&w.app.app_id)
        };
        set_max(&w, 3).await;
        let refused = w.create(&small).await;
        let error = w
            .deploy(&refused, "nginx:1")
            .await
            .expect_err("over the quota");
        assert!(
            error.to_string().contains("CW0007") && error.to_string().contains("CPU"),
            "{error}"
        );
        assert!(
            w.steps(&refused)
                .await
                .last()
                .and_then(|s| s.2.clone())
                .unwrap_or_default()
                .contains("CPU")
        );
        assert!(w.topology(&refused).await.is_empty());
        set_max(&w, 2).await;
        let fits = w.create(&small).await;
        w.deploy(&fits, "nginx:1").await.expect("10 000 of 10 000");
        w.end(&[&big, &refused, &fits]).await;
    });
}

#[test]
fn dep_12_memory_is_checked_after_the_cpu() {
    testbed::scenario!("DEP-12");
    testbed::run(async {
        let w = World::with(1, |f| f.quota(1_000, 512)).await;
        let with = |cpu, memory| NewDeployment {
            cpu_millicores: Some(cpu),
            memory_mib: Some(memory),
            ..NewDeployment::production(&w.app.app_id)
        };
        let memory = w.create(&with(500, 1_024)).await;
        let error = w
            .deploy(&memory, "nginx:1")
            .await
            .expect_err("too much memory");
        assert!(
            error.to_string().contains("CW0008") && error.to_string().contains("memory"),
            "{error}"
        );
        let both = w.create(&with(2_000, 1_024)).await;
        let error = w
            .deploy(&both, "nginx:1")
            .await
            .expect_err("too much of both");
        assert!(error.to_string().contains("CW0007"), "{error}");
        w.end(&[&memory, &both]).await;
    });
}

#[test]
fn dep_13_two_apps_race_for_room_that_is_there_once() {
    testbed::scenario!("DEP-13");
    testbed::run(async {
        for _ in 0..5 {
            let w = World::with(1, |f| f.quota(1_000, 10_000)).await;
            let other = intent::Fixture::new(&w.bound.db)
                .in_regions(&w.app.regions)
                .create()
                .await
                .expect("second app");
            // The second app belongs to the same workspace: its rows are moved under the first one's.
            for table in ["projects", "apps", "environments"] {
                let column = if table == "projects" {
                    "id"
                } else {
                    "project_id"
                };
                let sql = format!("UPDATE {table} SET workspace_id = ? WHERE {column} = ?");
                execute(
                    &w.bound.db,
                    &sql,
                    [
                        w.app.workspace_id.as_str().into(),
                        other.project_id.as_str().into(),
                    ],
                )
                .await;
            }
            let new = |app: &str| NewDeployment {
                cpu_millicores: Some(600),
                ..NewDeployment::production(app)
            };
            let (a, b) = (
                w.create(&new(&w.app.app_id)).await,
                w.create(&new(&other.app_id)).await,
            );
            let (first, second) = tokio::join!(w.deploy(&a, "nginx:1"), w.deploy(&b, "nginx:1"));
            let lost: Vec<_> = [&first, &second]
                .into_iter()
                .filter_map(|r| r.as_ref().err())
                .collect();
            assert_eq!(lost.len(), 1, "{first:?} {second:?}");
            assert!(lost[0].to_string().contains("CW0007"), "{}", lost[0]);
            let mut statuses = [w.status(&a).await, w.status(&b).await];
            statuses.sort();
            assert_eq!(statuses, ["failed", "ready"]);
            w.end(&[&a, &b]).await;
        }
    });
}

#[test]
fn dep_14_replicas_are_clamped_and_thresholds_copied() {
    testbed::scenario!("DEP-14");
    testbed::run(async {
        #[derive(FromQueryResult, Debug, PartialEq)]
        struct Row {
            min: u32,
            max: u32,
            cpu: Option<u8>,
            memory: Option<u8>,
        }
        let w = World::with(3, |f| {
            f.policy(
                1,
                Autoscaling {
                    cpu_threshold: Some(70),
                    ..Autoscaling::replicas(0, 4)
                },
            )
            .policy(
                2,
                Autoscaling {
                    memory_threshold: Some(55),
                    ..Autoscaling::replicas(3, 1)
                },
            )
        })
        .await;
        let id = w.deploy_production().await;
        let mut found = Vec::new();
        for region in &w.app.regions {
            let sql = "SELECT autoscaling_replicas_min AS min, autoscaling_replicas_max AS max, autoscaling_threshold_cpu AS cpu,
                       autoscaling_threshold_memory AS memory FROM deployment_topology WHERE deployment_id = ? AND region_id = ?";
            found.extend(
                rows::<Row, 2>(
                    &w.bound.db,
                    sql,
                    [id.as_str().into(), region.id.as_str().into()],
                )
                .await,
            );
        }
        assert_eq!(
            found,
            [
                Row {
                    min: 1,
                    max: 1,
                    cpu: None,
                    memory: None
                },
                Row {
                    min: 1,
                    max: 4,
                    cpu: Some(70),
                    memory: None
                },
                Row {
                    min: 3,
                    max: 3,
                    cpu: None,
                    memory: Some(55)
                },
            ]
        );
        w.end(&[&id]).await;
    });
}

async fn set_max(w: &World, max: i32) {
    let sql = "UPDATE horizontal_autoscaling_policies SET replicas_max = ? WHERE workspace_id = ?";
    assert_eq!(
        execute(
            &w.bound.db,
            sql,
            [max.into(), w.app.workspace_id.as_str().into()]
        )
        .await,
        2,
        "production and preview"
    );
}
