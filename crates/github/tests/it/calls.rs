//! Commits, deployments, statuses, pull requests and comments.

use github::{
    Access, Class, CommitState, DeploymentState, GitHub, GitHubError, NewCheck, NewDeployment,
    NewStatus, NoCommit, Relation, Repository, Settings,
};
use serde_json::json;

use crate::{AS_APP, client, repository, world};
use github_fake::{APP, Fake, INSTALLATION, PUBLIC, Trouble, keys};

const SHA: &str = "0123456789abcdef0123456789abcdef01234567";
const MARKER: &str = "<!-- unkey-deploy -->";

fn deployment() -> NewDeployment<'static> {
    NewDeployment {
        sha: SHA,
        environment: "shop - production",
        description: "Deploying...",
        is_production: true,
        mark: "d_1",
    }
}

#[test]
fn c5_c8_a_branch_is_one_segment_and_a_message_its_first_line() {
    testbed::scenario!("C-5", "C-8");
    testbed::run(async {
        let (fake, client) = world().await;
        let found = client.commit(AS_APP, &repository(), "feat/a b").await;
        let commit = found.expect("an answer").expect("a commit");
        let seen = fake.seen("GET /repos/acme/shop/commits/");
        assert!(
            seen[0]
                .line
                .starts_with("GET /repos/acme/shop/commits/feat%2Fa%20b?"),
            "{}",
            seen[0].line
        );
        assert_eq!(commit.sha, SHA);
        assert_eq!(commit.message, "Fix the cart");
        assert_eq!(commit.author_handle, "octo");
        assert_eq!(commit.author_avatar_url, "https://example.test/octo.png");
        assert_eq!(commit.timestamp, 1_767_323_045_000);
    });
}

#[test]
fn c9_anybody_reads_a_public_repository_without_a_token() {
    testbed::scenario!("C-9");
    testbed::run(async {
        let fake = Fake::start(&keys().public).await;
        let client = client(&fake, None);
        let open = Repository::parse(PUBLIC).expect("a name");
        let found = client.commit(Access::Public, &open, "main").await;
        assert_eq!(found.expect("an answer").expect("a commit").sha, SHA);
        assert!(fake.seen("").iter().all(|s| s.bearer.is_none()));
        let closed = client.commit(Access::Public, &repository(), "main").await;
        assert_eq!(closed.expect("an answer"), Err(NoCommit::NotFound));
    });
}

