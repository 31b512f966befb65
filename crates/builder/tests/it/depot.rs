//! Depot: projects, builds, machines.

use std::time::Duration;

use build_testbed::{DEPOT_TOKEN, DepotFake, Finish, Script, Trouble};
use builder::{
    BuildError, Builder, Depot, DepotSettings, Limits, Operation, Order, Outcome, Platform,
    Registry, Secret, Source, Ticket,
};
use tokio_util::sync::CancellationToken;

use crate::world::{Heard, TOKEN, fresh, order, repository, servers};

fn limits() -> Limits {
    Limits {
        poll: Duration::from_millis(20),
        ready_pause: Duration::from_millis(20),
        health_pause: Duration::from_millis(10),
        ..Limits::default()
    }
}

fn settings(fake: &DepotFake) -> DepotSettings {
    DepotSettings {
        api_url: fake.api_url(),
        build_url: fake.api_url(),
        token: Secret::new(DEPOT_TOKEN),
        region: "eu-central-1".to_owned(),
        limits: limits(),
    }
}

fn depot(fake: &DepotFake) -> Depot {
    Depot::new(&settings(fake)).expect("a builder")
}

fn pretended() -> Order {
    let sha = "0".repeat(40);
    Order {
        image: format!("registry.test/apps:{}", fresh("prj")),
        source: Source::new("https://git.test", "acme/shop", &sha, "", "").expect("a source"),
        platform: Platform::Arm64,
        git_token: Some(Secret::new(TOKEN)),
        env: [].into(),
        registry: Registry {
            username: "me".to_owned(),
            password: Secret::new(DEPOT_TOKEN),
            insecure: false,
        },
    }
}

async fn opened(depot: &Depot, name: &str) -> Ticket {
    let project = depot.create_project(name).await.expect("a project");
    depot
        .create_build(project.as_deref())
        .await
        .expect("a build")
}

#[test]
fn a_project_a_build_a_machine_and_an_end() {
    testbed::run(async {
        let Some(peers) = servers().await else { return };
        let fake = DepotFake::start(&peers.buildkit_address())
            .await
            .expect("a Depot");
        fake.pending(2);
        let depot = depot(&fake);
        let ticket = opened(&depot, "builds-prj_1").await;
        let [project] = fake.projects().try_into().expect("one project");
        assert_eq!(
            (project.name.as_str(), project.region.as_str()),
            ("builds-prj_1", "eu-central-1")
        );
        assert_eq!((project.keep_gb, project.keep_days), (50, 14));
        let (name, sha) = repository(peers, "RUN --network=none echo at a machine").await;
        let (order, heard) = (order(peers, &name, &sha), Heard::default());
        let stop = CancellationToken::new();
        let built = depot
            .run(&ticket, &order, &heard, &stop)
            .await
            .expect("an image");
        assert!(peers.manifest(&order.image).await.is_some());
        assert!(heard.text().contains("at a machine"));
        let seen = fake.build(&ticket.build_id).expect("the build");
        assert_eq!((seen.platform, seen.polls, seen.machines), (1, 3, 1));
        assert!(seen.health_reports > 1, "{seen:?}");
        assert!(seen.finishes.is_empty(), "finishing is a step of its own");
        // after a crash: the same build, the same machine, nothing built again
        let again = Heard::default();
        let rebuilt = depot
            .run(&ticket, &order, &again, &stop)
            .await
            .expect("an image");
        assert_eq!(rebuilt, built);
        assert!(again.steps_of("at a machine")[0].cached);
        assert_eq!(fake.build(&ticket.build_id).expect("the build").machines, 1);
        depot
            .finish(&ticket, &Outcome::Success)
            .await
            .expect("an end");
        let seen = fake.build(&ticket.build_id).expect("the build");
        assert_eq!(seen.finishes, [Finish::Success]);
    });
}

#[test]
fn a_machine_that_is_lost_is_followed_by_another() {
    testbed::run(async {
        let Some(peers) = servers().await else { return };
        let fake = DepotFake::start(&peers.buildkit_address())
            .await
            .expect("a Depot");
        let depot = depot(&fake);
        let ticket = opened(&depot, "builds-lost").await;
        let wait = "until [ -e /gone ]; do /busybox sleep 1; done";
        let (name, sha) =
            repository(peers, &format!("RUN --network=none echo waiting; {wait}")).await;
        let (mut order, heard) = (order(peers, &name, &sha), Heard::default());
        let stop = CancellationToken::new();
        let lose = async {
            let waiting = || async { heard.text().contains("waiting") };
            testbed::eventually(Duration::from_secs(60), waiting).await;
            fake.lose_machine(&ticket.build_id);
        };
        let (built, ()) = tokio::join!(depot.run(&ticket, &order, &heard, &stop), lose);
        let error = built.expect_err("a lost machine");
        assert!(
            matches!(&error, BuildError::Unavailable { .. }),
            "{error:?}"
        );
        let (name, sha) = repository(peers, "").await;
        order.source = Source::new(&peers.git().url(), &name, &sha, "", "").expect("a source");
        let built = depot.run(&ticket, &order, &heard, &stop).await;
        assert!(built.is_ok(), "{built:?}");
        assert_eq!(fake.build(&ticket.build_id).expect("the build").machines, 2);
    });
}

