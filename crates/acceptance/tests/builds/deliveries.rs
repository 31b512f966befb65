//! Deliveries that come twice, in another order, at the same time.
//!
//! `BUILD_DELIVERY_SEEDS=100` plays a hundred; one seed alone is `BUILD_DELIVERY_SEED=17`.

use github_fake::{INSTALLATION, REPOSITORY};
use restate_api::Ingress;
use sea_orm::FromQueryResult;
use serde_json::{Value, json};

use crate::world::*;

/// Seeds that every run plays.
const USUALLY: u64 = 4;

/// Numbers that look drawn and are the same for the same seed.
struct Drawn(u64);

impl Drawn {
    fn next(&mut self, below: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap_or(0) % below
    }

    fn shuffle<T>(&mut self, all: &mut [T]) {
        for at in (1..all.len()).rev() {
            let other = self.next(at + 1);
            all.swap(at, other);
        }
    }
}

/// One push as it is told, under one delivery.
#[derive(Clone)]
struct Told {
    delivery: String,
    body: Value,
}

#[derive(Debug, FromQueryResult)]
struct Row {
    id: String,
    app_id: String,
    sha: String,
    status: String,
    /// Why it ended so.
    #[expect(dead_code, reason = "for the message of a failure")]
    why: Option<String>,
}

fn seeds() -> Vec<u64> {
    let number = |name: &str| std::env::var(name).ok().and_then(|v| v.parse::<u64>().ok());
    match (
        number("BUILD_DELIVERY_SEED"),
        number("BUILD_DELIVERY_SEEDS"),
    ) {
        (Some(one), _) => vec![one],
        (None, many) => (1..=many.unwrap_or(USUALLY)).collect(),
    }
}

async fn deliver(ingress: &Ingress, key: &str, told: &Told, keyed: bool) {
    let idempotency = keyed.then_some(told.delivery.as_str());
    let sent = ingress.send(
        github_webhook_client::SERVICE,
        key,
        "HandlePush",
        &told.body,
        idempotency,
    );
    sent.await.expect("sent");
}

async fn rows(world: &World, repository_id: i64) -> Vec<Row> {
    let sql = "SELECT d.id, d.app_id, d.git_commit_sha AS sha, CAST(d.status AS CHAR) AS status,
                 (SELECT CONCAT_WS(': ', r.end_reason, (SELECT GROUP_CONCAT(s.step, ' ', s.error) FROM deployment_steps s WHERE s.deployment_id = d.id))
                  FROM ctrl_worker_runs r WHERE r.deployment_id = d.id) AS why
               FROM deployments d JOIN github_repo_connections c ON c.app_id = d.app_id
               WHERE c.repository_id = ? ORDER BY d.pk";
    mysql::sql::all(world.bound.db.primary(), sql, [repository_id.into()])
        .await
        .expect("rows")
}

