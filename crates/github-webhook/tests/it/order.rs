//! The same push again, and pushes in another order than they were made.

use serde_json::Value;

use crate::neighbours::deploys;
use crate::world::*;

fn following(world: &World, before: char, after: char, delivery: &str) -> Value {
    let mut push = world.push("feature", &sha(after), delivery);
    push["before"] = sha(before).into();
    push
}

async fn statuses(world: &World, app: &intent::AppRows) -> Vec<(String, String)> {
    let digit = |row: &Row| row.sha.clone().unwrap_or_default()[..1].to_owned();
    let rows = world.rows(app).await;
    rows.into_iter()
        .map(|row| (digit(&row), row.status))
        .collect()
}

fn pairs(of: &[(&str, &str)]) -> Vec<(String, String)> {
    of.iter()
        .map(|(a, b)| ((*a).to_owned(), (*b).to_owned()))
        .collect()
}

#[test]
fn w7_a_push_that_is_delivered_twice_is_deployed_once() {
    testbed::scenario!("W-7");
    testbed::run(async {
        let world = World::new().await;
        let app = world.app().await;
        let push = world.push("main", &sha('a'), "d1");
        world.handle(&push).await;
        world.handle(&push).await;
        // the same event with an id of its own, as two webhooks send it
        world.handle(&world.push("main", &sha('a'), "d2")).await;
        let row = world.row(&app).await;
        assert_eq!(world.sent(&app, &row.id).await.len(), 1);
        // somebody has it by now
        world
            .execute(
                "UPDATE deployments SET status = 'ready' WHERE id = ?",
                [row.id.as_str().into()],
            )
            .await;
        world.handle(&push).await;
        world.row(&app).await;
        assert_eq!(world.sent(&app, &row.id).await.len(), 1);
    });
}

#[test]
fn w8_pushes_of_one_repository_wait_for_each_other_and_those_of_others_do_not() {
    testbed::scenario!("W-8");
    testbed::run(async {
        let world = World::new().await;
        let app = world.app().await;
        let other = world.app().await;
        world
            .execute(
                "UPDATE github_repo_connections SET repository_id = repository_id + 1000000000000 WHERE app_id = ?",
                [other.app_id.as_str().into()],
            )
            .await;
        let ingress = testbed::ingress().await;
        let send = |key: String, body: Value| {
            let ingress = ingress.clone();
            async move {
                let sent = ingress
                    .send(
                        github_webhook_client::SERVICE,
                        key.as_str(),
                        "HandlePush",
                        &body,
                        None,
                    )
                    .await;
                sent.expect("sent")
            }
        };
        // the first push cannot be written while somebody holds its app
        let held = world.db.begin().await.expect("begun");
        mysql::sql::execute(
            &*held,
            "SELECT pk FROM apps WHERE id = ? FOR UPDATE",
            [app.app_id.as_str().into()],
        )
        .await
        .expect("locked");
        let first = send(world.key(), following(&world, '0', 'a', "d1")).await;
        let second = send(world.key(), following(&world, 'a', 'b', "d2")).await;
        let repository = world.repository + 1_000_000_000_000;
        let mut body = world.push("main", &sha('c'), "d3");
        body["repositoryId"] = repository.to_string().into();
        let third = send(format!("42:{repository}"), body).await;
        ingress.attach(&third).await.expect("another repository's");
        let row = world.row(&other).await;
        assert_eq!(row.status, "pending");
        let admin = testbed::admin().await;
        let known = admin.invocation_status(&[&second]).await.expect("asked");
        let begun = known.get(&second).map(String::as_str);
        assert!(matches!(begun, Some("pending" | "inboxed")), "{begun:?}");
        held.rollback().await.expect("let go");
        for push in [&first, &second] {
            ingress.attach(push).await.expect("handled");
        }
        assert_eq!(
            statuses(&world, &app).await,
            pairs(&[("a", "skipped"), ("b", "pending")])
        );
    });
}

#[test]
fn a_newer_push_ends_the_ones_before_it_that_are_not_built() {
    testbed::run(async {
        let world = World::new().await;
        let app = world.app().await;
        for (before, after, status) in [
            ('0', 'a', "deploying"),
            ('a', 'b', "building"),
            ('b', 'c', "pending"),
            ('c', 'd', "pending"),
        ] {
            let push = following(&world, before, after, &format!("d{after}"));
            world.handle(&push).await;
            let last = world.rows(&app).await.pop().expect("a row");
            world
                .execute(
                    "UPDATE deployments SET status = ? WHERE id = ?",
                    [status.into(), last.id.into()],
                )
                .await;
        }
        let rows = world.rows(&app).await;
        let found: Vec<&str> = rows.iter().map(|r| r.status.as_str()).collect();
        assert_eq!(found, ["deploying", "skipped", "skipped", "pending"]);
        for (older, newer) in [(&rows[1], &rows[2]), (&rows[2], &rows[3])] {
            let text = format!("superseded by {}", newer.id);
            assert_eq!(older.error.as_deref(), Some(text.as_str()));
            assert_eq!(older.end_reason.as_deref(), Some("superseded"));
        }
        // another branch, and a fork's of the same name, are nobody's business
        world.handle(&world.push("other", &sha('e'), "de")).await;
        world.handle(&world.fork("feature", &sha('f'), "df")).await;
        assert_eq!(world.rows(&app).await[3].status, "pending");
        assert_eq!(world.sent(&app, &rows[3].id).await.len(), 1);
    });
}

