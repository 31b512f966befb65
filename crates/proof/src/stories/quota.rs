//! QuotaCheckService.

use futures::FutureExt as _;
use quota_check_client::SERVICE;
use serde_json::json;

use super::{BASE, expect};
use crate::effects::SLACK_WEBHOOK;
use crate::scene::Request;
use crate::{Lane, Scene, Sections, Story};

pub(super) fn stories() -> Vec<Story> {
    vec![Story {
        name: "run-check",
        service: SERVICE,
        handler: "RunCheck",
        // whoever was told stays told
        may_change: &["notified"],
        dispensable: &[("send heartbeat", &[])],
        keyless: &[(SLACK_WEBHOOK, "notify")],
        sections: |lane, scene| sections(lane, scene).boxed(),
        prepare: |lane| month(lane).boxed(),
        holds: |lane, scene| told(lane, scene).boxed(),
        ..BASE
    }]
}

/// A month of this play alone, in which two workspaces used up their quota.
async fn month(lane: &Lane) -> Scene {
    let mut scene = lane.scene(1, |f| f).await;
    let other = lane.scene(1, |f| f).await.app;
    // the id of its organisation ends with it
    scene.name(&other.workspace_slug, "<other slug>");
    let other = other.workspace_id;
    scene.name(&other, "<other>");
    // ClickHouse's year has 16 bits, the key four digits
    let month = loop {
        let drawn = u32::from_str_radix(&hex(), 16).unwrap_or(0);
        let month = format!("{:04}-{:02}", 1_000 + drawn % 9_000, 1 + drawn / 9_000 % 12);
        let sql = format!(
            "SELECT count() FROM `{}`.billable_verifications_per_month_v2 WHERE {}",
            lane.outside.database,
            within(&month)
        );
        let taken = lane.outside.clickhouse.query(&sql).await.expect("counted");
        if taken.trim() == "0" {
            break month;
        }
    };
    scene.name(&month, "<month>");
    let (year, number) = month.split_once('-').unwrap_or_default();
    for workspace in [scene.app.workspace_id.clone(), other] {
        let sql = "UPDATE quota SET requests_per_month = 1000 WHERE workspace_id = ?";
        lane.execute(sql, &[&workspace]).await;
        let sql = "UPDATE workspaces SET name = id WHERE id = ?";
        lane.execute(sql, &[&workspace]).await;
        let sql = format!(
            "INSERT INTO `{}`.billable_verifications_per_month_v2 (year, month, workspace_id, count) VALUES ({year}, {number}, '{workspace}', 200000)",
            lane.outside.database
        );
        lane.outside.clickhouse.query(&sql).await.expect("inserted");
    }
    scene.request = Request {
        service: SERVICE,
        key: month,
        handler: "RunCheck",
        body: json!({}),
    };
    scene
}

/// Some hexadecimal digits.
fn hex() -> String {
    let label = ids::dns_label(16);
    label
        .bytes()
        .take(7)
        .map(|b| char::from(b"0123456789abcdef"[usize::from(b % 16)]))
        .collect()
}

fn within(month: &str) -> String {
    let (year, month) = month.split_once('-').unwrap_or_default();
    format!("year = {year} AND month = {month}")
}

async fn sections(lane: &Lane, scene: &Scene) -> Result<Sections, String> {
    Ok(vec![("notified", notified(lane, scene).await?)])
}

/// The names in the state, without the times.
async fn notified(lane: &Lane, scene: &Scene) -> Result<Vec<String>, String> {
    let state = lane.state(SERVICE, &[&scene.request.key]).await?;
    let mut names = Vec::new();
    for (_, name, value) in state {
        let ids = value.as_object().into_iter().flat_map(|map| map.keys());
        names.extend(ids.map(|id| format!("{name} {id}")));
    }
    Ok(names)
}

async fn told(lane: &Lane, scene: &Scene) -> Result<usize, String> {
    let mut found = notified(lane, scene).await?;
    found.sort();
    let ids = [&scene.app.workspace_id, scene.real("<other>")];
    let mut wanted = ids.map(|id| format!("notified_workspaces {id}"));
    wanted.sort();
    expect(found, &wanted, "who was told")
}
