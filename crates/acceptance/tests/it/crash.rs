//! Crashes at a chosen point: the effect has happened, the record of it is lost, the handler runs again.

use crate::world::{Isolated, World, number};
use edge_sim::Behaviour;
use faults::{Cut, StreamProxy};
use intent::NewDeployment;
use std::collections::BTreeSet;
use std::time::Duration;

const DEPLOY: &str = "hydra.v1.DeployService";
const ROUTING: &str = "hydra.v1.RoutingService";
const SHA: &str = "0123456789abcdef0123456789abcdef01234567";

/// A world whose services are reached through the proxy.
async fn behind_proxy(label: &str) -> (Isolated, StreamProxy) {
    let database = testbed::migrated_database(label).await;
    let db = mysql::Db::connect(&mysql::Options::new(database.dsn))
        .await
        .expect("connect");
    let mut isolated = Isolated::new(db.clone()).await;
    isolated.served = None;
    let proxy = faults::serve_behind_on(
        &isolated.restate,
        crate::world::endpoint(&db, &isolated.deps),
    )
    .await;
    (isolated, proxy)
}

async fn production(w: &World) -> String {
    w.create(&NewDeployment::production(&w.app.app_id).git("main", SHA))
        .await
}

/// Everything a deployment leaves behind, with its own id written as `<id>`.
async fn world_after(
    w: &World,
    id: &str,
) -> (
    Vec<(String, String)>,
    BTreeSet<(String, String, bool)>,
    [i64; 3],
) {
    let id_in_names = id.replace('_', "-").to_ascii_lowercase();
    let topology = w
        .topology(id)
        .await
        .into_iter()
        .map(|t| (t.0, t.1))
        .collect();
    let routes = w
        .routes()
        .await
        .into_iter()
        .filter(|(_, (_, target))| target == id)
        .map(|(host, (sticky, target))| {
            // The commit name carries four digits derived from the id.
            let host = host.replace(&id_in_names, "<id>");
            let host = if sticky == "none" {
                host.split("-git-").next().unwrap_or_default().to_owned()
            } else {
                host
            };
            (host, sticky, target == id)
        })
        .collect();
    let count = |table: &str| format!("SELECT COUNT(*) AS n FROM {table} WHERE deployment_id = ?");
    let db = &w.bound.db;
    let counts = [
        number(db, &count("cilium_network_policies"), [id.into()]).await,
        number(db, &count("deployment_steps"), [id.into()]).await,
        number(
            db,
            "SELECT COUNT(*) AS n FROM sentinels WHERE environment_id = ?",
            [w.app.production_environment_id.as_str().into()],
        )
        .await,
    ];
    (topology, routes, counts)
}

#[test]
fn dep_18_topology_committed_but_not_recorded_is_found_again_with_the_same_versions() {
    testbed::scenario!("DEP-18");
    testbed::run(async {
        let (i, proxy) = behind_proxy("dep18").await;
        let w = i.world(2).await;
        let id = production(&w).await;
        let db = w.bound.db.clone();
        let sql = "SELECT CAST(SUM(version) AS SIGNED) AS n FROM deployment_topology WHERE deployment_id = ? HAVING COUNT(*) = 2";
        let at_the_cut = std::sync::Arc::new(std::sync::Mutex::new(0));
        let (seen, asked) = (at_the_cut.clone(), id.clone());
        let cut = proxy.cut(
            Cut::run_result(DEPLOY, "Deploy", "provision")
                .of_key(w.key())
                .doing(move |_| {
                    let (db, seen, asked) = (db.clone(), seen.clone(), asked.clone());
                    async move {
                        *seen.lock().unwrap() = number(&db, sql, [asked.as_str().into()]).await;
                    }
                }),
        );
        w.deploy(&id, "nginx:1").await.expect("deploy");
        cut.wait(Duration::from_secs(1))
            .await
            .expect("the answer of the step was lost");
        let committed = *at_the_cut.lock().unwrap();
        assert!(committed > 0, "the rows were committed before the crash");
        assert_eq!(
            number(&w.bound.db, sql, [id.as_str().into()]).await,
            committed,
            "the same rows, the same versions"
        );
        assert_eq!(w.status(&id).await, "ready");
    });
}

#[test]
fn dep_19_a_crash_while_routes_are_made_leaves_the_same_names_and_no_second_row() {
    testbed::scenario!("DEP-19");
    testbed::run(async {
        let (i, proxy) = behind_proxy("dep19").await;
        let w = i.world(1).await;
        let plain = production(&w).await;
        w.deploy(&plain, "nginx:1").await.expect("deploy");
        let routes = w.routes().await.len();
        for step in ["upsert", "finish"] {
            let id = production(&w).await;
            let handler = if step == "upsert" {
                "UpsertRoutes"
            } else {
                "FinishDeployment"
            };
            let cut = proxy.cut(Cut::run_result(ROUTING, handler, step).of_key(&w.app.project_id));
            w.deploy(&id, "nginx:1").await.expect("deploy");
            let at = cut
                .wait(Duration::from_secs(1))
                .await
                .expect("the answer of the step was lost");
            assert_eq!(at.name, step);
            assert_eq!(w.status(&id).await, "ready");
            assert_eq!(w.pointer().await.0, Some(id.clone()));
            let own = w
                .routes()
                .await
                .into_iter()
                .filter(|(_, (_, target))| *target == id)
                .count();
            assert_eq!(own, 5, "commit, branch, environment, live, deployment");
        }
        // Each further deployment of the commit adds its commit and deployment names, nothing twice.
        assert_eq!(w.routes().await.len(), routes + 2 * 2);
    });
}

#[test]
fn a_lost_answer_at_any_step_changes_nothing_about_the_end() {
    testbed::run(async {
        let (i, proxy) = behind_proxy("lost").await;
        let w = i.world(2).await;
        // Slow enough that the first look never finds the deployment ready.
        (0..2).for_each(|r| w.behave(r, Behaviour::ready_after(Duration::from_secs(1))));
        let before = production(&w).await;
        w.deploy(&before, "nginx:1").await.expect("deploy");
        let plain = production(&w).await;
        w.deploy(&plain, "nginx:1").await.expect("deploy");
        let expected = world_after(&w, &plain).await;
        assert_eq!(
            (expected.0.len(), expected.1.len(), expected.2),
            (2, 5, [4, 5, 2]),
            "{expected:?}"
        );
        for step in [
            "claim",
            "resolve image",
            "provision",
            "await instances",
            "check instances",
            "begin finalizing",
        ] {
            let id = production(&w).await;
            let cut = proxy.cut(Cut::run_result(DEPLOY, "Deploy", step).of_key(w.key()));
            w.deploy(&id, "nginx:1")
                .await
                .unwrap_or_else(|e| panic!("{step}: {e}"));
            cut.wait(Duration::from_secs(1))
                .await
                .unwrap_or_else(|| panic!("{step} was not cut"));
            assert_eq!(w.status(&id).await, "ready", "{step}");
            assert_eq!(w.pointer().await.0, Some(id.clone()), "{step}");
            assert_eq!(world_after(&w, &id).await, expected, "{step}");
        }
    });
}