#[test]
fn a_push_that_comes_after_a_newer_one_does_not_take_its_place() {
    testbed::run(async {
        let world = World::new().await;
        let app = world.app().await;
        let (a, b, c) = (sha('a'), sha('b'), sha('c'));
        world.fake.head("feature", &c);
        world.fake.comparison(&format!("{c}...{b}"), "behind", &[]);
        world.handle(&following(&world, 'b', 'c', "d3")).await;
        world.handle(&following(&world, 'a', 'b', "d2")).await;
        let rows = world.rows(&app).await;
        assert_eq!(
            statuses(&world, &app).await,
            pairs(&[("c", "pending"), ("b", "skipped")])
        );
        let text = format!("superseded by {}", rows[0].id);
        assert_eq!(rows[1].error.as_deref(), Some(text.as_str()));
        assert_eq!(rows[1].end_reason.as_deref(), Some("superseded"));
        assert!(world.sent(&app, &rows[1].id).await.is_empty());
        // GitHub does not know it any more: the commits' times decide
        let mut oldest = following(&world, '9', 'a', "d1");
        oldest["commitTimestamp"] = "1600000000000".into();
        world
            .fake
            .comparison(&format!("{c}...{a}"), "diverged", &[]);
        world.handle(&oldest).await;
        assert_eq!(world.rows(&app).await[2].status, "skipped");
        // the one that follows the newest is nobody to be asked about
        let asked = world.fake.seen("GET").len();
        world.handle(&following(&world, 'c', 'd', "d4")).await;
        assert_eq!(world.fake.seen("GET").len(), asked);
        let last = world.rows(&app).await.pop().expect("a row");
        assert_eq!(
            (
                last.status.as_str(),
                world.rows(&app).await[0].status.as_str()
            ),
            ("pending", "skipped")
        );
        assert_eq!(world.sent(&app, &last.id).await.len(), 1);
    });
}

#[test]
fn a_branch_that_is_pushed_back_is_deployed_again_and_once() {
    testbed::run(async {
        let world = World::new().await;
        let app = world.app().await;
        world.handle(&following(&world, '0', 'a', "d1")).await;
        world.handle(&following(&world, 'a', 'b', "d2")).await;
        let back = following(&world, 'b', 'a', "d3");
        world.handle(&back).await;
        world.handle(&back).await;
        // the first one once more, late
        world.handle(&following(&world, '0', 'a', "d1")).await;
        assert_eq!(
            statuses(&world, &app).await,
            pairs(&[("a", "skipped"), ("b", "skipped"), ("a", "pending")])
        );
        let last = world.rows(&app).await.pop().expect("a row");
        assert_eq!(world.sent(&app, &last.id).await.len(), 1);
        assert!(world.fake.seen("GET").is_empty());
    });
}

#[test]
fn what_restate_has_lost_is_sent_again_with_the_next_delivery() {
    testbed::run(async {
        let world = World::new().await;
        let app = world.app().await;
        let push = world.push("main", &sha('a'), "d1");
        let held = world.db.begin().await.expect("begun");
        mysql::sql::execute(
            &*held,
            "SELECT pk FROM apps WHERE id = ? FOR UPDATE",
            [app.app_id.as_str().into()],
        )
        .await
        .expect("locked");
        let ingress = testbed::ingress().await;
        let key = world.key();
        let sent = ingress
            .send(
                github_webhook_client::SERVICE,
                key.as_str(),
                "HandlePush",
                &push,
                None,
            )
            .await
            .expect("sent");
        let admin = testbed::admin().await;
        let sql = format!(
            "SELECT id FROM sys_journal WHERE id = '{sent}' AND name = 'insert deployment'"
        );
        testbed::eventually(SOON, || async {
            !admin.query(&sql).await.expect("asked").is_empty()
        })
        .await;
        admin.kill(&sent).await.expect("killed");
        held.rollback().await.expect("let go");
        // whether its transaction came through or not
        world.handle(&push).await;
        let row = world.row(&app).await;
        assert_eq!(world.sent(&app, &row.id).await.len(), 1);
        assert_eq!(deploys(&row.id)[0].0, app.workspace_id);
    });
}
