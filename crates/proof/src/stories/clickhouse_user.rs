//! ClickhouseUserService.

use futures::FutureExt as _;
use serde_json::json;

use super::{BASE, expect};
use crate::scene::Request;
use crate::{Lane, Scene, Sections, Story};

pub(super) fn stories() -> Vec<Story> {
    let base = Story {
        service: clickhouse_user_client::SERVICE,
        handler: "ConfigureUser",
        // what was stored or granted before a failure stays: the next call goes on from there
        may_change: &["settings", "clickhouse"],
        sections: |lane, scene| sections(lane, scene).boxed(),
        holds: |lane, scene| holds(lane, scene).boxed(),
        ..BASE
    };
    vec![
        Story {
            name: "configure-user",
            prepare: |lane| workspace(lane).boxed(),
            ..base
        },
        Story {
            name: "configure-user-again",
            prepare: |lane| known(lane).boxed(),
            ..base
        },
    ]
}

/// A workspace that keeps its logs for 30 days and has no user.
async fn workspace(lane: &Lane) -> Scene {
    let mut scene = lane.scene(1, |f| f).await;
    let workspace = scene.app.workspace_id.clone();
    let sql = "UPDATE quota SET logs_retention_days = 30 WHERE workspace_id = ?";
    lane.execute(sql, &[&workspace]).await;
    scene.request = Request {
        service: clickhouse_user_client::SERVICE,
        key: workspace,
        handler: "ConfigureUser",
        body: json!({ "maxQueriesPerWindow": 500 }),
    };
    scene
}

/// The same with a user that has other limits and one right too many.
async fn known(lane: &Lane) -> Scene {
    let mut scene = workspace(lane).await;
    scene.request.body = json!({});
    lane.call(&scene.request).await;
    let grant = format!(
        "GRANT SELECT ON default.ratelimits_raw_v2 TO `{}`",
        scene.app.workspace_id
    );
    lane.outside
        .clickhouse
        .query(&grant)
        .await
        .expect("granted");
    scene.request.body = json!({ "maxQueriesPerWindow": 500 });
    scene
}

async fn sections(lane: &Lane, scene: &Scene) -> Result<Sections, String> {
    let workspace = &scene.app.workspace_id;
    let sql = "SELECT CONCAT_WS(' ', username, quota_duration_seconds, max_queries_per_window, max_execution_time_per_window,
               max_query_execution_time, max_query_memory_bytes, max_query_result_rows) AS t
               FROM clickhouse_workspace_settings WHERE workspace_id = ?";
    let settings = lane.texts(sql, &[workspace]).await;
    let mut clickhouse = Vec::new();
    for sql in [
        format!(
            "SELECT concat('right ', access_type, ' ', database, '.', table) FROM system.grants WHERE user_name = '{workspace}'"
        ),
        format!(
            "SELECT concat('policy ', table, ' ', select_filter) FROM system.row_policies WHERE short_name = 'workspace_{workspace}_rls'"
        ),
        format!(
            "SELECT concat('quota ', toString(max_queries)) FROM system.quota_limits WHERE quota_name = 'workspace_{workspace}_quota'"
        ),
        format!(
            "SELECT concat('setting ', setting_name, ' ', value) FROM system.settings_profile_elements WHERE profile_name = 'workspace_{workspace}_profile'"
        ),
    ] {
        let rows = lane.outside.clickhouse.query(&sql).await?;
        clickhouse.extend(rows.lines().map(str::to_owned));
    }
    Ok(vec![("settings", settings), ("clickhouse", clickhouse)])
}

/// The stored password is the one that works, and the user has exactly its five tables.
async fn holds(lane: &Lane, scene: &Scene) -> Result<usize, String> {
    let workspace = &scene.app.workspace_id;
    let sql =
        "SELECT password_encrypted AS t FROM clickhouse_workspace_settings WHERE workspace_id = ?";
    let sealed = lane.texts(sql, &[workspace]).await;
    let sealed = sealed.first().ok_or("no settings")?;
    let opened = lane
        .outside
        .vault_client()?
        .decrypt(workspace, sealed)
        .await;
    let password = opened.map_err(|e| e.to_string())?;
    let clickhouse = lane.outside.clickhouse;
    let ask = |sql: &'static str| clickhouse.query_as(workspace, password.expose(), sql, &[]);
    let me = ask("SELECT currentUser()").await?;
    let rights = ask("SELECT count() FROM default.key_verifications_per_day_v3")
        .await
        .map(|_| ());
    let others = ask("SELECT count() FROM default.ratelimits_raw_v2")
        .await
        .map(|_| ());
    expect(
        vec![me.trim().to_owned()],
        std::slice::from_ref(workspace),
        "the login",
    )?;
    expect(
        vec![rights.is_ok(), others.is_ok()],
        &[true, false],
        "what it may read",
    )?;
    Ok(2)
}