async fn play(seed: u64) {
    println!("seed {seed}");
    let mut drawn = Drawn(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let repository_id = 10_000 + i64::try_from(seed).expect("a small seed");
    let first = World::connected(bound().await, repository_id).await;
    let second = World::connected(bound().await, repository_id).await;
    let apps = [&first.app.app_id, &second.app.app_id];
    let commits = 1 + drawn.next(2);
    let sha = |commit: usize| format!("{seed:020x}{commit:020x}");
    let github = &first.bound.github;
    github.comparison(
        &format!("{}...{}", sha(0), sha(1)),
        "ahead",
        &["src/main.rs"],
    );
    github.comparison(&format!("{}...{}", sha(1), sha(0)), "behind", &[]);
    let mut deliveries = Vec::new();
    for commit in 0..commits {
        let body = json!({
            "installationId": INSTALLATION.to_string(), "repositoryId": repository_id.to_string(),
            "repositoryFullName": REPOSITORY, "branch": "main", "after": sha(commit),
            "commitMessage": format!("Commit {commit}"), "commitAuthorHandle": "octo",
            "commitTimestamp": (1_790_000_000_000_i64 + i64::try_from(commit).expect("few") * 60_000).to_string(),
            "changedFiles": ["src/main.rs"], "senderLogin": "octo",
        });
        // the same delivery again, and another delivery of the same push
        for again in 0..2 + drawn.next(2) {
            let delivery = format!("delivery-{seed}-{commit}-{}", again.min(1));
            let mut body = body.clone();
            body["deliveryId"] = delivery.as_str().into();
            deliveries.push(Told { delivery, body });
        }
    }
    drawn.shuffle(&mut deliveries);
    let key = format!("{INSTALLATION}:{repository_id}");
    let ingress = &first.bound.ingress;
    let keyed: Vec<bool> = deliveries.iter().map(|_| drawn.next(2) == 0).collect();
    if drawn.next(2) == 0 {
        for (told, keyed) in deliveries.iter().zip(keyed) {
            deliver(ingress, &key, told, keyed).await;
        }
    } else {
        let all = deliveries.iter().zip(keyed);
        let all = all.map(|(told, keyed)| deliver(ingress, &key, told, keyed));
        futures::future::join_all(all).await;
    }
    let newest = sha(commits - 1);
    let settled = testbed::eventually(SOON, || async {
        let rows = rows(&first, repository_id).await;
        let ended =
            |r: &Row| ["ready", "skipped", "failed", "stopped"].contains(&r.status.as_str());
        let there = rows.len() >= apps.len() * commits && rows.iter().all(ended);
        if there {
            Ok(rows)
        } else {
            Err(format!("seed {seed}: {rows:?}"))
        }
    })
    .await;
    testbed::assert_quiet(&[
        key.as_str(),
        &first.app.workspace_id,
        &second.app.workspace_id,
    ])
    .await;
    for app in apps {
        for commit in 0..commits {
            let sha = sha(commit);
            let ours: Vec<&Row> = settled
                .iter()
                .filter(|r| r.app_id == *app && r.sha == sha)
                .collect();
            assert_eq!(
                ours.len(),
                1,
                "seed {seed}: one deployment of {sha}: {settled:?}"
            );
            let row = ours[0];
            let built = first.build(&row.id).await;
            if sha == newest {
                assert_eq!(row.status, "ready", "seed {seed}: {settled:?}");
                assert_eq!(first.solves(&row.id).len(), 1, "seed {seed}: one build");
                let states = first.states(&row.id, "success").await;
                let ends = states
                    .iter()
                    .filter(|s| ["success", "failure", "error", "inactive"].contains(&s.as_str()));
                assert_eq!(ends.count(), 1, "seed {seed}: {states:?}");
            } else {
                assert!(
                    ["ready", "skipped"].contains(&row.status.as_str()),
                    "seed {seed}: {row:?}"
                );
                // A superseded one has not failed, and GitHub is not told that it had.
                let number = first.column(&row.id, "github_deployment_id").await;
                if row.status == "skipped" && !number.is_empty() {
                    let states = first.states(&row.id, "inactive").await;
                    assert!(
                        !states.contains(&"failure".to_owned()),
                        "seed {seed}: {states:?}"
                    );
                }
            }
            if let Some(built) = built {
                assert_eq!(built.finishes.len(), 1, "seed {seed}: {built:?}");
            }
        }
        let sql = "SELECT git_commit_sha AS t FROM deployments d JOIN apps a ON a.current_deployment_id = d.id WHERE a.id = ?";
        let live = crate::query::text(&first.bound.db, sql, [app.as_str().into()]).await;
        assert_eq!(live, newest, "seed {seed}: the newest push is live");
    }
}

#[test]
fn deliveries_twice_in_any_order_and_at_once_make_one_deployment_one_build_and_one_end() {
    testbed::run(async {
        for seed in seeds() {
            play(seed).await;
        }
    });
}
