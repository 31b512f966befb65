//! The real ones: BuildKit answers, Git demands its token, the registry its login.

use bollard_buildkit_proto::moby::buildkit::v1::{ListWorkersRequest, SolveRequest};
use build_testbed::Access;
use std::process::Command;

use crate::client::control;

#[test]
fn buildkit_answers_at_its_socket_and_says_why_a_build_fails() {
    testbed::run(async {
        let Some(peers) = build_testbed::peers().await else {
            return;
        };
        let mut control = control(&peers.buildkit_address()).await;
        let workers = control.list_workers(ListWorkersRequest { filter: vec![] });
        let workers = workers.await.expect("an answer").into_inner().record;
        let platforms = workers.iter().flat_map(|w| &w.platforms);
        assert!(platforms.into_iter().any(|p| p.os == "linux"));
        let solve = SolveRequest {
            r#ref: "nothing".to_owned(),
            frontend: "dockerfile.v0".to_owned(),
            ..SolveRequest::default()
        };
        let failed = control.solve(solve).await.expect_err("no context");
        assert!(!failed.message().is_empty());
    });
}

#[test]
fn git_hands_out_any_commit_to_a_token_and_nothing_without_one() {
    testbed::run(async {
        let Some(peers) = build_testbed::peers().await else {
            return;
        };
        let git = peers.git();
        let first = git
            .create_repo("acme/fetched", &[("Dockerfile", "FROM scratch\n")])
            .await;
        let second = git.commit("acme/fetched", &[("src/a", "a")], "More").await;
        assert_ne!(first, second);
        assert_eq!(git.head("acme/fetched", "main").await, Some(second));
        git.accept("good");
        git.ask(|_, token| match token {
            "elsewhere" => Access::Hidden,
            _ => Access::Unknown,
        });
        let url = format!("{}/acme/fetched.git", git.url());
        let fetch = |url: String, token: Option<&'static str>, sha: String| async move {
            tokio::task::spawn_blocking(move || fetch(&url, token, &sha))
                .await
                .expect("no panic")
        };
        assert!(
            fetch(url.clone(), Some("good"), first.clone())
                .await
                .is_ok()
        );
        let said = fetch(url.clone(), None, first.clone())
            .await
            .expect_err("private");
        assert!(said.contains("could not read Username"), "{said}");
        let said = fetch(url.clone(), Some("elsewhere"), first.clone()).await;
        let said = said.expect_err("another repository's");
        assert!(said.contains("not found"), "{said}");
        assert!(
            fetch(url.clone(), Some("bad"), first.clone())
                .await
                .is_err()
        );
        assert_eq!(git.fetches("acme/fetched"), 1);
        assert!(git.tokens("acme/fetched").contains("bad"));
        git.fork("acme/fetched", "mallory/fetched").await;
        git.publish("mallory/fetched");
        let fork = format!("{}/mallory/fetched.git", git.url());
        assert!(fetch(fork, None, first).await.is_ok());
    });
}

fn fetch(url: &str, token: Option<&str>, sha: &str) -> Result<(), String> {
    use base64::Engine as _;
    let dir = testbed::server_dir("clone").expect("a folder");
    let mut git = Command::new("git");
    git.env("GIT_TERMINAL_PROMPT", "0").current_dir(&dir);
    git.args(["init", "--quiet", "."]);
    assert!(git.status().expect("git runs").success());
    let mut git = Command::new("git");
    git.env("GIT_TERMINAL_PROMPT", "0").current_dir(&dir);
    if let Some(token) = token {
        let login = format!("x-access-token:{token}");
        let login = base64::engine::general_purpose::STANDARD.encode(login);
        let header = format!("http.extraheader=Authorization: basic {login}");
        git.args(["-c", &header]);
    }
    let output = git.args(["fetch", "--depth=1", url, sha]).output();
    let output = output.expect("git runs");
    let _ = std::fs::remove_dir_all(&dir);
    if output.status.success() {
        Ok(())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

#[test]
fn the_registry_has_nothing_before_a_push() {
    testbed::run(async {
        let Some(peers) = build_testbed::peers().await else {
            return;
        };
        let registry = peers.registry();
        let image = format!("{}:absent", registry.repository);
        assert_eq!(peers.manifest(&image).await, None);
        let open = reqwest::Client::builder()
            .no_proxy()
            .build()
            .expect("a client");
        let answer = open
            .get(format!("http://{}/v2/", registry.addr))
            .send()
            .await;
        assert_eq!(answer.expect("an answer").status(), 401);
    });
}
