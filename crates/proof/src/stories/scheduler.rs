//! SchedulerService: the clock of the refill, armed, due, run by hand, paused. The other jobs are off in a lane, for
//! nothing they need is configured.
//!
//! Objects are the same in every play, so each begins by bringing the object to where the story starts.

use std::time::{Duration, Instant};

use futures::FutureExt as _;
use serde_json::{Value, json};

use super::{BASE, expect};
use crate::scene::Request;
use crate::{Lane, Scene, Sections, Story};

const SERVICE: &str = scheduler_client::SERVICE;
const JOB: &str = "key-refill";
/// Keys due in each play that refills.
const DUE: usize = 2;
/// Without its row the job goes on; the next change writes it.
const ROW: &[(&str, &[&str])] = &[("row", &["row"]), ("remember", &[])];

pub(super) fn stories() -> Vec<Story> {
    let base = Story {
        service: SERVICE,
        dispensable: ROW,
        sections: |lane, scene| sections(lane, scene).boxed(),
        ..BASE
    };
    vec![
        Story {
            name: "run-job",
            handler: "Run",
            // a run that is cancelled or fails half-way is recorded so, and the refill is KeyRefillService's own story
            may_change: &["state", "row", "keys"],
            one_way: &[SERVICE, key_refill_client::SERVICE],
            prepare: |lane| due(lane).boxed(),
            holds: |lane, scene| refilled(lane, scene).boxed(),
            ..base
        },
        Story {
            name: "execute-job",
            handler: "Execute",
            may_change: &["state", "row", "keys"],
            one_way: &[key_refill_client::SERVICE],
            // its answer says that the job was cancelled
            dispensable: &[
                ("row", &["row"]),
                ("remember", &[]),
                ("hydra.v1.KeyRefillService/RunRefill", &["keys"]),
            ],
            prepare: |lane| execute(lane).boxed(),
            ..base
        },
        Story {
            name: "record-job",
            handler: "Record",
            prepare: |lane| foreign(lane).boxed(),
            holds: |lane, scene| armed(lane, scene, true).boxed(),
            ..base
        },
        Story {
            name: "arm-job",
            handler: "Arm",
            prepare: |lane| off(lane).boxed(),
            holds: |lane, scene| armed(lane, scene, true).boxed(),
            ..base
        },
        Story {
            name: "tick-job",
            handler: "Tick",
            prepare: |lane| timer(lane).boxed(),
            holds: |lane, scene| armed(lane, scene, true).boxed(),
            ..base
        },
        Story {
            name: "pause-job",
            handler: "Pause",
            prepare: |lane| ready(lane, "Pause").boxed(),
            holds: |lane, scene| armed(lane, scene, false).boxed(),
            ..base
        },
        Story {
            name: "resume-job",
            handler: "Resume",
            prepare: |lane| paused(lane).boxed(),
            holds: |lane, scene| armed(lane, scene, true).boxed(),
            ..base
        },
        Story {
            name: "job-status",
            handler: "Status",
            prepare: |lane| ready(lane, "Status").boxed(),
            ..base
        },
    ]
}

fn request(handler: &'static str, body: Value) -> Request {
    Request {
        service: SERVICE,
        key: JOB.to_owned(),
        handler,
        body,
    }
}