#[test]
fn an_end_is_told_in_three_ways_and_again_without_harm() {
    testbed::run(async {
        let fake = DepotFake::instant().await.expect("a Depot");
        let depot = depot(&fake);
        for (outcome, expected) in [
            (Outcome::Success, Finish::Success),
            (
                Outcome::Failed("no Dockerfile".to_owned()),
                Finish::Failed("no Dockerfile".to_owned()),
            ),
            (Outcome::Canceled, Finish::Canceled),
        ] {
            let ticket = opened(&depot, "builds-ends").await;
            // the answer is lost after the effect
            fake.trouble("FinishBuild", [Trouble::DoneThenGone]);
            let lost = depot.finish(&ticket, &outcome).await.expect_err("lost");
            assert!(lost.is_transient(), "{lost:?}");
            let seen = fake.build(&ticket.build_id).expect("the build");
            assert_eq!(seen.finishes, [expected]);
            let refuse = |code| Trouble::Refuse {
                code,
                message: "the build is finished".to_owned(),
                retry_after: None,
            };
            for code in ["failed_precondition", "not_found", "already_exists"] {
                fake.trouble("FinishBuild", [refuse(code)]);
                assert_eq!(depot.finish(&ticket, &outcome).await, Ok(()), "{code}");
            }
        }
    });
}

#[test]
fn refusals_and_limits_are_told_apart_from_trouble() {
    testbed::run(async {
        let fake = DepotFake::instant().await.expect("a Depot");
        let stranger = DepotSettings {
            token: Secret::new("stranger-token"),
            ..settings(&fake)
        };
        let stranger = Depot::new(&stranger).expect("a builder");
        let error = stranger.create_project("x").await.expect_err("a stranger");
        let find = Operation::FindProject;
        assert!(
            matches!(&error, BuildError::Refused { operation, .. } if *operation == find),
            "{error:?}"
        );
        assert!(!error.to_string().contains("stranger-token"));
        let depot = depot(&fake);
        let error = depot
            .create_build(Some("nosuch"))
            .await
            .expect_err("no project");
        assert!(matches!(&error, BuildError::Refused { .. }), "{error:?}");
        assert!(matches!(
            depot.create_build(None).await,
            Err(BuildError::Refused { .. })
        ));
        let refuse = |code, retry_after| Trouble::Refuse {
            code,
            message: "later".to_owned(),
            retry_after,
        };
        let project = depot.create_project("builds-x").await.expect("a project");
        fake.trouble(
            "CreateBuild",
            [
                refuse("unavailable", None),
                refuse("resource_exhausted", Some(30)),
            ],
        );
        let error = depot
            .create_build(project.as_deref())
            .await
            .expect_err("busy");
        assert!(
            matches!(&error, BuildError::Unavailable { .. }),
            "{error:?}"
        );
        let error = depot
            .create_build(project.as_deref())
            .await
            .expect_err("limited");
        assert!(
            matches!(error, BuildError::RateLimited { until_ms: Some(_) }),
            "{error:?}"
        );
        assert!(depot.create_build(project.as_deref()).await.is_ok());
    });
}

#[test]
fn a_project_whose_answer_was_lost_is_found_and_not_made_again() {
    testbed::run(async {
        let fake = DepotFake::instant().await.expect("a Depot");
        let depot = depot(&fake);
        depot.create_project("builds-other").await.expect("made");
        fake.trouble("CreateProject", [Trouble::DoneThenGone]);
        let error = depot.create_project("builds-x").await.expect_err("lost");
        assert!(error.is_transient(), "{error:?}");
        let found = depot.create_project("builds-x").await.expect("found");
        let ours: Vec<_> = fake.projects();
        let ours: Vec<_> = ours.iter().filter(|p| p.name == "builds-x").collect();
        assert_eq!(ours.len(), 1);
        assert_eq!(found.as_deref(), Some(ours[0].id.as_str()));
    });
}

