//! The Depot of a test's own: a real client of Depot builds with it, and it says no where Depot does.

use std::process::Command;
use std::time::Duration;

use build_testbed::{DEPOT_TOKEN, DepotFake, Finish, Trouble};
use serde_json::{Value, json};

/// Calls a method over Connect with JSON: its status and answer.
async fn call(depot: &DepotFake, path: &str, token: &str, body: Value) -> (u16, Value) {
    let client = reqwest::Client::builder().no_proxy().build();
    let url = format!("{}/{path}", depot.api_url());
    let request = client.expect("a client").post(url).json(&body);
    let answer = request.bearer_auth(token).send().await.expect("an answer");
    let status = answer.status().as_u16();
    (status, answer.json().await.expect("JSON"))
}

const CREATE: &str = "depot.cli.v1.BuildService/CreateBuild";
const CONNECT: &str = "depot.cli.v1.BuildService/GetBuildKitConnection";
const FINISH: &str = "depot.cli.v1.BuildService/FinishBuild";

#[test]
fn a_real_client_of_depot_builds_and_pushes() {
    testbed::run(async {
        let Some(peers) = build_testbed::peers().await else {
            return;
        };
        let program =
            testbed::repository().join(".stack/node_modules/@depot/cli-linux-x64/bin/depot");
        if !program.is_file() && !cfg!(target_arch = "x86_64") {
            eprintln!("NOT TESTED: Depot's client, which does not run on this machine");
            return;
        }
        let depot = DepotFake::start(&peers.buildkit_address())
            .await
            .expect("a port");
        depot.add_project("prj1");
        depot.pending(1);
        let dir = testbed::server_dir("depot").expect("a folder");
        std::fs::write(dir.join("Dockerfile"), "FROM scratch\nCOPY Dockerfile /\n")
            .expect("a file");
        let registry = peers.registry();
        let login = base64::Engine::encode(
            &base64::engine::general_purpose::STANDARD,
            format!("{}:{}", registry.username, registry.password),
        );
        let config = json!({ "auths": { registry.addr.to_string(): { "auth": login } } });
        std::fs::write(dir.join("config.json"), config.to_string()).expect("a file");
        let image = format!("{}:by-depot", registry.repository);
        let run = |token: &str| {
            let mut command = Command::new(&program);
            command
                .args(["build", "--project", "prj1", "--platform", "linux/amd64"])
                .args(["--push", "--provenance=false", "-t", &image, "."])
                .current_dir(&dir)
                .env_clear()
                .env("HOME", &dir)
                .env("DOCKER_CONFIG", &dir)
                .env("DEPOT_API_URL", depot.api_url())
                .env("DEPOT_TOKEN", token)
                .env("DEPOT_NO_UPDATE_NOTIFIER", "1")
                .env("DEPOT_DISABLE_OTEL", "1")
                .env("DEPOT_ERROR_TELEMETRY", "0");
            async move {
                let done = tokio::task::spawn_blocking(move || command.output()).await;
                done.expect("no panic").expect("it runs")
            }
        };
        let refused = run("bad").await;
        assert!(!refused.status.success());
        assert!(depot.builds().is_empty());
        let done = run(DEPOT_TOKEN).await;
        let said = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "{said}");
        let builds = depot.builds();
        assert_eq!(builds.len(), 1, "{builds:?}");
        assert_eq!(builds[0].finishes, [Finish::Success]);
        assert_eq!((builds[0].machines, builds[0].polls), (1, 2));
        let manifest = peers.manifest(&image).await.expect("it was pushed");
        assert_eq!(manifest["layers"].as_array().map(Vec::len), Some(1));
        assert_eq!(registry.layers(&image).await.len(), 1);
        assert_eq!(registry.config(&image).await.expect("one")["os"], "linux");
        let _ = std::fs::remove_dir_all(dir);
    });
}

#[test]
fn tokens_projects_and_ends_are_checked_as_depot_checks_them() {
    testbed::run(async {
        let depot = DepotFake::instant().await.expect("a port");
        let project = json!({ "name": "ctrl-p1", "regionId": "eu", "cachePolicy": { "keepGb": 50, "keepDays": 14 } });
        let path = "depot.core.v1.ProjectService/CreateProject";
        let (status, said) = call(&depot, path, "bad", project.clone()).await;
        assert_eq!((status, &said["code"]), (401, &json!("unauthenticated")));
        let (status, made) = call(&depot, path, DEPOT_TOKEN, project).await;
        assert_eq!(status, 200, "{made}");
        let id = made["project"]["projectId"].as_str().expect("an id");
        assert_eq!(depot.projects()[0].keep_gb, 50);
        let unknown = json!({ "projectId": "elsewhere" });
        assert_eq!(call(&depot, CREATE, DEPOT_TOKEN, unknown).await.0, 404);
        depot.trouble(
            "CreateBuild",
            [Trouble::Refuse {
                code: "resource_exhausted",
                message: "slow down".to_owned(),
                retry_after: Some(3),
            }],
        );
        let asked = json!({ "projectId": id });
        assert_eq!(
            call(&depot, CREATE, DEPOT_TOKEN, asked.clone()).await.0,
            429
        );
        let (_, build) = call(&depot, CREATE, DEPOT_TOKEN, asked).await;
        let token = build["buildToken"].as_str().expect("a token");
        let asked = json!({ "buildId": build["buildId"], "platform": "PLATFORM_AMD64" });
        assert_eq!(
            call(&depot, CONNECT, DEPOT_TOKEN, asked.clone()).await.0,
            401
        );
        let (_, first) = call(&depot, CONNECT, token, asked.clone()).await;
        let (_, again) = call(&depot, CONNECT, token, asked.clone()).await;
        assert_eq!(first, again, "the same machine for the same build");
        let id = build["buildId"].as_str().expect("an id");
        depot.lose_machine(id);
        let (_, other) = call(&depot, CONNECT, token, asked.clone()).await;
        assert_ne!(first["active"]["endpoint"], other["active"]["endpoint"]);
        let end = json!({ "buildId": id, "error": { "error": "exit code: 1" } });
        assert_eq!(call(&depot, FINISH, token, end).await.0, 200);
        assert_eq!(call(&depot, CONNECT, token, asked).await.0, 400);
        let seen = depot.build(id).expect("it");
        assert_eq!(seen.finishes, [Finish::Failed("exit code: 1".to_owned())]);
        assert_eq!((seen.machines, seen.polls), (2, 3));
    });
}

#[test]
fn a_lost_answer_leaves_what_was_done() {
    testbed::run(async {
        let depot = DepotFake::instant().await.expect("a port");
        depot.add_project("prj1");
        depot.trouble("CreateBuild", [Trouble::DoneThenGone, Trouble::Silence]);
        let client = reqwest::Client::builder().no_proxy().build().expect("one");
        let create = || {
            let url = format!("{}/{CREATE}", depot.api_url());
            let request = client.post(url).bearer_auth(DEPOT_TOKEN);
            request.json(&json!({ "projectId": "prj1" })).send()
        };
        assert!(create().await.is_err(), "the connection breaks");
        assert_eq!(depot.builds().len(), 1);
        let silence = tokio::time::timeout(Duration::from_millis(200), create());
        assert!(silence.await.is_err(), "nothing is answered");
        assert_eq!(depot.builds().len(), 1, "and nothing done");
        assert_eq!(create().await.expect("an answer").status(), 200);
        assert_eq!(depot.builds().len(), 2);
    });
}
