//! KeyRefillService.

use futures::FutureExt as _;
use key_refill_client::SERVICE;
use serde_json::json;

use super::{BASE, expect};
use crate::scene::Request;
use crate::{Lane, Scene, Sections, Story};

pub(super) fn stories() -> Vec<Story> {
    let base = Story {
        service: SERVICE,
        // a key that is refilled stays refilled; what is left is done by the next run
        may_change: &["keys", "audit", "answers", "state"],
        sections: |lane, scene| sections(lane, scene).boxed(),
        holds: |lane, scene| refilled(lane, scene).boxed(),
        ..BASE
    };
    vec![
        Story {
            name: "run-refill",
            handler: "RunRefill",
            dispensable: &[("send heartbeat", &[])],
            prepare: |lane| run(lane).boxed(),
            ..base
        },
        Story {
            name: "refill-range",
            handler: "RefillRange",
            prepare: |lane| range(lane).boxed(),
            ..base
        },
    ]
}

/// Two keys that are due on the last day of a month, and one that is full; nobody else's key is due.
async fn keys(lane: &Lane) -> Scene {
    let mut scene = lane.scene(1, |f| f).await;
    lane.execute("UPDATE `keys` SET refill_amount = NULL", &[])
        .await;
    let workspace = scene.app.workspace_id.clone();
    for (placeholder, day, remaining) in [
        ("<daily>", None, "7"),
        ("<monthly>", Some("31"), "0"),
        ("<full>", None, "1000"),
    ] {
        let id = ids::random(ids::Prefix::KEY);
        scene.name(&id, placeholder);
        let day = day.unwrap_or("NULL");
        let sql = format!(
            "INSERT INTO `keys` (id, key_auth_id, hash, start, workspace_id, refill_day, refill_amount, remaining_requests) \
             VALUES (?, 'ks', ?, 'start', ?, {day}, 1000, {remaining})"
        );
        lane.execute(&sql, &[&id, &id, &workspace]).await;
    }
    scene
}

/// An object of this play alone, of a date that all plays share.
fn date(scene: &mut Scene, handler: &'static str, body: serde_json::Value) {
    let key = format!("2026-04-30-{}", ids::dns_label(12));
    scene.name(&key, "<date>");
    scene.request = Request {
        service: SERVICE,
        key,
        handler,
        body,
    };
}

async fn run(lane: &Lane) -> Scene {
    let mut scene = keys(lane).await;
    date(&mut scene, "RunRefill", json!({}));
    scene
}

async fn range(lane: &Lane) -> Scene {
    let mut scene = keys(lane).await;
    let sql = "SELECT CAST(MIN(pk) AS CHAR) AS t FROM `keys` WHERE workspace_id = ? UNION ALL \
               SELECT CAST(MAX(pk) AS CHAR) FROM `keys` WHERE workspace_id = ?";
    let workspace = scene.app.workspace_id.clone();
    let ends = lane.texts(sql, &[&workspace, &workspace]).await;
    let end = |n: usize| ends[n].parse::<u64>().expect("a number");
    let body = json!({ "afterPk": (end(0) - 1).to_string(), "toPk": end(1).to_string() });
    date(&mut scene, "RefillRange", body);
    scene
}

async fn sections(lane: &Lane, scene: &Scene) -> Result<Sections, String> {
    let workspace = scene.app.workspace_id.as_str();
    let keys = "SELECT CONCAT_WS(' ', id, remaining_requests, IF(last_refill_at IS NULL, 'never', 'refilled')) AS t \
                FROM `keys` WHERE workspace_id = ?";
    // ids of audit rows are of the key, so they differ from play to play
    let audit = "SELECT CONCAT_WS(' ', a.event, a.display, t.type, t.id, t.meta) AS t FROM audit_log a \
                 LEFT JOIN audit_log_target t ON t.audit_log_id = a.id WHERE a.workspace_id = ?";
    let answers = "SELECT CONCAT_WS(' ', day, refilled) AS t FROM ctrl_worker_refills";
    let state = lane.state(SERVICE, &[&scene.request.key]).await?;
    let mut answers = lane.texts(answers, &[]).await;
    if scene.request.handler == "RefillRange" {
        // the caller forgets them
        answers.clear();
    }
    Ok(vec![
        ("keys", lane.texts(keys, &[workspace]).await),
        ("audit", lane.texts(audit, &[workspace]).await),
        ("answers", answers),
        (
            "state",
            state.into_iter().map(|(_, name, _)| name).collect(),
        ),
    ])
}

async fn refilled(lane: &Lane, scene: &Scene) -> Result<usize, String> {
    let workspace = scene.app.workspace_id.as_str();
    let full = "SELECT CAST(COUNT(*) AS CHAR) AS t FROM `keys` WHERE workspace_id = ? AND remaining_requests = 1000";
    let audits = "SELECT CAST(COUNT(*) AS CHAR) AS t FROM audit_log WHERE workspace_id = ?";
    let targets = "SELECT CAST(COUNT(*) AS CHAR) AS t FROM audit_log_target WHERE workspace_id = ?";
    let mut looked = 0;
    for (sql, wanted, what) in [
        (full, "3", "full keys"),
        (audits, "2", "audit rows"),
        (targets, "4", "targets"),
    ] {
        let found = lane.texts(sql, &[workspace]).await;
        looked += expect(found, &[wanted.to_owned()], what)?;
    }
    Ok(looked)
}
