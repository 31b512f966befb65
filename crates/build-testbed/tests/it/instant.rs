//! The BuildKit that pretends: it asks sessions for their secrets, plays its scripts, and notices who goes away.

use std::time::Duration;

use bollard_buildkit_proto::moby::buildkit::v1::{Exporter, SolveRequest, StatusRequest};
use build_testbed::{Ending, InstantBuildKit, Progress, Script};

use crate::client::{control, session};

fn solve(reference: &str) -> SolveRequest {
    let image = format!("registry.test/apps:{reference}");
    let attrs = [("name".to_owned(), image)];
    let context = format!("https://git.test/acme/shop.git#{reference}");
    SolveRequest {
        r#ref: reference.to_owned(),
        session: "s1".to_owned(),
        frontend: "dockerfile.v0".to_owned(),
        frontend_attrs: [("context".to_owned(), context)].into(),
        exporters: vec![Exporter {
            r#type: "image".to_owned(),
            attrs: attrs.into(),
        }],
        ..SolveRequest::default()
    }
}

#[test]
fn a_solve_is_answered_at_once_and_its_lines_are_told() {
    testbed::run(async {
        let buildkit = InstantBuildKit::start().await.expect("a port");
        buildkit.script(
            "lines",
            Script {
                lines: 250,
                ..Script::default()
            },
        );
        let mut control = control(&buildkit.address()).await;
        session(&mut control, "s1").await;
        let status = control.status(StatusRequest {
            r#ref: "lines".to_owned(),
        });
        let mut status = status.await.expect("a stream").into_inner();
        let solved = control.solve(solve("lines")).await.expect("an answer");
        let digest = &solved.into_inner().exporter_response["containerimage.digest"];
        assert!(digest.starts_with("sha256:") && digest.len() == 71);
        let (mut lines, mut ended) = (0, 0);
        while let Some(message) = status.message().await.expect("a whole stream") {
            lines += message.logs.len();
            ended += message
                .vertexes
                .iter()
                .filter(|v| v.completed.is_some())
                .count();
        }
        assert_eq!((lines, ended), (250, 2));
        let seen = buildkit.solves_of("lines").remove(0);
        assert_eq!(seen.secrets["env"], "KEY='value'");
        assert!(!seen.secrets.contains_key("GIT_AUTH_TOKEN.git.test"));
        let login = ("me".to_owned(), "registry.test".to_owned());
        assert_eq!(seen.login, Some(login));
        assert_eq!(seen.progress, Progress::Ended(Ending::Success));
    });
}

#[test]
fn a_solve_fails_as_it_is_told_to_and_without_a_session() {
    testbed::run(async {
        let buildkit = InstantBuildKit::start().await.expect("a port");
        let ending = Ending::Failure("failed to solve: process: exit code: 1".to_owned());
        buildkit.script(
            "bad",
            Script {
                ending,
                ..Script::default()
            },
        );
        let mut control = control(&buildkit.address()).await;
        let alone = control.solve(solve("alone")).await.expect_err("no session");
        assert!(alone.message().contains("session"), "{alone}");
        session(&mut control, "s1").await;
        let failed = control
            .solve(solve("bad"))
            .await
            .expect_err("it is told to");
        assert_eq!(failed.message(), "failed to solve: process: exit code: 1");
        let status = control.status(StatusRequest {
            r#ref: "bad".to_owned(),
        });
        let mut status = status.await.expect("a stream").into_inner();
        let mut error = String::new();
        while let Some(message) = status.message().await.expect("a whole stream") {
            error.extend(message.vertexes.into_iter().map(|v| v.error));
        }
        assert!(error.contains("exit code"), "{error}");
    });
}

#[test]
fn a_held_solve_waits_and_a_dropped_one_is_canceled() {
    testbed::run(async {
        let buildkit = InstantBuildKit::start().await.expect("a port");
        buildkit.script(
            "held",
            Script {
                hold: true,
                ..Script::default()
            },
        );
        let mut first = control(&buildkit.address()).await;
        session(&mut first, "s1").await;
        let progress = |reference: &str| {
            let solves = buildkit.solves_of(reference);
            solves.last().map(|s| s.progress.clone())
        };
        for reference in ["held-a", "held-b"] {
            let mut control = first.clone();
            let running = tokio::spawn(async move { control.solve(solve(reference)).await });
            testbed::eventually(Duration::from_secs(10), || async {
                progress(reference) == Some(Progress::Running)
            })
            .await;
            if reference == "held-a" {
                running.abort();
                testbed::eventually(Duration::from_secs(10), || async {
                    progress(reference) == Some(Progress::Canceled)
                })
                .await;
            } else {
                buildkit.release("held-b");
                running.await.expect("no panic").expect("an answer");
            }
        }
        assert_eq!(buildkit.solves().len(), 2);
    });
}
