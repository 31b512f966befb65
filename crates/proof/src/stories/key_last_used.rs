//! The last-used sync and its partitions.

use futures::FutureExt as _;
use key_last_used_partition_client::SERVICE as PARTITION;
use key_last_used_sync_client::SERVICE as SYNC;
use serde_json::json;

use super::{BASE, expect};
use crate::scene::Request;
use crate::{Lane, Scene, Sections, Story};

/// So many that every play of a lane can have a partition of its own.
const PARTITIONS: u64 = 1_024;
/// Keys of a partition with fewer digits would be found in other texts.
const LOWEST: u64 = 100;
const DAY: i64 = 24 * 60 * 60 * 1_000;

pub(super) fn stories() -> Vec<Story> {
    let base = Story {
        // rows only move forwards: what a run has written before it failed stays
        may_change: &["keys", "cursor"],
        sections: |lane, scene| sections(lane, scene).boxed(),
        holds: |lane, scene| copied(lane, scene).boxed(),
        ..BASE
    };
    vec![
        Story {
            name: "sync-partition",
            service: PARTITION,
            handler: "SyncPartition",
            prepare: |lane| partition(lane).boxed(),
            ..base
        },
        Story {
            name: "run-sync",
            service: SYNC,
            handler: "RunSync",
            one_way: &[PARTITION],
            prepare: |lane| run(lane).boxed(),
            ..base
        },
    ]
}

/// The beginning of the day: the same in every play.
fn used_at() -> i64 {
    mysql::now_ms() / DAY * DAY
}

/// A key that was used, with the partition it lies in; no other key of the lane does, so that no earlier play has moved its
/// cursor.
async fn used(lane: &Lane) -> (Scene, String) {
    let mut scene = lane.scene(1, |f| f).await;
    let clickhouse = lane.outside.clickhouse;
    let (key, partition) = loop {
        let key = ids::random(ids::Prefix::KEY);
        let sql = format!("SELECT cityHash64('{key}') % {PARTITIONS}");
        let partition = clickhouse.query(&sql).await.expect("hashed");
        let partition: u64 = partition.trim().parse().expect("a number");
        let sql = format!(
            "SELECT count() FROM `{}`.key_last_used_v1 WHERE cityHash64(key_id) % {PARTITIONS} = {partition}",
            lane.outside.database
        );
        let others = clickhouse.query(&sql).await.expect("counted");
        if partition >= LOWEST && others.trim() == "0" {
            break (key, partition.to_string());
        }
    };
    scene.name(&key, "<key>");
    let sql = "INSERT INTO `keys` (id, key_auth_id, hash, start, workspace_id) VALUES (?, 'ks', ?, 'start', ?)";
    lane.execute(sql, &[&key, &key, &scene.app.workspace_id])
        .await;
    let sql = format!(
        "INSERT INTO `{}`.key_last_used_v1 (workspace_id, key_space_id, key_id, time) VALUES ('{}', 'ks', '{key}', {})",
        lane.outside.database,
        scene.app.workspace_id,
        used_at()
    );
    clickhouse.query(&sql).await.expect("inserted");
    (scene, partition)
}

async fn partition(lane: &Lane) -> Scene {
    let (mut scene, partition) = used(lane).await;
    scene.name(&partition, "<partition>");
    scene.request = Request {
        service: PARTITION,
        key: partition,
        handler: "SyncPartition",
        body: json!({ "totalPartitions": PARTITIONS }),
    };
    scene
}

async fn run(lane: &Lane) -> Scene {
    let (mut scene, _) = used(lane).await;
    scene.request = Request {
        service: SYNC,
        key: String::new(),
        handler: "RunSync",
        body: json!({}),
    };
    scene
}

async fn sections(lane: &Lane, scene: &Scene) -> Result<Sections, String> {
    let sql = "SELECT CONCAT_WS(' ', id, last_used_at) AS t FROM `keys` WHERE id = ?";
    let keys = lane.texts(sql, &[scene.real("<key>")]).await;
    let mut cursor = Vec::new();
    if scene.request.service == PARTITION {
        let state = lane.state(PARTITION, &[&scene.request.key]).await?;
        cursor.extend(
            state
                .into_iter()
                .map(|(_, name, value)| format!("{name} {value}")),
        );
    }
    Ok(vec![("keys", keys), ("cursor", cursor)])
}

async fn copied(lane: &Lane, scene: &Scene) -> Result<usize, String> {
    let sql = "SELECT CAST(last_used_at AS CHAR) AS t FROM `keys` WHERE id = ?";
    let found = lane.texts(sql, &[scene.real("<key>")]).await;
    expect(found, &[used_at().to_string()], "the last use")
}
