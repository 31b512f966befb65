//! Deletes of projects, apps and environments: forward only. What fails leaves things half gone, and asking again
//! goes on; nothing is taken back. The lane's pauses are so long that a play is over before a second round.

use futures::FutureExt as _;
use futures::future::BoxFuture;
use intent::NewDeployment;
use serde_json::json;

use super::{BASE, expect};
use crate::build_side::{INSTALLATION, REPOSITORY, REPOSITORY_ID};
use crate::scene::Request;
use crate::{Lane, Scene, Sections, Story};

const PROJECT: &str = "hydra.v1.ProjectService";
const APP: &str = "hydra.v1.AppService";
const ENVIRONMENT: &str = "hydra.v1.EnvironmentService";

/// A delete that failed may have come to any point.
const HALF_GONE: &[&str] = &[
    "app",
    "deployments",
    "steps",
    "topology",
    "versions",
    "policies",
    "sentinels",
    "routes",
    "runs",
    "waits",
    "sources",
    "state",
    "counters",
    "owners",
    "settings",
];

pub(super) fn stories() -> Vec<Story> {
    let base = Story {
        handler: "Delete",
        may_change: HALF_GONE,
        sections: rows,
        ..BASE
    };
    vec![
        Story {
            name: "delete-environment-live",
            service: ENVIRONMENT,
            prepare: |lane| live(lane).boxed(),
            holds: |lane, scene| told_to_stop(lane, scene).boxed(),
            ..base
        },
        Story {
            name: "delete-environment",
            service: ENVIRONMENT,
            prepare: |lane| asleep(lane).boxed(),
            holds: |lane, scene| environments(lane, scene, 1).boxed(),
            ..base
        },
        Story {
            name: "delete-app",
            service: APP,
            one_way: &[ENVIRONMENT],
            prepare: |lane| of(lane, APP).boxed(),
            holds: |lane, scene| environments(lane, scene, 0).boxed(),
            ..base
        },
        Story {
            name: "delete-project",
            service: PROJECT,
            one_way: &[APP, ENVIRONMENT],
            prepare: |lane| of(lane, PROJECT).boxed(),
            holds: |lane, scene| environments(lane, scene, 0).boxed(),
            ..base
        },
    ]
}

fn request(service: &'static str, key: &str) -> Request {
    Request {
        service,
        key: key.to_owned(),
        handler: "Delete",
        body: json!({}),
    }
}

/// A deployment that never ran, and a variable.
async fn quiet(lane: &Lane) -> Scene {
    let mut scene = lane.scene(1, |f| f).await;
    let new = NewDeployment::preview(&scene.app.app_id).status("failed");
    lane.row(&mut scene, "<subject>", new).await;
    let environment = scene.app.preview_environment_id.clone();
    intent::add_environment_variable(&lane.db, &scene.app, &environment, "NAME", "v")
        .await
        .expect("a variable");
    scene
}

/// Nothing runs, so that the first round is the last.
async fn asleep(lane: &Lane) -> Scene {
    let mut scene = quiet(lane).await;
    scene.request = request(ENVIRONMENT, &scene.app.preview_environment_id);
    scene
}

async fn of(lane: &Lane, service: &'static str) -> Scene {
    let mut scene = quiet(lane).await;
    intent::connect_repository(
        &lane.db,
        &scene.app,
        INSTALLATION,
        REPOSITORY_ID,
        REPOSITORY,
    )
    .await
    .expect("connected");
    let key = match service {
        APP => scene.app.app_id.clone(),
        _ => scene.app.project_id.clone(),
    };
    scene.request = request(service, &key);
    scene
}

/// Production is live: the first round takes its traffic and tells the edge.
async fn live(lane: &Lane) -> Scene {
    let mut scene = lane.scene(2, |f| f).await;
    lane.deployed(&mut scene, "<live>").await;
    scene.request = request(ENVIRONMENT, &scene.app.production_environment_id);
    scene
}

/// Owners that are left, and the settings of the environments.
fn rows<'a>(lane: &'a Lane, scene: &'a Scene) -> BoxFuture<'a, Result<Sections, String>> {
    async move {
        let project = scene.app.project_id.as_str();
        let mut owners = Vec::new();
        for sql in [
            "SELECT CONCAT('project ', id) AS t FROM projects WHERE id = ?",
            "SELECT CONCAT('app ', id) AS t FROM apps WHERE project_id = ?",
            "SELECT CONCAT('environment ', id) AS t FROM environments WHERE project_id = ?",
            "SELECT CONCAT('connection ', app_id) AS t FROM github_repo_connections WHERE project_id = ?",
            "SELECT CONCAT('audit ', g.type, ' ', g.id) AS t FROM audit_log_target g WHERE g.workspace_id = (SELECT workspace_id FROM projects WHERE id = ?)",
        ] {
            owners.extend(lane.texts(sql, &[project]).await);
        }
        let mut settings = Vec::new();
        for table in ["app_environment_variables", "app_regional_settings", "app_runtime_settings", "app_build_settings"] {
            let sql = format!("SELECT CONCAT('{table} ', environment_id) AS t FROM {table} WHERE app_id = ?");
            settings.extend(lane.texts(&sql, &[&scene.app.app_id]).await);
        }
        Ok(vec![("owners", owners), ("settings", settings)])
    }
    .boxed()
}

/// So many environments are left.
async fn environments(lane: &Lane, scene: &Scene, left: usize) -> Result<usize, String> {
    let sql = "SELECT id AS t FROM environments WHERE app_id = ?";
    let found = lane.texts(sql, &[&scene.app.app_id]).await;
    expect(vec![found.len()], &[left], "environments")
}

/// No traffic, no pointer, everything told to stop, and the rows still there for the edge.
async fn told_to_stop(lane: &Lane, scene: &Scene) -> Result<usize, String> {
    let production = scene.app.production_environment_id.as_str();
    let routes = "SELECT id AS t FROM frontline_routes WHERE environment_id = ?";
    let pointer = "SELECT id AS t FROM apps WHERE id = ? AND current_deployment_id IS NULL";
    let topology =
        "SELECT CAST(desired_status AS CHAR) AS t FROM deployment_topology WHERE deployment_id = ?";
    let sentinels =
        "SELECT CAST(desired_state AS CHAR) AS t FROM sentinels WHERE environment_id = ?";
    let two = |state: &str| [state.to_owned(), state.to_owned()];
    Ok(
        expect(lane.texts(routes, &[production]).await, &[], "routes")?
            + expect(
                lane.texts(pointer, &[&scene.app.app_id]).await,
                std::slice::from_ref(&scene.app.app_id),
                "apps without a pointer",
            )?
            + expect(
                lane.texts(topology, &[scene.id("<live>")]).await,
                &two("stopped"),
                "topology",
            )?
            + expect(
                lane.texts(sentinels, &[production]).await,
                &two("archived"),
                "sentinels",
            )?,
    )
}
