//! CronService: each handler is one call, whose answer or refusal it passes on. What the services do is their own story.

use futures::FutureExt as _;
use serde_json::json;

use super::BASE;
use crate::scene::Request;
use crate::{Lane, Scene, Story};

const SERVICE: &str = cron_client::SERVICE;

pub(super) fn stories() -> Vec<Story> {
    // Only the commands of the alias itself are struck here; and what was called may have happened when it is cancelled.
    let base = Story {
        service: SERVICE,
        own_commands_only: true,
        ..BASE
    };
    vec![
        Story {
            name: "cron-refill",
            handler: "RunKeyRefill",
            prepare: |lane| past(lane, "RunKeyRefill", "").boxed(),
            ..base
        },
        Story {
            name: "cron-quota",
            handler: "RunQuotaCheck",
            // refused at once: no month
            fails_with: Some(400),
            prepare: |lane| past(lane, "RunQuotaCheck", "quota-check-").boxed(),
            ..base
        },
        Story {
            name: "cron-sync",
            handler: "RunKeyLastUsedSync",
            prepare: |lane| plain(lane, "RunKeyLastUsedSync").boxed(),
            ..base
        },
        Story {
            name: "cron-idle",
            handler: "RunScaleDownIdlePreviewDeployments",
            prepare: |lane| plain(lane, "RunScaleDownIdlePreviewDeployments").boxed(),
            ..base
        },
    ]
}

/// A key with a date of this play's own.
async fn past(lane: &Lane, handler: &'static str, prefix: &str) -> Scene {
    let past =
        "SELECT CAST(DATE_SUB(UTC_DATE(), INTERVAL 1 + FLOOR(RAND() * 9000) DAY) AS CHAR) AS t";
    let date = lane.texts(past, &[]).await.remove(0);
    request(lane, handler, &format!("{prefix}{date}")).await
}

/// A key that says nothing.
async fn plain(lane: &Lane, handler: &'static str) -> Scene {
    let key = ids::dns_label(12);
    request(lane, handler, &key).await
}

async fn request(lane: &Lane, handler: &'static str, key: &str) -> Scene {
    let mut scene = lane.scene(1, |f| f).await;
    scene.name(key, "<key>");
    scene.request = Request {
        service: SERVICE,
        key: key.to_owned(),
        handler,
        body: json!({}),
    };
    scene
}
