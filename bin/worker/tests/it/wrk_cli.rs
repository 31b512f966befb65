//! The verbs that end by themselves, run as an operator runs them.

use std::process::{Command, Output};

use serde_json::{Value, json};

use crate::fake_admin::FakeAdmin;
use crate::process::{NO_DATABASE, NO_RESTATE, config};

struct Cli {
    dir: tempfile::TempDir,
}

impl Cli {
    fn new(text: &str) -> Self {
        let dir = tempfile::tempdir().expect("a temporary folder");
        std::fs::write(dir.path().join("unkey.toml"), text).expect("written");
        Self { dir }
    }

    /// Runs in the folder of `unkey.toml`, which is the default name.
    fn run(&self, args: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_worker"))
            .args(args)
            .current_dir(self.dir.path())
            .env_remove("UNKEY_CONFIG")
            .output()
            .expect("the worker runs")
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn check_config_shows_what_a_file_amounts_to_without_its_secrets() {
    let cli = Cli::new(&config(
        "u:hunter2@tcp(db:3306)/unkey",
        "register_at = \"x\"\napi_key = \"hunter2\"",
        "",
    ));
    let checked = cli.run(&["check-config"]);
    let (out, err) = (text(&checked.stdout), text(&checked.stderr));
    assert!(
        checked.status.success() && !out.contains("hunter2"),
        "{out}{err}"
    );
    assert!(
        out.contains("default_domain = \"unkey.app\"") && out.contains("api_key = \"***\""),
        "{out}"
    );
    assert!(
        err.contains("restate.register_at") && err.contains("restate.register_as"),
        "{err}"
    );
    let strict = cli.run(&["check-config", "--strict"]);
    assert_eq!(strict.status.code(), Some(1));
    assert!(text(&strict.stderr).contains("restate.register_at"));
}

#[test]
fn the_printed_default_is_a_file_that_can_be_checked() {
    let printed = Cli::new("").run(&["check-config", "--print-default"]);
    let file = testbed::repository().join("deploy/worker.default.toml");
    let file = std::fs::read_to_string(file).expect("it is part of the repository");
    assert_eq!(text(&printed.stdout), file);
    let checked = Cli::new(&text(&printed.stdout)).run(&["check-config", "--strict"]);
    assert!(checked.status.success(), "{}", text(&checked.stderr));
}

#[test]
fn an_authority_that_is_not_there_is_told_before_anything_connects() {
    let dsn = "u:hunter2@tcp(127.0.0.1:9)/none?tls=own";
    let cli = Cli::new(&config(dsn, NO_RESTATE, ""));
    for verb in ["check-config", "serve"] {
        let run = cli.run(&[verb]);
        let error = text(&run.stderr);
        assert_eq!(run.status.code(), Some(1), "{verb}");
        assert!(error.contains("set database.ca_file"), "{verb}: {error}");
    }
    let elsewhere = dsn.to_owned() + "\"\nca_file = \"elsewhere.pem";
    let cli = Cli::new(&config(&elsewhere, NO_RESTATE, ""));
    let error = text(&cli.run(&["check-config"]).stderr);
    assert!(
        error.contains("database.ca_file: elsewhere.pem: No such file"),
        "{error}"
    );
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let run = Cli::new("").run(&["--config", "elsewhere.toml"]);
    assert_eq!(run.status.code(), Some(1));
    assert!(
        text(&run.stderr).contains("elsewhere.toml: cannot be read"),
        "{}",
        text(&run.stderr)
    );
}

#[test]
fn the_existing_command_line_reaches_the_same_process() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("bound").to_string();
    let cli = Cli::new(&config(NO_DATABASE, NO_RESTATE, "").replace("127.0.0.1:0", &address));
    for args in [
        &["run", "ctrl", "worker", "--config", "unkey.toml"][..],
        &["serve"],
        &[],
    ] {
        let run = cli.run(args);
        assert_eq!(run.status.code(), Some(1));
        assert!(text(&run.stderr).contains("cannot listen on"), "{args:?}");
    }
    assert_eq!(cli.run(&["run", "api"]).status.code(), Some(2));
}

#[test]
fn the_manifest_and_the_statements_need_no_server() {
    let cli = Cli::new("");
    let manifest: Value = serde_json::from_slice(&cli.run(&["manifest"]).stdout).expect("JSON");
    let names: Vec<&str> = manifest["services"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|s| s["name"].as_str())
        .collect();
    assert!(
        names.contains(&"hydra.v1.DeployService") && names.is_sorted(),
        "{names:?}"
    );
    let statements = text(&cli.run(&["migrate", "--print"]).stdout);
    assert!(statements.contains("ctrl_worker_runs") && statements.contains("frontline_routes"));
}

#[test]
fn register_says_what_restate_knows() {
    testbed::run(async {
        let nothing = json!({ "id": "dp_1", "services": [] }).to_string();
        let admin = FakeAdmin::start(vec![(201, nothing)]).await;
        let lines = format!("admin_url = \"http://{}\"", admin.address);
        let cli = Cli::new(&config(NO_DATABASE, &lines, ""));
        let run = tokio::task::spawn_blocking(move || {
            cli.run(&["register", "--uri", "http://worker:9080"])
        })
        .await
        .expect("ran");
        assert_eq!(run.status.code(), Some(1));
        assert!(
            text(&run.stderr).contains("hydra.v1.DeployService is unknown to Restate"),
            "{}",
            text(&run.stderr)
        );
        let body: Value = serde_json::from_str(&admin.asked()[0].body).expect("JSON");
        assert_eq!(body["uri"], "http://worker:9080");
    });
}
