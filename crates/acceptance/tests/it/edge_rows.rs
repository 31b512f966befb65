//! What the edge gets besides the topology: sentinels and network policies.

use crate::world::{World, number, rows, text};
use edge_sim::Behaviour;
use intent::NewDeployment;
use sea_orm::FromQueryResult;

#[test]
fn dep_20_an_environment_gets_one_sentinel_per_region_once() {
    testbed::scenario!("DEP-20");
    testbed::run(async {
        #[derive(FromQueryResult, Debug, PartialEq, Clone)]
        struct Sentinel {
            id: String,
            k8s_name: String,
            k8s_address: String,
            image: String,
            desired_replicas: i32,
            cpu_millicores: i32,
            memory_mib: i32,
        }
        let w = World::new(2).await;
        let of = async |environment: &str| {
            let sql = "SELECT id, k8s_name, k8s_address, image, desired_replicas, cpu_millicores, memory_mib FROM sentinels WHERE environment_id = ? ORDER BY id";
            rows::<Sentinel, 1>(&w.bound.db, sql, [environment.into()]).await
        };
        // Two first deployments of the environment at once: each region still gets exactly one.
        let (a, b) = (
            w.create(&NewDeployment::production(&w.app.app_id)).await,
            w.create(&NewDeployment::production(&w.app.app_id)).await,
        );
        let (ra, rb) = tokio::join!(w.deploy(&a, "nginx:1"), w.deploy(&b, "nginx:1"));
        ra.expect("a");
        rb.expect("b");
        let production = of(&w.app.production_environment_id).await;
        assert_eq!(production.len(), 2);
        for s in &production {
            assert_eq!(
                (s.desired_replicas, s.cpu_millicores, s.memory_mib),
                (3, 250, 256)
            );
            assert_eq!(
                s.k8s_address,
                format!("{}.sentinel.svc.cluster.local:8040", s.k8s_name)
            );
            assert_eq!(
                (s.k8s_name.len(), s.image.as_str()),
                (8, "ghcr.io/unkeyed/unkey:test")
            );
        }
        let c = w.deploy_production().await;
        assert_eq!(
            of(&w.app.production_environment_id).await,
            production,
            "a later deployment creates and changes none"
        );
        let d = w.create(&NewDeployment::preview(&w.app.app_id)).await;
        w.deploy(&d, "nginx:1").await.expect("preview");
        let preview = of(&w.app.preview_environment_id).await;
        assert_eq!(
            preview
                .iter()
                .map(|s| s.desired_replicas)
                .collect::<Vec<_>>(),
            [1, 1]
        );
        w.end(&[&a, &b, &c, &d]).await;
    });
}

#[test]
fn a_deployment_waits_for_the_sentinel_it_created_and_for_no_other() {
    testbed::run(async {
        let w = World::new(1).await;
        w.behave(
            0,
            Behaviour {
                sentinel_unhealthy: true,
                ..Behaviour::ready_after(std::time::Duration::ZERO)
            },
        );
        let first = w.create(&NewDeployment::production(&w.app.app_id)).await;
        let error = w
            .deploy(&first, "nginx:1")
            .await
            .expect_err("its gateway never gets healthy");
        assert!(
            error.to_string().contains("gateway is not healthy"),
            "{error}"
        );
        let second = w.deploy_production().await;
        assert_eq!(
            w.status(&second).await,
            "ready",
            "the gateway exists already and is not looked at"
        );
        w.end(&[&first, &second]).await;
    });
}

#[test]
fn dep_21_two_policies_per_region_with_the_names_of_the_contract() {
    testbed::scenario!("DEP-21");
    testbed::run(async {
        #[derive(FromQueryResult, Debug)]
        struct Policy {
            id: String,
            k8s_name: String,
            k8s_namespace: String,
            policy: String,
        }
        let w = World::new(2).await;
        let id = w
            .create(&NewDeployment {
                port: Some(9_099),
                ..NewDeployment::production(&w.app.app_id)
            })
            .await;
        w.deploy(&id, "nginx:1").await.expect("deploy");
        let name = text(
            &w.bound.db,
            "SELECT k8s_name AS t FROM deployments WHERE id = ?",
            [id.as_str().into()],
        )
        .await;
        let namespace = text(
            &w.bound.db,
            "SELECT k8s_namespace AS t FROM workspaces WHERE id = ?",
            [w.app.workspace_id.as_str().into()],
        )
        .await;
        let sql = "SELECT id, k8s_name, k8s_namespace, CAST(policy AS CHAR) AS policy FROM cilium_network_policies WHERE deployment_id = ? ORDER BY region_id, k8s_name";
        let found: Vec<Policy> = rows(&w.bound.db, sql, [id.as_str().into()]).await;
        assert_eq!(found.len(), 4);
        for pair in found.chunks(2) {
            assert_eq!(
                (pair[0].k8s_name.as_str(), pair[0].k8s_namespace.as_str()),
                (format!("sentinel-egress-to-{name}").as_str(), "sentinel")
            );
            assert_eq!(
                (pair[1].k8s_name.as_str(), pair[1].k8s_namespace.as_str()),
                (
                    format!("sentinel-ingress-to-{name}").as_str(),
                    namespace.as_str()
                )
            );
            for (row, direction) in [(&pair[0], "egress"), (&pair[1], "ingress")] {
                let policy: serde_json::Value = serde_json::from_str(&row.policy).expect("json");
                assert_eq!(
                    policy["spec"][direction][0]["toPorts"][0]["ports"][0]["port"],
                    "9099"
                );
                assert_eq!(
                    policy["metadata"]["labels"]["unkey.com/networkpolicy.id"],
                    row.id.as_str()
                );
            }
        }
        // Sending Deploy again writes nothing: neither rows nor versions.
        let versions = "SELECT CAST(SUM(version) AS SIGNED) AS n FROM cilium_network_policies WHERE deployment_id = ?";
        let before = number(&w.bound.db, versions, [id.as_str().into()]).await;
        w.deploy(&id, "nginx:1").await.expect("no-op");
        assert_eq!(
            number(&w.bound.db, versions, [id.as_str().into()]).await,
            before
        );
        w.end(&[&id]).await;
    });
}
