//! GitHubStatusService and GitHubCommentService: what GitHub shows of a deployment and of a pull request.

use futures::FutureExt as _;
use intent::NewDeployment;
use serde_json::{Value, json};

use super::{BASE, expect};
use crate::build_side::{INSTALLATION, REPOSITORY, SHA};
use crate::scene::Request;
use crate::{Lane, Scene, Sections, Story};

const STATUS: &str = github_status_client::SERVICE;
const COMMENT: &str = github_comment_client::SERVICE;

/// What GitHub does not take is done without, and told of in the log; what is final is told again by the timer.
pub(super) const UNTOLD: &[(&str, &[&str])] = &[
    ("github deployment", &["told", "commits", "reports"]),
    ("persist github deployment id", &["commits"]),
    ("github deployment status", &["told", "reports"]),
    ("find PR for branch", &["told", "comment", "reports"]),
    ("write comment", &["told", "comment"]),
    ("clock", &["told", "comment"]),
];

pub(super) fn stories() -> Vec<Story> {
    let status = Story {
        service: STATUS,
        // one that is interrupted leaves what GitHub was told, and its number in our row
        may_change: &["commits", "comment", "reports"],
        one_way: &[COMMENT],
        dispensable: UNTOLD,
        sections: |lane, scene| comment(lane, scene).boxed(),
        ..BASE
    };
    vec![
        Story {
            name: "github-init",
            handler: "Init",
            prepare: |lane| init(lane).boxed(),
            holds: |lane, scene| shows(lane, scene, &["pending"], "Queued").boxed(),
            ..status
        },
        Story {
            name: "github-report",
            handler: "ReportStatus",
            prepare: |lane| report(lane).boxed(),
            holds: |lane, scene| ended(lane, scene).boxed(),
            ..status
        },
        Story {
            name: "github-settle",
            handler: "Settle",
            prepare: |lane| settle(lane).boxed(),
            holds: |lane, scene| ended(lane, scene).boxed(),
            ..status
        },
        Story {
            name: "github-comment",
            service: COMMENT,
            handler: "SetRow",
            prepare: |lane| row(lane).boxed(),
            holds: |lane, scene| two_rows(lane, scene).boxed(),
            ..status
        },
    ]
}

/// A pull request of this play alone; its object has a name.
pub(super) async fn pull(lane: &Lane, scene: &mut Scene) -> i64 {
    let drawn = "SELECT CAST(1000000 + FLOOR(RAND() * 1000000000) AS CHAR) AS t";
    let number = lane.texts(drawn, &[]).await.remove(0);
    scene.name(&number, "<number>");
    let key = format!("{REPOSITORY}#{number}");
    scene.name(&key, "<pull>");
    number.parse().unwrap_or_default()
}

/// A deployment that has ended, of a pull request.
async fn deployment(lane: &Lane) -> (Scene, String, i64) {
    let mut scene = lane.scene(1, |f| f).await;
    let new = NewDeployment::preview(&scene.app.app_id).status("ready");
    let id = lane.row(&mut scene, "<subject>", new).await;
    let pull = pull(lane, &mut scene).await;
    (scene, id, pull)
}

fn request(key: &str, handler: &'static str, body: Value) -> Request {
    Request {
        service: STATUS,
        key: key.to_owned(),
        handler,
        body,
    }
}

fn begin(scene: &Scene, id: &str, pull: i64) -> Request {
    let body = json!({
        "installationId": INSTALLATION.to_string(), "repo": REPOSITORY, "commitSha": SHA, "branch": "main",
        "environmentLabel": "shop - preview", "logUrl": "https://app.unkey.test/log", "prNumber": pull,
        "projectSlug": scene.app.project_slug, "appSlug": scene.app.app_slug, "envSlug": "preview",
    });
    request(id, "Init", body)
}

async fn init(lane: &Lane) -> Scene {
    let (mut scene, id, pull) = deployment(lane).await;
    scene.request = begin(&scene, &id, pull);
    scene
}

async fn report(lane: &Lane) -> Scene {
    let (mut scene, id, pull) = deployment(lane).await;
    lane.call(&begin(&scene, &id, pull)).await;
    let body =
        json!({ "state": "GITHUB_DEPLOYMENT_STATE_SUCCESS", "description": "deployment is live" });
    scene.request = request(&id, "ReportStatus", body);
    scene
}

/// Nobody has reported the end.
async fn settle(lane: &Lane) -> Scene {
    let (mut scene, id, pull) = deployment(lane).await;
    lane.call(&begin(&scene, &id, pull)).await;
    let state = lane.state(STATUS, &[&id]).await.expect("Restate answers");
    let timer = state.iter().find(|(_, name, _)| name == "settle");
    let nonce = timer.map(|(_, _, timer)| timer["nonce"].clone());
    scene.request = request(&id, "Settle", json!({ "nonce": nonce }));
    scene
}

/// A second app's line beside the first one's.
async fn row(lane: &Lane) -> Scene {
    let (mut scene, _, pull) = deployment(lane).await;
    let set = |row: &str| Request {
        service: COMMENT,
        key: format!("{REPOSITORY}#{pull}"),
        handler: "SetRow",
        body: json!({
            "installationId": INSTALLATION.to_string(), "repo": REPOSITORY, "pull": pull.to_string(), "row": row,
            "text": format!("| <!-- row:{row} --> **{row}** | Ready | — | — | now |"),
        }),
    };
    lane.call(&set("api:preview")).await;
    scene.request = set("web:preview");
    scene
}

/// Lines of the comment on the pull request of the scene.
pub(super) async fn comment(lane: &Lane, scene: &Scene) -> Result<Sections, String> {
    let pull = scene.real("<number>");
    Ok(vec![("comment", lane.outside.builds.comments_on(pull))])
}

async fn shows(lane: &Lane, scene: &Scene, states: &[&str], word: &str) -> Result<usize, String> {
    let found = lane.outside.builds.states_of(scene.id("<subject>"));
    let wanted: Vec<String> = states.iter().map(|s| (*s).to_owned()).collect();
    expect(found, &wanted, "states at GitHub")?;
    let lines = lane.outside.builds.comments_on(scene.real("<number>"));
    let right = lines.iter().filter(|l| l.contains(&format!("| {word} |")));
    expect(
        vec![right.count()],
        &[1],
        &format!("lines that say {word} in {lines:?}"),
    )?;
    expect(vec![lines.len()], &[1], "lines of the comment").map(|n| n + 2)
}

/// The last status is a final one, and nothing is left to be told.
async fn ended(lane: &Lane, scene: &Scene) -> Result<usize, String> {
    let shown = shows(lane, scene, &["pending", "success"], "Ready").await?;
    let left = lane.state(STATUS, &[scene.id("<subject>")]).await?;
    expect(vec![left.len()], &[0], "states of the object").map(|n| n + shown)
}

async fn two_rows(lane: &Lane, scene: &Scene) -> Result<usize, String> {
    let lines = lane.outside.builds.comments_on(scene.real("<number>"));
    let names = ["api:preview", "web:preview"];
    let right = names
        .iter()
        .filter(|n| lines.iter().any(|l| l.contains(**n)));
    expect(
        vec![right.count(), lines.len()],
        &[2, 2],
        "lines of the comment",
    )
}