/// The job is on and idle, whatever a play before this one left behind.
async fn on(lane: &Lane) -> Scene {
    let mut scene = lane.scene(1, |f| f).await;
    scene.name(JOB, "<job>");
    // a run that was interrupted ends by itself
    let until = Instant::now() + Duration::from_secs(30);
    loop {
        let status = lane.call(&request("Status", json!({}))).await;
        if status["running"].is_null() || Instant::now() > until {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    lane.call(&request("Arm", json!({ "enabled": true }))).await;
    lane.call(&request("Resume", json!({}))).await;
    scene
}

async fn ready(lane: &Lane, handler: &'static str) -> Scene {
    let mut scene = on(lane).await;
    scene.request = request(handler, json!({}));
    scene
}

async fn paused(lane: &Lane) -> Scene {
    let scene = ready(lane, "Resume").await;
    lane.call(&request("Pause", json!({}))).await;
    scene
}

async fn off(lane: &Lane) -> Scene {
    let mut scene = on(lane).await;
    lane.call(&request("Arm", json!({ "enabled": false })))
        .await;
    scene.request = request("Arm", json!({ "enabled": true }));
    scene
}

/// The timer arrives, with the nonce that is stored.
async fn timer(lane: &Lane) -> Scene {
    let mut scene = on(lane).await;
    let state = lane.state(SERVICE, &[JOB]).await.expect("Restate answers");
    let nonce = state[0].2["nonce"].clone();
    scene.request = request("Tick", json!({ "nonce": nonce }));
    scene
}

/// Keys are due, and somebody wants the refill now. The job is paused, so that the run has a timer of its own at any hour: of a
/// job that goes by itself it is the next window's in the six hours before midnight, and the journal has a command less.
async fn due(lane: &Lane) -> Scene {
    let mut scene = paused(lane).await;
    scene.request = request("Run", json!({}));
    let keys = intent::create_due_keys(&lane.db, &scene.app.workspace_id, DUE).await;
    keys.expect("keys");
    let started = lane
        .texts("SELECT CAST(UTC_DATE() AS CHAR) AS t", &[])
        .await;
    scene.name(&started[0], "<today>");
    scene
}

/// A run nobody knows of, of a date of its own.
async fn execute(lane: &Lane) -> Scene {
    let mut scene = on(lane).await;
    let keys = intent::create_due_keys(&lane.db, &scene.app.workspace_id, DUE).await;
    keys.expect("keys");
    let past =
        "SELECT CAST(DATE_SUB(UTC_DATE(), INTERVAL 1 + FLOOR(RAND() * 9000) DAY) AS CHAR) AS t";
    let date = lane.texts(past, &[]).await.remove(0);
    scene.name(&date, "<date>");
    scene.request = request(
        "Execute",
        json!({ "run": { "id": "foreign", "window": date, "startedAtMs": "1" }, "targetKey": date }),
    );
    scene
}

/// The end of a run that the object has given up.
async fn foreign(lane: &Lane) -> Scene {
    let mut scene = on(lane).await;
    let run = json!({ "id": "foreign", "outcome": "succeeded", "items": "7" });
    scene.request = request("Record", json!({ "run": run }));
    scene
}

/// Object, row and keys, without instants and without what earlier plays left in the last run.
async fn sections(lane: &Lane, scene: &Scene) -> Result<Sections, String> {
    let state = lane.state(SERVICE, &[JOB]).await?;
    let there = |value: &Value| if value.is_null() { "none" } else { "there" };
    let lines = state.iter().map(|(key, _, state)| {
        format!(
            "{key} enabled {} paused {} timer {} next {} running {}",
            state["enabled"],
            state["paused"],
            there(&state["nonce"]),
            there(&state["next_at"]),
            there(&state["running"])
        )
    });
    let row = "SELECT CONCAT_WS(' ', job, IF(active, 'active', 'held'), paused, IF(next_at IS NULL, 'never', 'next'), \
               IF(unfinished_since IS NULL, 'idle', 'busy')) AS t FROM ctrl_worker_jobs WHERE job = ?";
    let keys = "SELECT CONCAT_WS(' ', k.name, IF(k.remaining_requests = k.refill_amount, 'full', 'due'), \
                (SELECT COUNT(*) FROM audit_log_target a WHERE a.id = k.id)) AS t FROM `keys` k WHERE k.workspace_id = ?";
    Ok(vec![
        ("state", lines.collect()),
        ("row", lane.texts(row, &[JOB]).await),
        ("keys", lane.texts(keys, &[&scene.app.workspace_id]).await),
    ])
}

/// Whether the job is on and has exactly one timer that may act, or is held and has none.
async fn armed(lane: &Lane, _: &Scene, wanted: bool) -> Result<usize, String> {
    let state = lane.state(SERVICE, &[JOB]).await?;
    let nonce = state.first().map(|(_, _, state)| state["nonce"].clone());
    let nonce = nonce.filter(|n| !n.is_null());
    expect(vec![nonce.is_some()], &[wanted], "a timer that may act")?;
    let status = lane.call(&request("Status", json!({}))).await;
    expect(
        vec![status["nextAtMs"].is_string()],
        &[wanted],
        "a next run",
    )
    .map(|n| n + 1)
}

/// The run is recorded as a success, each key is full and has one audit row.
async fn refilled(lane: &Lane, scene: &Scene) -> Result<usize, String> {
    let status = lane.call(&request("Status", json!({}))).await;
    let outcome = status["last"]["outcome"].clone();
    expect(vec![outcome], &[json!("succeeded")], "the outcome")?;
    let found = sections(lane, scene).await?;
    let keys = found.into_iter().find(|(name, _)| *name == "keys");
    let mut keys = keys.map(|(_, rows)| rows).unwrap_or_default();
    keys.sort();
    expect(
        keys,
        &["due 0 full 1".to_owned(), "due 1 full 1".to_owned()],
        "the keys",
    )
    .map(|n| n + 1)
}
