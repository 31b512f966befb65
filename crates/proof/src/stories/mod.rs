//! The stories, one file a service.

mod builds;
mod certificate;
mod clickhouse_user;
mod cron;
mod deletes;
mod deploy;
mod deployment;
mod domain;
mod git;
mod github;
mod key_last_used;
mod openapi;
mod quota;
mod refill;
mod routing;
mod scheduler;
mod traffic;
mod versioning;
mod webhook;

use futures::FutureExt as _;
use futures::future::BoxFuture;

use crate::{Lane, Scene, Sections, Story, Undo};

/// Every story, the longest first: lanes end at about the same time.
pub fn all() -> Vec<Story> {
    [
        deploy::stories(),
        git::stories(),
        webhook::stories(),
        traffic::stories(),
        deployment::stories(),
        builds::stories(),
        github::stories(),
        domain::stories(),
        certificate::stories(),
        routing::stories(),
        refill::stories(),
        quota::stories(),
        scheduler::stories(),
        cron::stories(),
        clickhouse_user::stories(),
        key_last_used::stories(),
        deletes::stories(),
        openapi::stories(),
        versioning::stories(),
    ]
    .concat()
}

/// What most stories have in common.
const BASE: Story = Story {
    name: "",
    service: "",
    handler: "",
    fails_with: None,
    undo: Undo::Before,
    may_change: &[],
    one_way: &[],
    dispensable: &[],
    keyless: &[],
    sections: nothing_else,
    authority: false,
    own_commands_only: false,
    prepare: nowhere,
    holds: nothing_more,
};

fn nowhere(lane: &Lane) -> BoxFuture<'_, Scene> {
    lane.scene(1, |f| f).boxed()
}

fn nothing_else<'a>(_: &'a Lane, _: &'a Scene) -> BoxFuture<'a, Result<Sections, String>> {
    async { Ok(Vec::new()) }.boxed()
}

fn nothing_more<'a>(_: &'a Lane, _: &'a Scene) -> BoxFuture<'a, Result<usize, String>> {
    async { Ok(0) }.boxed()
}

/// Lowers the workspace's quota to what its deployments take already.
async fn fill_quota(lane: &Lane, scene: &Scene) {
    let sql = "UPDATE quota q JOIN (
                 SELECT SUM(d.cpu_millicores * t.autoscaling_replicas_max) AS cpu, SUM(d.memory_mib * t.autoscaling_replicas_max) AS memory
                 FROM deployment_topology t JOIN deployments d ON d.id = t.deployment_id
                 WHERE t.workspace_id = ? AND t.desired_status = 'running') used
               SET q.allocated_cpu_millicores_total = used.cpu, q.allocated_memory_mib_total = used.memory WHERE q.workspace_id = ?";
    let workspace = scene.app.workspace_id.as_str();
    lane.execute(sql, &[workspace, workspace]).await;
}

/// Whether the deployment with this role is the app's live one, frozen or not.
async fn is_live(lane: &Lane, scene: &Scene, role: &str, frozen: bool) -> Result<usize, String> {
    let sql =
        "SELECT CONCAT_WS(' ', current_deployment_id, is_rolled_back) AS t FROM apps WHERE id = ?";
    let found = lane.texts(sql, &[&scene.app.app_id]).await;
    expect(
        found,
        &[format!("{} {}", scene.id(role), u8::from(frozen))],
        "the live deployment",
    )
}

/// Whether a deployment has this status and desired state.
async fn is(lane: &Lane, scene: &Scene, role: &str, wanted: &str) -> Result<usize, String> {
    // the edge writes `stopped` some time after the instances are gone
    let sql = "SELECT CONCAT_WS(' ', IF(desired_state <> 'running' AND status IN ('ready', 'stopped'), 'asleep', status), desired_state) AS t
               FROM deployments WHERE id = ?";
    let found = lane.texts(sql, &[scene.id(role)]).await;
    expect(found, &[wanted.to_owned()], role)
}

/// Whether a change of the deployment's state is scheduled.
async fn is_scheduled(
    lane: &Lane,
    scene: &Scene,
    role: &str,
    wanted: bool,
) -> Result<usize, String> {
    let sql = format!(
        "SELECT service_key FROM state WHERE service_name = 'hydra.v1.DeploymentService' AND service_key = {}",
        restate_api::quoted(scene.id(role))
    );
    let rows = lane.admin().query(&sql).await.map_err(|e| e.to_string())?;
    expect(
        vec![rows.len()],
        &[usize::from(wanted)],
        &format!("schedules of {role}"),
    )
}

fn expect<T: PartialEq + std::fmt::Debug>(
    found: Vec<T>,
    wanted: &[T],
    what: &str,
) -> Result<usize, String> {
    if found == wanted {
        Ok(1)
    } else {
        Err(format!("{what}: {found:?} instead of {wanted:?}"))
    }
}
