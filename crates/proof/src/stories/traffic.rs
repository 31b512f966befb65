//! Moving traffic between deployments that are there: `Promote`, `Rollback`, `WakeDeployment`, and the idle sweep.

use futures::FutureExt as _;
use intent::NewDeployment;
use serde_json::{Value, json};

use super::{BASE, is, is_live, is_scheduled};
use crate::lane::{DEPLOY, DEPLOYMENT, deploy, patience};
use crate::scene::Request;
use crate::{Lane, Scene, Story};

pub(super) fn stories() -> Vec<Story> {
    let base = Story {
        service: DEPLOY,
        ..BASE
    };
    vec![
        Story {
            name: "promote",
            handler: "Promote",
            prepare: |lane| promote(lane, false).boxed(),
            holds: |lane, scene| promoted(lane, scene).boxed(),
            ..base
        },
        Story {
            name: "promote-back",
            handler: "Promote",
            prepare: |lane| promote_back(lane).boxed(),
            holds: |lane, scene| demoted_again(lane, scene).boxed(),
            ..base
        },
        Story {
            name: "promote-asleep",
            handler: "Promote",
            prepare: |lane| promote(lane, true).boxed(),
            holds: |lane, scene| promoted(lane, scene).boxed(),
            ..base
        },
        Story {
            name: "rollback",
            handler: "Rollback",
            prepare: |lane| rollback(lane, false).boxed(),
            holds: |lane, scene| rolled_back(lane, scene).boxed(),
            ..base
        },
        Story {
            name: "rollback-asleep",
            handler: "Rollback",
            prepare: |lane| rollback(lane, true).boxed(),
            holds: |lane, scene| rolled_back(lane, scene).boxed(),
            ..base
        },
        Story {
            name: "confirm-rollback",
            handler: "Promote",
            prepare: |lane| confirm(lane).boxed(),
            holds: |lane, scene| confirmed(lane, scene).boxed(),
            ..base
        },
        Story {
            name: "wake",
            handler: "WakeDeployment",
            prepare: |lane| wake(lane).boxed(),
            holds: |lane, scene| is(lane, scene, "<older>", "ready running").boxed(),
            ..base
        },
        Story {
            name: "wake-over-quota",
            handler: "WakeDeployment",
            fails_with: Some(409),
            prepare: |lane| without_room(lane, false).boxed(),
            holds: |lane, scene| sleeps_on(lane, scene).boxed(),
            ..base
        },
        Story {
            name: "rollback-over-quota",
            handler: "Rollback",
            fails_with: Some(409),
            prepare: |lane| without_room(lane, true).boxed(),
            holds: |lane, scene| sleeps_on(lane, scene).boxed(),
            ..base
        },
        Story {
            name: "scale-down-idle",
            handler: "ScaleDownIdlePreviewDeployments",
            prepare: |lane| idle_preview(lane).boxed(),
            holds: |lane, scene| is(lane, scene, "<preview one>", "asleep standby").boxed(),
            ..base
        },
    ]
}

/// Two production deployments, the second live; the first is to sleep later, or sleeps already.
async fn two(lane: &Lane, asleep: bool) -> Scene {
    let mut scene = lane.scene(1, |f| f).await;
    let older = lane.deployed(&mut scene, "<older>").await;
    lane.deployed(&mut scene, "<live>").await;
    if asleep {
        lane.call(&standby(&older, 0)).await;
        lane.quiet(None).await.expect("it is told to sleep");
        testbed::eventually(patience(), || async {
            let sql = "SELECT status AS t FROM deployments WHERE id = ?";
            let status = lane.texts(sql, &[&older]).await.concat();
            (status == "stopped").then_some(()).ok_or(status)
        })
        .await;
        scene.late = Some(older);
    }
    scene
}

pub(super) fn standby(id: &str, delay_millis: i64) -> Request {
    Request {
        service: DEPLOYMENT,
        key: id.to_owned(),
        handler: "ScheduleDesiredStateChange",
        body: json!({ "delayMillis": delay_millis, "state": "DEPLOYMENT_DESIRED_STATE_STANDBY" }),
    }
}

fn of_deploy(scene: &Scene, handler: &'static str, body: Value) -> Request {
    Request {
        service: DEPLOY,
        key: scene.app.workspace_id.clone(),
        handler,
        body,
    }
}