#[test]
fn waiting_has_an_end() {
    testbed::run(async {
        let fake = DepotFake::instant().await.expect("a Depot");
        let short = Duration::from_millis(300);
        let mut settings = settings(&fake);
        settings.limits = Limits {
            call: short,
            acquire: short,
            ..limits()
        };
        let depot = Depot::new(&settings).expect("a builder");
        fake.trouble("CreateProject", [Trouble::Silence]);
        let error = depot.create_project("builds-x").await.expect_err("silence");
        assert!(
            matches!(&error, BuildError::Unavailable { .. }),
            "{error:?}"
        );
        fake.pending(usize::MAX);
        let ticket = opened(&depot, "builds-never").await;
        let stop = CancellationToken::new();
        let run = async || {
            depot
                .run(&ticket, &pretended(), &Heard::default(), &stop)
                .await
        };
        let error = run().await.expect_err("no machine");
        let acquire = Operation::Acquire;
        assert!(
            matches!(&error, BuildError::Unavailable { operation, .. } if *operation == acquire),
            "{error:?}"
        );
        // a build that is closed gets none, and that is not waited for
        depot
            .finish(&ticket, &Outcome::Canceled)
            .await
            .expect("an end");
        let error = run().await.expect_err("closed");
        assert!(matches!(&error, BuildError::Refused { .. }), "{error:?}");
        fake.pending(0);
        let ticket = opened(&depot, "builds-flaky").await;
        let busy = || Trouble::Refuse {
            code: "unavailable",
            message: "busy".to_owned(),
            retry_after: None,
        };
        fake.trouble("GetBuildKitConnection", [busy(), busy()]);
        let built = depot
            .run(&ticket, &pretended(), &Heard::default(), &stop)
            .await;
        assert!(
            built.is_ok(),
            "a question that fails is asked again: {built:?}"
        );
    });
}

#[test]
fn what_cannot_be_built_takes_no_machine() {
    testbed::run(async {
        let fake = DepotFake::instant().await.expect("a Depot");
        let depot = depot(&fake);
        let ticket = opened(&depot, "builds-bad").await;
        let stop = CancellationToken::new();
        let mut order = pretended();
        order.env = [("NOT-A-NAME".to_owned(), Secret::new("hunter2"))].into();
        let refused = depot.run(&ticket, &order, &Heard::default(), &stop).await;
        let refused = refused.expect_err("no name");
        assert!(matches!(&refused, BuildError::Order(text) if !text.contains("hunter2")));
        assert_eq!(fake.build(&ticket.build_id).expect("the build").polls, 0);
    });
}

#[test]
fn a_build_is_reported_alive_from_before_its_machine_to_its_end() {
    testbed::run(async {
        let fake = DepotFake::instant().await.expect("a Depot");
        let depot = depot(&fake);
        let ticket = opened(&depot, "builds-health").await;
        fake.buildkit().script(
            "",
            Script {
                hold: true,
                ..Script::default()
            },
        );
        // reports that fail or hang change nothing
        let refuse = Trouble::Refuse {
            code: "internal",
            message: "no".to_owned(),
            retry_after: None,
        };
        fake.trouble("ReportBuildHealth", [refuse]);
        let reports = || {
            fake.build(&ticket.build_id)
                .map_or(0, |build| build.health_reports)
        };
        let (heard, stop, order) = (Heard::default(), CancellationToken::new(), pretended());
        let watch = async {
            testbed::eventually(Duration::from_secs(30), || async {
                !fake.buildkit().solves().is_empty() && reports() > 3
            })
            .await;
            fake.buildkit().release("");
        };
        let (built, ()) = tokio::join!(depot.run(&ticket, &order, &heard, &stop), watch);
        assert!(built.is_ok(), "{built:?}");
        let all = fake.calls();
        let all = all.iter().filter(|call| call.contains("BuildHealth"));
        assert!(all.count() > reports(), "one of them failed");
        assert_eq!(fake.build(&ticket.build_id).expect("the build").platform, 2);
    });
}

#[test]
fn an_answer_without_end_is_not_read() {
    testbed::run(async {
        for status in [200, 400] {
            let flood = faults::Flood::start(status, "[[[[").await.expect("a port");
            let depot = Depot::new(&DepotSettings {
                api_url: flood.url(),
                build_url: flood.url(),
                token: Secret::new("a-token"),
                region: "eu".to_owned(),
                limits: limits(),
            });
            let error = depot.expect("settings").create_project("p").await;
            let error = error.expect_err("too long");
            assert!(error.to_string().contains("longer than"), "{error}");
            assert!(flood.sent() < 64 << 20, "{}", flood.sent());
        }
    });
}
