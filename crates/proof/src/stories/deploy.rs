//! DeployService: bringing up, moving traffic, waking, putting to sleep.

use futures::FutureExt as _;
use futures::future::BoxFuture;
use intent::NewDeployment;

use crate::lane::{DEPLOY, deploy};
use crate::{Lane, Scene, Story, Undo};

pub(super) fn stories() -> Vec<Story> {
    let story = Story {
        name: "deploy",
        service: DEPLOY,
        handler: "Deploy",
        fails_with: None,
        undo: Undo::Failed,
        own_commands_only: false,
        prepare: over_a_live_one,
        holds: subject_is_live,
    };
    vec![story]
}

/// A second production deployment; the one before is live.
fn over_a_live_one(lane: &Lane) -> BoxFuture<'_, Scene> {
    async move {
        let mut scene = lane.scene(2, |f| f).await;
        intent::connect_repository(&lane.db, &scene.app, 4711, 99, "acme/api")
            .await
            .expect("connected");
        lane.deployed(&mut scene, "<live>").await;
        let new = NewDeployment::production(&scene.app.app_id);
        let id = lane.row(&mut scene, "<subject>", new).await;
        scene.request = deploy(&scene.app.workspace_id, &id);
        scene.late = Some(id);
        scene
    }
    .boxed()
}

fn subject_is_live<'a>(lane: &'a Lane, scene: &'a Scene) -> BoxFuture<'a, Result<usize, String>> {
    async move {
        let sql = "SELECT current_deployment_id AS t FROM apps WHERE id = ?";
        let live = lane.texts(sql, &[&scene.app.app_id]).await;
        if live != [scene.id("<subject>")] {
            return Err(format!("{live:?} is live"));
        }
        Ok(1)
    }
    .boxed()
}
