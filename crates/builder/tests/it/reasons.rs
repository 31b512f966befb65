//! Builds that fail, and whose fault that is.

use std::net::SocketAddr;

use builder::{BuildError, Operation, Secret, Source};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::world::{Heard, TOKEN, buildkit, fresh, order, repository, run, servers};

/// Builds the lines; what the customer is told.
async fn told(lines: &str) -> Option<(String, Heard)> {
    let peers = servers().await?;
    let (name, sha) = repository(peers, lines).await;
    let (built, heard) = run(&buildkit(peers), &order(peers, &name, &sha)).await;
    match built.expect_err("a failure") {
        BuildError::Customer { public, .. } => Some((public, heard)),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_command_that_fails_is_told_with_its_log() {
    testbed::run(async {
        let lines = "RUN --network=none echo 502 Bad Gateway; echo on the other >&2; exit 3";
        let Some((public, heard)) = told(lines).await else {
            return;
        };
        assert!(
            public.starts_with("A command of the Dockerfile failed."),
            "{public}"
        );
        assert!(public.contains("exit code: 3"), "{public}");
        let text = heard.text();
        assert!(
            text.contains("502 Bad Gateway\n") && text.contains("on the other\n"),
            "{text}"
        );
        let [step] = heard.steps_of("exit 3").try_into().expect("one step");
        assert!(
            step.has_logs && step.error.contains("exit code: 3"),
            "{step:?}"
        );
    });
}

#[test]
fn mistakes_in_a_dockerfile_are_named() {
    testbed::run(async {
        for (lines, hint, reason) in [
            ("RNU echo x", "syntax error", "unknown instruction: RNU"),
            ("COPY nosuch /", "is missing", "nosuch"),
            (
                "COPY --from=nosuch:%% / /",
                "name of an image",
                "invalid reference format",
            ),
        ] {
            let Some((public, _)) = told(lines).await else {
                return;
            };
            assert!(
                public.contains(hint) && public.contains(reason),
                "{lines}: {public}"
            );
            assert!(public.len() <= 400);
        }
    });
}

#[test]
fn a_missing_dockerfile_or_folder_says_where_to_look() {
    testbed::run(async {
        let Some(peers) = servers().await else { return };
        let (name, sha) = repository(peers, "").await;
        for (context, dockerfile, hint) in [
            ("", "Dockerfile.prod", "Check the Dockerfile path"),
            ("no/such", "", "root directory"),
        ] {
            let mut order = order(peers, &name, &sha);
            let url = peers.git().url();
            order.source = Source::new(&url, &name, &sha, context, dockerfile).expect("a source");
            let (built, _) = run(&buildkit(peers), &order).await;
            match built.expect_err("a failure") {
                BuildError::Customer { public, .. } => assert!(public.contains(hint), "{public}"),
                other => panic!("{other:?}"),
            }
        }
    });
}

#[test]
fn a_source_that_cannot_be_fetched_says_why() {
    testbed::run(async {
        let Some(peers) = servers().await else { return };
        let builder = buildkit(peers);
        let (name, _) = repository(peers, "").await;
        let public = |error: BuildError| match error {
            BuildError::Customer { public, .. } => public,
            other => panic!("{other:?}"),
        };
        let gone = order(peers, &name, "0123456789012345678901234567890123456789");
        let said = public(run(&builder, &gone).await.0.expect_err("no commit"));
        assert!(
            said.starts_with("The commit is no longer in the repository."),
            "{said}"
        );
        // what one may fetch is in the builder's cache for all: each has a repository of its own here
        let (name, sha) = repository(peers, "").await;
        let mut open = order(peers, &name, &sha);
        open.git_token = None;
        let said = public(run(&builder, &open).await.0.expect_err("private"));
        assert!(said.starts_with("The repository cannot be read."), "{said}");
        let absent = order(peers, &fresh("acme/absent"), &sha);
        let said = public(run(&builder, &absent).await.0.expect_err("no repository"));
        assert!(said.starts_with("The repository cannot be read."), "{said}");
        // one that has ended may be followed by another
        let mut ended = order(peers, &name, &sha);
        ended.git_token = Some(Secret::new("ghs_ended"));
        let error = run(&builder, &ended).await.0.expect_err("a bad token");
        assert!(error.is_transient(), "{error:?}");
        assert!(!error.to_string().contains("ghs_ended"));
    });
}

#[test]
fn trouble_of_the_git_server_passes() {
    testbed::run(async {
        if servers().await.is_none() {
            return;
        }
        // one of its own: everybody's requests would meet the trouble
        let git = build_testbed::GitServer::start().await.expect("a server");
        git.accept(TOKEN);
        let files = [("Dockerfile", "FROM scratch\nCOPY Dockerfile /\n")];
        let (name, peers) = (fresh("acme/shop"), servers().await.expect("servers"));
        let sha = git.create_repo(&name, &files).await;
        let mut order = order(peers, "acme/none", &sha);
        order.source = Source::new(&git.url(), &name, &sha, "", "").expect("a source");
        git.trouble(502, 1);
        let error = run(&buildkit(peers), &order).await.0.expect_err("a 502");
        let fetch = Operation::Fetch;
        assert!(
            matches!(&error, BuildError::Unavailable { operation, .. } if *operation == fetch),
            "{error:?}"
        );
        let (built, _) = run(&buildkit(peers), &order).await;
        assert!(built.is_ok(), "{built:?}");
    });
}

#[test]
fn a_registry_in_trouble_is_not_the_customers_fault() {
    testbed::run(async {
        let Some(peers) = servers().await else { return };
        let (name, sha) = repository(peers, "").await;
        let mut order = order(peers, &name, &sha);
        for status in [
            "500 Internal Server Error",
            "502 Bad Gateway",
            "503 Service Unavailable",
            "504 Gateway Timeout",
        ] {
            order.image = format!("{}/apps:x", answers(status).await);
            let error = run(&buildkit(peers), &order).await.0.expect_err(status);
            assert!(
                matches!(&error, BuildError::Unavailable { .. }),
                "{status}: {error:?}"
            );
        }
        let nobody = testbed::free_port().expect("a port");
        order.image = format!("{nobody}/apps:x");
        let error = run(&buildkit(peers), &order)
            .await
            .0
            .expect_err("nobody there");
        assert!(
            matches!(&error, BuildError::Unavailable { .. }),
            "{error:?}"
        );
    });
}

#[test]
fn a_wrong_login_is_the_operators() {
    testbed::run(async {
        let Some(peers) = servers().await else { return };
        let (name, sha) = repository(peers, "").await;
        let mut order = order(peers, &name, &sha);
        order.registry.password = Secret::new("wrong-password-77");
        let error = run(&buildkit(peers), &order).await.0.expect_err("a login");
        let push = Operation::Push;
        assert!(
            matches!(&error, BuildError::Refused { operation, .. } if *operation == push),
            "{error:?}"
        );
        assert!(!format!("{error:?}").contains("wrong-password-77"));
    });
}

/// A registry that has nothing to say but this.
async fn answers(status: &'static str) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port");
    let addr = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut buffer = [0; 8192];
                while let Ok(1..) = stream.read(&mut buffer).await {
                    let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n");
                    if stream.write_all(answer.as_bytes()).await.is_err() {
                        break;
                    }
                }
            });
        }
    });
    addr
}
