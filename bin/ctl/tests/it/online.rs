//! The verbs against real servers.

use crate::program::{Ran, ctl};
use crate::worker;

/// A seeded app and the addresses of everything.
pub(crate) struct Bench {
    pub(crate) database: String,
    pub(crate) ingress: String,
    pub(crate) admin: String,
    pub(crate) app: String,
}

impl Bench {
    pub(crate) async fn new() -> Self {
        let db = testbed::db().await;
        worker::serve(&db).await;
        let restate = testbed::restate().await;
        let bench = Self {
            database: testbed::shared_database().await.dsn.clone(),
            ingress: restate.ingress_url.clone(),
            admin: restate.admin_url.clone(),
            app: format!("w-{}/shop", ids::dns_label(8)),
        };
        let seeded = bench.seed();
        assert_eq!(seeded.code, 0, "{seeded:?}");
        bench
    }

    fn seed(&self) -> Ran {
        let (workspace, project) = self.app.split_once('/').expect("two slugs");
        self.ctl(&[
            "--json",
            "seed",
            "--workspace",
            workspace,
            "--project",
            project,
            "--region",
            workspace,
        ])
    }

    pub(crate) fn ctl(&self, args: &[&str]) -> Ran {
        let environment = [
            ("CTRL_DATABASE", self.database.as_str()),
            ("CTRL_INGRESS", self.ingress.as_str()),
            ("CTRL_ADMIN", self.admin.as_str()),
            ("CTRL_APP", self.app.as_str()),
        ];
        ctl(&environment, args)
    }

    /// Deploys an image that works; returns the id.
    pub(crate) fn deployed(&self, image: &str) -> String {
        let ran = self.ctl(&["--json", "deploy", image]);
        assert_eq!(ran.code, 0, "{ran:?}");
        ran.json()[0]["deployment_id"]
            .as_str()
            .expect("id")
            .to_owned()
    }
}

#[test]
fn seeding_twice_changes_nothing() {
    testbed::run(async {
        let bench = Bench::new().await;
        let (first, second) = (bench.seed(), bench.seed());
        assert_eq!(first.out, second.out);
        let seeded = &second.json()[0];
        assert_eq!(seeded["app"], format!("{}/default", bench.app));
        assert_eq!(seeded["regions"].as_array().expect("regions").len(), 1);
    });
}

#[test]
fn a_deploy_is_followed_until_it_is_live() {
    testbed::run(async {
        let bench = Bench::new().await;
        let ran = bench.ctl(&["deploy", "img:1", "--branch", "main", "--commit", "abc"]);
        assert_eq!(ran.code, 0, "{ran:?}");
        assert!(ran.out.contains("  starting done in 1.50 s"), "{}", ran.out);
        assert!(
            ran.out.contains(" is ready and live\n  https://app_"),
            "{}",
            ran.out
        );

        let ran = bench.ctl(&["--json", "deploy", "img:2"]);
        let events = ran.json();
        let names: Vec<&str> = events
            .iter()
            .filter_map(|event| event["event"].as_str())
            .collect();
        assert_eq!(names[..2], ["created", "sent"], "{names:?}");
        let last = events.last().expect("an end");
        assert_eq!(
            (&last["event"], &last["status"], &last["live"]),
            (&"end".into(), &"ready".into(), &true.into())
        );
        assert_eq!(last["routes"][0]["deployment_id"], last["deployment_id"]);
    });
}

#[test]
fn a_failed_deploy_ends_with_the_workers_own_words() {
    testbed::run(async {
        let bench = Bench::new().await;
        let ran = bench.ctl(&["deploy", "bad:1"]);
        assert_eq!(ran.code, 1, "{ran:?}");
        assert!(
            ran.out
                .contains("  deploying failed: The regions did not become healthy."),
            "{}",
            ran.out
        );
        assert_eq!(ran.err.trim_end(), format!("error: {}", worker::REFUSAL));

        let json = bench.ctl(&["--json", "deploy", "bad:1"]).json();
        let (end, error) = (&json[json.len() - 2], &json[json.len() - 1]);
        assert_eq!(
            (&end["status"], &end["error"]),
            (&"failed".into(), &worker::REFUSAL.into())
        );
        assert_eq!(
            (&error["event"], &error["code"]),
            (&"error".into(), &1.into())
        );
    });
}