async fn promote(lane: &Lane, asleep: bool) -> Scene {
    let mut scene = two(lane, asleep).await;
    let body = json!({ "targetDeploymentId": scene.id("<older>") });
    scene.request = of_deploy(&scene, "Promote", body);
    scene
}

/// The older one was promoted before and is now demoted for the second time.
async fn promote_back(lane: &Lane) -> Scene {
    let mut scene = promote(lane, false).await;
    lane.call(&scene.request).await;
    lane.quiet(None).await.expect("promoted");
    let body = json!({ "targetDeploymentId": scene.id("<live>") });
    scene.request = of_deploy(&scene, "Promote", body);
    scene
}

async fn demoted_again(lane: &Lane, scene: &Scene) -> Result<usize, String> {
    Ok(is_live(lane, scene, "<live>", false).await?
        + is_scheduled(lane, scene, "<live>", false).await?
        + is_scheduled(lane, scene, "<older>", true).await?)
}

async fn rollback(lane: &Lane, asleep: bool) -> Scene {
    let mut scene = two(lane, asleep).await;
    let body = json!({ "sourceDeploymentId": scene.id("<live>"), "targetDeploymentId": scene.id("<older>") });
    scene.request = of_deploy(&scene, "Rollback", body);
    scene
}

/// Rolled back to the older one; promoting it makes that final.
async fn confirm(lane: &Lane) -> Scene {
    let mut scene = rollback(lane, false).await;
    lane.call(&scene.request).await;
    let body = json!({ "targetDeploymentId": scene.id("<older>") });
    scene.request = of_deploy(&scene, "Promote", body);
    scene
}

async fn wake(lane: &Lane) -> Scene {
    let mut scene = two(lane, true).await;
    let body = json!({ "deploymentId": scene.id("<older>") });
    scene.request = of_deploy(&scene, "WakeDeployment", body);
    scene
}

/// The older one sleeps, and the quota is full with the live one.
async fn without_room(lane: &Lane, rolls_back: bool) -> Scene {
    let mut scene = match rolls_back {
        true => rollback(lane, true).await,
        false => wake(lane).await,
    };
    super::fill_quota(lane, &scene).await;
    scene.late = None;
    scene
}

async fn sleeps_on(lane: &Lane, scene: &Scene) -> Result<usize, String> {
    Ok(is_live(lane, scene, "<live>", false).await?
        + is(lane, scene, "<older>", "asleep standby").await?)
}

/// A preview that nobody called since long ago. Previews of other plays are young.
async fn idle_preview(lane: &Lane) -> Scene {
    let mut scene = lane.scene(1, |f| f).await;
    let new = NewDeployment::preview(&scene.app.app_id);
    let id = lane.row(&mut scene, "<preview one>", new).await;
    lane.call(&deploy(&scene.app.workspace_id, &id)).await;
    let now = mysql::now_ms().to_string();
    lane.execute("UPDATE deployments SET created_at = ?", &[&now])
        .await;
    let sql = "UPDATE deployments SET created_at = 1, updated_at = NULL WHERE id = ?";
    lane.execute(sql, &[&id]).await;
    // from this environment on: how many pages there are must not depend on the plays before
    let sql = "SELECT CAST(pk - 1 AS CHAR) AS t FROM environments WHERE id = ?";
    let before = lane
        .texts(sql, &[&scene.app.preview_environment_id])
        .await
        .concat();
    let body = json!({ "afterEnvironment": before });
    scene.request = of_deploy(&scene, "ScaleDownIdlePreviewDeployments", body);
    scene
}

async fn promoted(lane: &Lane, scene: &Scene) -> Result<usize, String> {
    Ok(is_live(lane, scene, "<older>", false).await?
        + is(lane, scene, "<older>", "ready running").await?
        + is_scheduled(lane, scene, "<older>", false).await?
        + is_scheduled(lane, scene, "<live>", true).await?)
}

async fn rolled_back(lane: &Lane, scene: &Scene) -> Result<usize, String> {
    Ok(is_live(lane, scene, "<older>", true).await?
        + is(lane, scene, "<live>", "ready running").await?
        + is_scheduled(lane, scene, "<older>", false).await?
        + is_scheduled(lane, scene, "<live>", false).await?)
}

async fn confirmed(lane: &Lane, scene: &Scene) -> Result<usize, String> {
    Ok(is_live(lane, scene, "<older>", false).await?
        + is_scheduled(lane, scene, "<older>", false).await?
        + is_scheduled(lane, scene, "<live>", true).await?)
}