#[test]
fn a_commit_that_is_not_there_is_a_value_and_an_outage_is_not() {
    testbed::run(async {
        let (fake, client) = world().await;
        let found = client.commit(AS_APP, &repository(), "gone").await;
        assert_eq!(found.expect("an answer"), Err(NoCommit::NotFound));
        fake.trouble([
            Trouble::Answer(403, &[], r#"{"message":"Resource not accessible"}"#),
            Trouble::Answer(502, &[], ""),
            Trouble::Answer(200, &[], "{}"),
        ]);
        let found = client.commit(AS_APP, &repository(), "main").await;
        assert_eq!(found.expect("an answer"), Err(NoCommit::NotAllowed));
        for _ in 0..2 {
            let error = client.commit(AS_APP, &repository(), "main").await;
            assert_eq!(error.expect_err("an outage").class(), Class::Unavailable);
        }
    });
}

#[test]
fn the_files_of_a_commit_are_read_over_all_pages() {
    testbed::run(async {
        let (fake, client) = world().await;
        for (count, pages) in [(0, 1), (99, 1), (100, 2), (250, 3)] {
            fake.files(count);
            let before = fake.seen("GET").len();
            let files = client.changed_files(AS_APP, &repository(), SHA).await;
            assert_eq!(files.expect("files").len(), count);
            assert_eq!(fake.seen("GET").len() - before, pages, "{count}");
        }
        let compared = client.compare(AS_APP, &repository(), "a", SHA).await;
        let compared = compared.expect("a comparison");
        assert_eq!(compared.relation, Relation::Ahead);
        assert!(compared.complete);
        let files: Vec<String> = compared.files.into_iter().collect();
        assert_eq!(files, ["docs/a.md", "new.rs", "old.rs"]);
        for (word, relation) in [
            ("behind", Relation::Behind),
            ("identical", Relation::Identical),
            ("diverged", Relation::Diverged),
        ] {
            fake.comparison("b...c", word, &["x"]);
            let compared = client.compare(AS_APP, &repository(), "b", "c").await;
            assert_eq!(compared.expect("a comparison").relation, relation);
        }
        fake.pull_files(&["a.rs"; 250]);
        let before = fake.seen("GET").len();
        let files = client.pull_files(AS_APP, &repository(), 7).await;
        assert_eq!(files.expect("files").len(), 1);
        assert_eq!(fake.seen("GET").len() - before, 3, "pages");
    });
}

#[test]
fn a_deployment_is_made_once_also_when_its_answer_was_lost() {
    testbed::run(async {
        let (fake, client) = world().await;
        // the look meets nothing, the creation is done and its answer lost
        fake.trouble([Trouble::Answer(200, &[], "[]"), Trouble::DoneThenGone]);
        let lost = client
            .ensure_deployment(INSTALLATION, &repository(), deployment())
            .await;
        assert_eq!(lost.expect_err("lost").class(), Class::Unavailable);
        let first = client
            .ensure_deployment(INSTALLATION, &repository(), deployment())
            .await;
        let again = client
            .ensure_deployment(INSTALLATION, &repository(), deployment())
            .await;
        assert_eq!(first.expect("a number"), again.expect("a number"));
        let made = fake.deployments();
        assert_eq!(made.len(), 1);
        assert_eq!(made[0]["production_environment"], true);
        assert_eq!(made[0]["transient_environment"], false);
        assert_eq!(made[0]["required_contexts"], json!([]));
        // another one of the same commit and environment is not ours
        let other = NewDeployment {
            mark: "d_2",
            ..deployment()
        };
        let other = client
            .ensure_deployment(INSTALLATION, &repository(), other)
            .await;
        other.expect("a number");
        assert_eq!(fake.deployments().len(), 2);
    });
}

#[test]
fn statuses_say_what_they_are_told_and_no_more_than_github_takes() {
    testbed::run(async {
        let (fake, client) = world().await;
        let long = "x".repeat(200);
        let status = NewStatus {
            state: DeploymentState::InProgress,
            description: &long,
            environment_url: "",
            log_url: "https://log.test/1",
        };
        let told = client
            .deployment_status(INSTALLATION, &repository(), 5, status)
            .await;
        told.expect("told");
        let check = NewCheck {
            state: CommitState::Failure,
            context: "Unkey Deploy Authorization",
            description: "Awaiting authorization",
            target_url: "https://log.test/2",
        };
        let said = client
            .commit_status(INSTALLATION, &repository(), SHA, check)
            .await;
        said.expect("told");
        let statuses = fake.statuses();
        assert_eq!(statuses[0].0, "5");
        assert_eq!(
            statuses[0].1,
            json!({ "state": "in_progress", "description": "x".repeat(140), "auto_inactive": true, "log_url": "https://log.test/1" })
        );
        assert_eq!(statuses[1].0, SHA);
        assert_eq!(statuses[1].1["state"], "failure");
    });
}

#[test]
fn a_status_whose_answer_was_lost_is_not_added_again() {
    testbed::run(async {
        let (fake, client) = world().await;
        let status = |state| NewStatus {
            state,
            description: "building",
            environment_url: "",
            log_url: "",
        };
        let repository = repository();
        let tell = |state| client.deployment_status(INSTALLATION, &repository, 6, status(state));
        fake.trouble([Trouble::Answer(200, &[], "[]"), Trouble::DoneThenGone]);
        tell(DeploymentState::InProgress).await.expect_err("lost");
        tell(DeploymentState::InProgress)
            .await
            .expect("there already");
        tell(DeploymentState::Pending).await.expect("told");
        // what was said before something else is said anew
        tell(DeploymentState::InProgress).await.expect("told");
        let check = |state| NewCheck {
            state,
            context: "Unkey Deploy Authorization",
            description: "Awaiting authorization",
            target_url: "https://log.test/2",
        };
        for state in [
            CommitState::Pending,
            CommitState::Pending,
            CommitState::Success,
        ] {
            let said = client.commit_status(INSTALLATION, &repository, SHA, check(state));
            said.await.expect("told");
        }
        let states: Vec<String> = fake
            .statuses()
            .iter()
            .map(|(of, s)| format!("{of} {}", s["state"].as_str().unwrap_or_default()))
            .collect();
        let of = |state: &str| format!("{SHA} {state}");
        assert_eq!(
            states,
            [
                "6 in_progress",
                "6 pending",
                "6 in_progress",
                &of("pending"),
                &of("success")
            ]
        );
    });
}

#[test]
fn c7_what_github_refuses_is_refused_for_good() {
    testbed::scenario!("C-7");
    testbed::run(async {
        let (fake, client) = world().await;
        fake.trouble([
            Trouble::Answer(200, &[], "[]"),
            Trouble::Answer(422, &[], r#"{"message":"No ref found for: 0123"}"#),
        ]);
        let refused = client
            .ensure_deployment(INSTALLATION, &repository(), deployment())
            .await;
        let refused = refused.expect_err("422");
        assert_eq!(refused.class(), Class::BadRequest);
        assert!(!refused.class().is_transient());
        assert!(refused.to_string().contains("No ref found"), "{refused}");
    });
}

#[test]
fn c10_a_rate_limit_says_when_to_come_back() {
    testbed::scenario!("C-10");
    testbed::run(async {
        let (fake, client) = world().await;
        let now = time::OffsetDateTime::now_utc().unix_timestamp() * 1_000;
        fake.trouble([Trouble::Answer(403, &[("retry-after", "30")], "{}")]);
        let limited = client.commit(AS_APP, &repository(), "main").await;
        let Err(error @ GitHubError::Answered { .. }) = limited else {
            panic!("{limited:?}");
        };
        let Class::RateLimited { until_ms } = error.class() else {
            panic!("{error:?}");
        };
        assert!(
            (now + 29_000..now + 60_000).contains(&until_ms),
            "{until_ms}"
        );
        assert!(error.class().is_transient());
    });
}

#[test]
fn the_pull_request_of_a_branch_is_found_whatever_the_branch_is_called() {
    testbed::run(async {
        let (fake, client) = world().await;
        let find = |owner: &'static str, branch: &'static str| {
            let client = client.clone();
            async move {
                let repository = repository();
                let found = client.pull_of_branch(INSTALLATION, &repository, owner, branch);
                found.await.expect("an answer")
            }
        };
        assert_eq!(find("acme", "feat/a&b").await, Some(7));
        assert_eq!(find("fork", "feat/a&b").await, None);
        assert_eq!(find("acme", "main").await, None);
        let asked = &fake.seen("GET /repos/acme/shop/pulls")[0].line;
        assert!(asked.contains("head=acme%3Afeat%2Fa%26b"), "{asked}");
    });
}

#[test]
fn our_comment_is_found_over_all_pages_and_nobody_elses() {
    testbed::run(async {
        let (fake, client) = world().await;
        let find = || async {
            let repository = repository();
            let found = client.find_comment(INSTALLATION, &repository, 7, MARKER, APP);
            found.await.expect("an answer")
        };
        fake.comment(7, &format!("{MARKER} planted"), None);
        fake.comment(7, &format!("{MARKER} of another App"), Some(APP + 1));
        fake.comment(7, &format!("quoted {MARKER}"), Some(APP));
        for n in 0..150 {
            fake.comment(7, &format!("chatter {n}"), None);
        }
        assert_eq!(find().await, None);
        let body = format!("{MARKER}\none");
        let made = client
            .create_comment(INSTALLATION, &repository(), 7, &body)
            .await;
        let made = made.expect("a number");
        let found = find().await.expect("found");
        assert_eq!((found.id, found.body), (made, body));
        let changed = client
            .update_comment(INSTALLATION, &repository(), made, &format!("{MARKER}\ntwo"))
            .await;
        changed.expect("changed");
        assert_eq!(find().await.expect("found").body, format!("{MARKER}\ntwo"));
        let ours: Vec<_> = fake
            .comments()
            .into_iter()
            .filter(|c| c["id"] == made)
            .collect();
        assert_eq!(ours.len(), 1);
        let gone = client
            .update_comment(INSTALLATION, &repository(), 1, "x")
            .await;
        assert_eq!(gone.expect_err("deleted").class(), Class::NotFound);
    });
}

#[test]
fn an_answer_without_end_is_not_read() {
    testbed::run(async {
        for status in [200, 500] {
            let flood = faults::Flood::start(status, "[[[[").await.expect("a port");
            let settings = Settings {
                base_url: flood.url(),
                ..Settings::new(None)
            };
            let client = GitHub::new(&settings).expect("a client");
            let open = Repository::parse(PUBLIC).expect("a name");
            let error = client.commit(Access::Public, &open, "main").await;
            let error = error.expect_err("too long");
            assert!(error.to_string().contains("longer than"), "{error}");
            assert!(flood.sent() < 64 << 20, "{}", flood.sent());
        }
    });
}