#[test]
fn traffic_moves_back_and_forth() {
    testbed::run(async {
        let bench = Bench::new().await;
        let (first, second) = (bench.deployed("img:1"), bench.deployed("img:2"));
        let back = bench.ctl(&["--json", "rollback", &first]);
        assert_eq!(back.code, 0, "{back:?}");
        let back = &back.json()[0];
        assert_eq!(
            (&back["live_deployment_id"], &back["rolled_back"]),
            (&first.as_str().into(), &true.into())
        );
        assert_eq!(
            (&back["moved"][0]["from"], &back["moved"][0]["to"]),
            (&second.as_str().into(), &first.as_str().into())
        );

        let again = bench.ctl(&["rollback", &first]);
        assert_eq!(
            (again.code, again.err.trim_end()),
            (1, "error: CW0016: Source and target are the same.")
        );

        let forth = bench.ctl(&["promote", &second]);
        assert_eq!(forth.code, 0, "{forth:?}");
        assert!(
            forth
                .out
                .starts_with(&format!("{second} is ready and live\n")),
            "{}",
            forth.out
        );

        let routes = bench.ctl(&["routes"]);
        assert_eq!(routes.code, 2, "needs --app or --deployment: {routes:?}");
        let routes = bench.ctl(&["routes", "--app", &bench.app]);
        assert!(
            routes.out.trim_end().ends_with(&format!("{second} (live)")),
            "{}",
            routes.out
        );
        let none = bench.ctl(&["routes", "--deployment", &first]);
        assert_eq!((none.code, none.out.as_str()), (0, "no routes\n"));
    });
}

#[test]
fn a_sleeping_deployment_is_woken_and_shown() {
    testbed::run(async {
        let bench = Bench::new().await;
        let app =
            intent::find_app_by_slugs(&testbed::db().await, workspace(&bench), "shop", "default")
                .await
                .expect("app");
        let new = intent::NewDeployment::preview(&app.app_id)
            .image("img:1")
            .status("stopped");
        let id = intent::create_deployment(&testbed::db().await, &new)
            .await
            .expect("created");
        let before = bench.ctl(&["--json", "status", &id]);
        assert_eq!(before.json()[0]["status"], "stopped");
        assert_eq!(bench.ctl(&["wake", &id]).code, 0);
        let after = bench.ctl(&["status", &id]);
        assert_eq!(
            after.out,
            format!("{id}  img:1 in preview\n  ready, shall be running\n")
        );
    });
}

#[test]
fn what_does_not_exist_or_does_not_end_has_its_own_exit_code() {
    testbed::run(async {
        let bench = Bench::new().await;
        for args in [
            ["status", "d_missing"],
            ["promote", "d_missing"],
            ["rollback", "d_missing"],
            ["wake", "d_missing"],
        ] {
            let ran = bench.ctl(&args);
            assert_eq!(ran.code, 4, "{args:?}: {ran:?}");
            assert!(ran.err.contains("no deployment `d_missing`"), "{}", ran.err);
        }
        let app = bench.ctl(&["deploy", "img:1", "--app", "acme/nothing"]);
        assert_eq!(
            (app.code, app.err.contains("ctl seed")),
            (4, true),
            "{app:?}"
        );
        let slow = bench.ctl(&["deploy", "endless:1", "--timeout", "1"]);
        assert_eq!(
            (slow.code, slow.err.contains("ctl watch d_")),
            (5, true),
            "{slow:?}"
        );
    });
}

#[test]
fn a_deployment_that_could_not_be_handed_over_does_not_stay_pending() {
    testbed::run(async {
        let bench = Bench::new().await;
        let environment = [
            ("CTRL_DATABASE", bench.database.as_str()),
            ("CTRL_INGRESS", "http://127.0.0.1:9"),
        ];
        let ran = ctl(
            &environment,
            &["--json", "deploy", "img:1", "--app", &bench.app],
        );
        assert_eq!(ran.code, 3, "{ran:?}");
        assert!(ran.err.contains("CTRL_INGRESS"), "{}", ran.err);
        let id = ran.json()[0]["deployment_id"]
            .as_str()
            .expect("id")
            .to_owned();
        assert_eq!(
            bench.ctl(&["--json", "status", &id]).json()[0]["status"],
            "failed"
        );
    });
}

fn workspace(bench: &Bench) -> &str {
    bench.app.split('/').next().expect("a slug")
}
