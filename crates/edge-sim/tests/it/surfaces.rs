//! What the simulated edge shows to the outside: heartbeats, sentinels, the front, the control surface.

use std::time::Duration;

use edge_sim::front::{Answer, lookup};
use edge_sim::{Behaviour, ServeOptions, serve};
use mysql::counter;
use mysql::entity::{clusters, regions, sentinels};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use crate::world::{SOON, World, run};

#[test]
fn the_first_heartbeat_creates_region_and_cluster() {
    testbed::run(async {
        let db = testbed::db().await;
        let name = format!("new-{}", ids::dns_label(8));
        let served = serve(ServeOptions::new(&db, &[&name]))
            .await
            .expect("served");
        let region = testbed::eventually(SOON, || async {
            regions::Entity::find()
                .filter(regions::Column::Name.eq(&name))
                .one(db.primary())
                .await
                .expect("region read")
        })
        .await;
        assert!(region.can_schedule);
        testbed::eventually(SOON, || async {
            clusters::Entity::find()
                .filter(clusters::Column::RegionId.eq(&region.id))
                .one(db.primary())
                .await
                .expect("cluster read")
                .is_some_and(|cluster| cluster.last_heartbeat_at > 0)
        })
        .await;
        drop(served);
    });
}

#[test]
fn a_routed_host_answers_with_the_deployment_once_something_can_answer() {
    testbed::run(async {
        let mut world = World::without_agents(1).await;
        let region = world.app.regions[0].clone();
        let served = serve(ServeOptions::new(&world.db, &[&region.name]))
            .await
            .expect("served");
        let host = format!("{}.example.test", ids::dns_label(10));
        let front = served.front();
        let ask = |host: String| async move {
            let url = format!("http://{front}/");
            let answer = reqwest::Client::new()
                .get(url)
                .header("host", host)
                .send()
                .await
                .expect("answered");
            (answer.status().as_u16(), answer.text().await.expect("text"))
        };
        let (status, body) = ask(host.clone()).await;
        assert_eq!(status, 404, "{body}");
        assert!(body.contains("not configured"), "{body}");

        let id = world.create().await;
        let sql = "INSERT INTO frontline_routes (id, project_id, app_id, deployment_id, environment_id, \
                   fully_qualified_domain_name, sticky, created_at) VALUES (?, ?, ?, ?, ?, ?, 'live', 1)";
        let route = ids::random(ids::Prefix::ROUTE);
        let app = world.app.clone();
        let values = [
            route.into(),
            app.project_id.into(),
            app.app_id.into(),
            id.clone().into(),
            app.production_environment_id.clone().into(),
            host.clone().into(),
        ];
        world.execute(sql, values).await;
        let (status, body) = ask(host.clone()).await;
        assert_eq!(
            (status, body.contains("no instance")),
            (503, true),
            "{body}"
        );

        world.place(&id).await;
        world.until_running(&id, 2).await;
        let (status, body) = ask(host.clone()).await;
        assert_eq!(
            (status, body.contains("no sentinel")),
            (503, true),
            "{body}"
        );

        let sentinel = add_sentinel(&world, &region.id).await;
        testbed::eventually(SOON, || async {
            lookup(&world.db, &host).await.expect("looked up") == Answer::Deployment(id.clone())
        })
        .await;
        let (status, body) = ask(format!("{}:8443", host.to_uppercase())).await;
        assert_eq!((status, body.trim()), (200, id.as_str()));
        assert_eq!(
            health(&world, &sentinel).await,
            (sentinels::Health::Healthy, 3)
        );
        world.agents.clear();
    });
}

#[test]
fn unhealthy_sentinels_are_reported_and_recover() {
    testbed::run(async {
        let world = World::new(
            1,
            Behaviour {
                sentinel_unhealthy: true,
                ..Behaviour::default()
            },
        )
        .await;
        let sentinel = add_sentinel(&world, &world.app.regions[0].id).await;
        let is = |health_wanted| {
            let (world, sentinel) = (&world, &sentinel);
            testbed::eventually(SOON, move || async move {
                health(world, sentinel).await.0 == health_wanted
            })
        };
        is(sentinels::Health::Unhealthy).await;
        world.agents[0].behave(Behaviour::default());
        is(sentinels::Health::Healthy).await;
    });
}

#[test]
fn the_control_surface_changes_a_region_and_shows_it() {
    testbed::run(async {
        let world = World::without_agents(1).await;
        let region = world.app.regions[0].name.clone();
        let mut options = ServeOptions::new(&world.db, &[&region]);
        options.agents[0].poll = Duration::from_millis(10);
        let served = serve(options).await.expect("served");
        let base = format!("http://{}/sim/{region}", served.control());
        let client = reqwest::Client::new();
        let post = |body: &'static str| {
            let request = client.post(format!("{base}/behaviour")).body(body);
            async move { request.send().await.expect("answered").status().as_u16() }
        };
        assert_eq!(post(r#"{"never_ready":true}"#).await, 200);
        let id = world.deploy().await;
        testbed::eventually(SOON, || async { world.instances(&id).await.len() == 2 }).await;

        let state: serde_json::Value = client
            .get(format!("{base}/state"))
            .send()
            .await
            .expect("sent")
            .json()
            .await
            .expect("json");
        assert_eq!(state["workloads"][0]["deployment_id"], id);
        assert_eq!(state["workloads"][0]["pods"][0]["status"], "pending");
        assert_eq!(
            post(r#"{"never_raedy":true}"#).await,
            400,
            "a misspelt knob is refused"
        );
        assert_eq!(post(r#"{"restart_agent":true}"#).await, 200);
        assert_eq!(post("{}").await, 200);
        world.until_running(&id, 2).await;
        let unknown = client
            .get(format!("http://{}/sim/nowhere/state", served.control()))
            .send()
            .await
            .expect("sent");
        assert_eq!(unknown.status().as_u16(), 404);
    });
}

/// A sentinel as the worker writes it; returns its name.
async fn add_sentinel(world: &World, region_id: &str) -> String {
    let name = ids::dns_label(8);
    let tx = world.db.begin().await.expect("begin");
    tx.touch(mysql::Lock::Sentinels);
    let version = counter::next(&tx, region_id).await.expect("version");
    let sql = "INSERT INTO sentinels (id, workspace_id, project_id, environment_id, k8s_name, k8s_address, region_id, \
               image, health, desired_replicas, available_replicas, cpu_millicores, memory_mib, version, created_at) \
               VALUES (?, ?, ?, ?, ?, ?, ?, 'sentinel:1', 'unknown', 3, 0, 250, 256, ?, 1)";
    let app = &world.app;
    let values = vec![
        ids::random(ids::Prefix::SENTINEL).into(),
        app.workspace_id.clone().into(),
        app.project_id.clone().into(),
        app.production_environment_id.clone().into(),
        name.clone().into(),
        format!("{name}.sentinel.svc.cluster.local:8040").into(),
        region_id.into(),
        version.into(),
    ];
    run(&*tx, sql, values).await;
    tx.commit().await.expect("commit");
    name
}

async fn health(world: &World, k8s_name: &str) -> (sentinels::Health, i32) {
    let row = sentinels::Entity::find()
        .filter(sentinels::Column::K8sName.eq(k8s_name))
        .one(world.db.primary())
        .await
        .expect("sentinel read")
        .expect("sentinel exists");
    (row.health, row.available_replicas)
}
