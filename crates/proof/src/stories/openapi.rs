//! `ScrapeSpec`: a document of a development cluster's instance, which the harness serves, is stored.
//!
//! Not for what is refused: the crate's own tests have that.

use faults::http::{Script, ScriptedHttp};
use futures::FutureExt as _;
use futures::future::BoxFuture;
use intent::NewDeployment;
use serde_json::json;
use tokio::sync::OnceCell;

use super::{BASE, expect};
use crate::scene::Request;
use crate::{Lane, Scene, Sections, Story};

const DOCUMENT: &str = r#"{"openapi":"3.1.0"}"#;

pub(super) fn stories() -> Vec<Story> {
    vec![Story {
        name: "scrape-spec",
        service: "hydra.v1.OpenapiService",
        handler: "ScrapeSpec",
        sections: specs,
        prepare: |lane| served(lane).boxed(),
        holds: |lane, scene| stored(lane, scene).boxed(),
        ..BASE
    }]
}

/// One server for all plays: a request to it is no effect, so that it may be asked again.
async fn instance() -> &'static str {
    static SERVER: OnceCell<(ScriptedHttp, String)> = OnceCell::const_new();
    let started = SERVER.get_or_init(|| async {
        let server = ScriptedHttp::start(Script::new().answer(200, DOCUMENT))
            .await
            .expect("a port");
        let address = server.url().trim_start_matches("http://").to_owned();
        (server, address)
    });
    &started.await.1
}

async fn served(lane: &Lane) -> Scene {
    let mut scene = lane.scene(1, |f| f).await;
    let new = NewDeployment::preview(&scene.app.app_id).status("ready");
    let id = lane.row(&mut scene, "<subject>", new).await;
    let environment = scene.app.preview_environment_id.clone();
    lane.execute(
        "UPDATE app_runtime_settings SET openapi_spec_path = '/openapi.json' WHERE environment_id = ?",
        &[&environment],
    )
    .await;
    lane.execute(
        "INSERT INTO frontline_routes (id, project_id, app_id, deployment_id, environment_id, fully_qualified_domain_name, sticky, created_at)
         VALUES (CONCAT('flr_', ?), ?, ?, ?, ?, CONCAT(?, '.unkey.local'), 'deployment', 1)",
        &[&id, &scene.app.project_id, &scene.app.app_id, &id, &environment, &id],
    )
    .await;
    lane.execute(
        "INSERT INTO instances (id, deployment_id, workspace_id, project_id, app_id, region_id, k8s_name, address, cpu_millicores, memory_mib, status)
         VALUES (CONCAT('ins_', ?), ?, ?, ?, ?, ?, ?, ?, 1, 1, 'running')",
        &[
            &id,
            &id,
            &scene.app.workspace_id,
            &scene.app.project_id,
            &scene.app.app_id,
            &scene.app.regions[0].id,
            &id,
            instance().await,
        ],
    )
    .await;
    scene.request = Request {
        service: "hydra.v1.OpenapiService",
        key: String::new(),
        handler: "ScrapeSpec",
        body: json!({ "deploymentId": id }),
    };
    scene
}

fn specs<'a>(lane: &'a Lane, scene: &'a Scene) -> BoxFuture<'a, Result<Sections, String>> {
    async move {
        let sql = "SELECT CONCAT_WS(' ', deployment_id, CAST(content AS CHAR)) AS t FROM openapi_specs WHERE workspace_id = ?";
        Ok(vec![("specs", lane.texts(sql, &[&scene.app.workspace_id]).await)])
    }
    .boxed()
}

async fn stored(lane: &Lane, scene: &Scene) -> Result<usize, String> {
    let sql = "SELECT CAST(content AS CHAR) AS t FROM openapi_specs WHERE deployment_id = ?";
    let found = lane.texts(sql, &[scene.id("<subject>")]).await;
    expect(found, &[DOCUMENT.to_owned()], "the stored document")
}
