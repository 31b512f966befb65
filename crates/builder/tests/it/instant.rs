//! Against a BuildKit that builds nothing: what is hard to make a real one do.

use std::time::Duration;

use build_testbed::{Ending, InstantBuildKit, Progress, Script};
use builder::{
    BuildError, BuildKit, BuildKitSettings, Builder, Limits, Order, Platform, Registry, Secret,
    Source,
};
use testbed::Proxy;
use tokio_util::sync::CancellationToken;

use crate::world::{Heard, TOKEN, fresh, run};

const SHA: &str = "0123456789abcdef0123456789abcdef01234567";

fn order() -> Order {
    Order {
        image: format!("registry.test/apps:{}", fresh("prj")),
        source: Source::new("https://git.test", "acme/shop", SHA, "web", "").expect("a source"),
        platform: Platform::Arm64,
        git_token: Some(Secret::new(TOKEN)),
        env: [("A".to_owned(), Secret::new("1"))].into(),
        registry: Registry {
            username: "me".to_owned(),
            password: Secret::new("registry-hunter2"),
            insecure: false,
        },
    }
}

async fn world() -> (InstantBuildKit, BuildKit) {
    let fake = InstantBuildKit::start().await.expect("a port");
    let settings = BuildKitSettings::new(fake.address());
    let builder = BuildKit::new(&settings).expect("a builder");
    (fake, builder)
}

#[test]
fn the_token_is_the_fetchs_and_all_else_is_the_builds() {
    testbed::run(async {
        let (fake, builder) = world().await;
        let order = order();
        let (built, _) = run(&builder, &order).await;
        assert!(built.is_ok(), "{built:?}");
        let [fetch] = fake.fetches().try_into().expect("one fetch");
        let [build] = fake.solves().try_into().expect("one build");
        let secret = |pairs: &[(&str, &str)]| {
            let pair = |(k, v): &(&str, &str)| ((*k).to_owned(), (*v).to_owned());
            pairs.iter().map(pair).collect()
        };
        assert_eq!(fetch.secrets, secret(&[("GIT_AUTH_TOKEN.git.test", TOKEN)]));
        assert_eq!(build.secrets, secret(&[("env", "A=1\n")]));
        assert_eq!(fetch.context(), build.context());
        assert_eq!(fetch.login, None);
        assert_eq!(
            build.login,
            Some(("me".to_owned(), "registry-hunter2".to_owned()))
        );
        assert_eq!(build.frontend["platform"], "linux/arm64");
        assert_eq!(fake.sessions(), 2);
    });
}

#[test]
fn every_line_of_a_long_log_arrives_in_order() {
    testbed::run(async {
        let (fake, builder) = world().await;
        let lines = 20_000;
        fake.script(
            "",
            Script {
                lines,
                ..Script::default()
            },
        );
        let (built, heard) = run(&builder, &order()).await;
        assert!(built.is_ok(), "{built:?}");
        let expected: String = (0..lines).map(|n| format!("line {n}\n")).collect();
        assert!(heard.text() == expected, "{} lines", heard.logs().len());
        let [step] = heard
            .steps_of("the build itself")
            .try_into()
            .expect("one step");
        assert!(step.has_logs);
    });
}

#[test]
fn a_builder_that_gives_up_is_no_fault_of_the_customer() {
    testbed::run(async {
        let (fake, builder) = world().await;
        let ending = Ending::Unavailable("shutting down".to_owned());
        fake.script(
            "",
            Script {
                ending,
                ..Script::default()
            },
        );
        let (built, _) = run(&builder, &order()).await;
        let error = built.expect_err("gone");
        assert!(matches!(error, BuildError::Unavailable { .. }), "{error:?}");
        let said = "failed to read dockerfile: open Dockerfile: no such file or directory";
        let ending = Ending::Failure(said.to_owned());
        fake.script(
            "",
            Script {
                ending,
                ..Script::default()
            },
        );
        let (built, heard) = run(&builder, &order()).await;
        let error = built.expect_err("no Dockerfile");
        assert!(matches!(error, BuildError::Customer { .. }), "{error:?}");
        assert_eq!(error.to_string(), format!("failed to solve: {said}"));
        assert_eq!(heard.steps_of("the build itself")[0].error, said);
    });
}

/// Runs a build that never ends by itself, until the network is broken; what came of it.
async fn broken(harm: impl Fn(&Proxy)) -> (BuildError, Heard) {
    let fake = InstantBuildKit::start().await.expect("a port");
    let addr = fake.address().replace("tcp://", "");
    let proxy = Proxy::start(addr.parse().expect("an address"))
        .await
        .expect("a port");
    let settings = BuildKitSettings {
        limits: Limits {
            keepalive: Duration::from_millis(300),
            ..Limits::default()
        },
        ..BuildKitSettings::new(format!("tcp://{}", proxy.addr()))
    };
    let builder = BuildKit::new(&settings).expect("a builder");
    fake.script(
        "",
        Script {
            hold: true,
            lines: 1,
            ..Script::default()
        },
    );
    let ticket = builder.create_build(None).await.expect("a ticket");
    let (heard, stop, order) = (Heard::default(), CancellationToken::new(), order());
    let breaking = async {
        testbed::eventually(Duration::from_secs(30), || async {
            !heard.logs().is_empty()
        })
        .await;
        harm(&proxy);
    };
    let (built, ()) = tokio::join!(builder.run(&ticket, &order, &heard, &stop), breaking);
    (built.expect_err("a lost builder"), heard)
}

#[test]
fn a_builder_that_vanishes_in_the_middle_is_noticed() {
    testbed::run(async {
        for harm in [Proxy::cut, Proxy::freeze] {
            let (error, heard) = broken(harm).await;
            assert!(matches!(error, BuildError::Unavailable { .. }), "{error:?}");
            assert!(error.to_string().contains("connection lost"), "{error}");
            let [step] = heard
                .steps_of("the build itself")
                .try_into()
                .expect("one step");
            assert_eq!(step.error, "the build ended before this step did");
        }
    });
}

#[test]
fn a_stop_is_seen_by_the_builder() {
    testbed::run(async {
        let (fake, builder) = world().await;
        fake.script(
            "",
            Script {
                hold: true,
                ..Script::default()
            },
        );
        let ticket = builder.create_build(None).await.expect("a ticket");
        let (heard, stop, order) = (Heard::default(), CancellationToken::new(), order());
        let begun = async {
            testbed::eventually(Duration::from_secs(30), || async {
                !fake.solves().is_empty()
            })
            .await;
            stop.cancel();
        };
        let (built, ()) = tokio::join!(builder.run(&ticket, &order, &heard, &stop), begun);
        assert_eq!(built, Err(BuildError::Canceled));
        let canceled = || async { fake.solves()[0].progress == Progress::Canceled };
        testbed::eventually(Duration::from_secs(30), canceled).await;
    });
}
