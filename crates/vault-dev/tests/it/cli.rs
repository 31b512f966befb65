//! The process `vault-dev`.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Output, Stdio};

use vault::Vault;

const PROGRAM: &str = env!("CARGO_BIN_EXE_vault-dev");

/// A process that does not outlive its test.
struct Served {
    child: Child,
    out: BufReader<ChildStdout>,
}

impl Served {
    fn start(arguments: &[&str]) -> Self {
        let mut child = Command::new(PROGRAM)
            .arg("serve")
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        Self { child, out }
    }

    /// The lines up to the address, and the address.
    fn started(&mut self) -> (String, String) {
        let mut before = String::new();
        loop {
            let mut line = String::new();
            assert_ne!(
                self.out.read_line(&mut line).unwrap(),
                0,
                "it ended: {before}"
            );
            match line.strip_prefix("listening on ") {
                Some(url) => return (before, url.trim().to_owned()),
                None => before.push_str(&line),
            }
        }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn run(arguments: &[&str]) -> Output {
    Command::new(PROGRAM)
        .args(arguments)
        .env_remove("VAULT_DEV_TOKEN")
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn config(directory: &Path, current: &str, previous: &str) -> String {
    let file = directory.join("vault.toml");
    let data = directory.join("data");
    let toml = format!(
        "http_port = 0\nbearer_token = \"token-1\"\n[encryption]\nmaster_key = \"{current}\"\n\
         previous_master_key = \"{previous}\"\n[storage.disk]\npath = {data:?}\n"
    );
    fs::write(&file, toml).unwrap();
    file.to_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_drawn_master_key_is_printed_once_and_data_survives_a_kill() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let arguments = [
        "--data",
        data.to_str().unwrap(),
        "--token",
        "token-1",
        "--listen",
        "127.0.0.1:0",
    ];
    let mut first = Served::start(&arguments);
    let (before, url) = first.started();
    assert!(
        before.contains("master key, drawn now") && before.contains("data.master-key"),
        "{before}"
    );
    let blob = Vault::new(&url, "token-1")
        .unwrap()
        .encrypt("ring", "text")
        .await
        .unwrap()
        .blob;
    drop(first);
    let mut second = Served::start(&arguments);
    let (before, url) = second.started();
    assert_eq!(before, "");
    let vault = Vault::new(&url, "token-1").unwrap();
    assert_eq!(vault.decrypt("ring", &blob).await.unwrap().expose(), "text");
}

#[tokio::test]
async fn master_keys_are_exchanged_from_the_command_line() {
    let directory = tempfile::tempdir().unwrap();
    let key = || text(&run(&["generate-key"]).stdout).trim().to_owned();
    let (one, two) = (key(), key());
    let mut served = Served::start(&["--config", &config(directory.path(), &one, "")]);
    let (_, url) = served.started();
    let blob = Vault::new(&url, "token-1")
        .unwrap()
        .encrypt("ring", "text")
        .await
        .unwrap()
        .blob;
    drop(served);

    let both = config(directory.path(), &two, &one);
    let dry = run(&["reroll", "--config", &both, "--dry-run"]);
    assert!(
        text(&dry.stdout).contains("done: 2 seen, 2 to seal anew, 0 failed"),
        "{dry:?}"
    );
    let done = run(&["reroll", "--config", &both]);
    assert!(
        done.status.success() && text(&done.stdout).contains("2 sealed anew"),
        "{done:?}"
    );
    let again = run(&["reroll", "--config", &both]);
    assert!(
        text(&again.stdout).contains("2 seen, 0 sealed anew"),
        "{again:?}"
    );

    let mut served = Served::start(&["--config", &config(directory.path(), &two, "")]);
    let (_, url) = served.started();
    let vault = Vault::new(&url, "token-1").unwrap();
    assert_eq!(vault.decrypt("ring", &blob).await.unwrap().expose(), "text");
}

#[test]
fn vlt_16_the_process_ends_with_the_reason_when_it_cannot_start() {
    testbed::scenario!("VLT-16");
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("vault.toml");
    let disk = "[storage.disk]\npath = \"d\"\n";
    let rows = [
        (String::new(), "exactly one of"),
        (
            format!("{disk}[storage.memory]\n"),
            "[storage.disk], [storage.memory]",
        ),
        (
            format!("{disk}[storage.s3]\n"),
            "[storage.disk], [storage.s3]",
        ),
    ];
    for (storage, reason) in rows {
        fs::write(&file, format!("bearer_token = \"token-1\"\n{storage}")).unwrap();
        let ended = run(&["serve", "--config", file.to_str().unwrap()]);
        assert_eq!(ended.status.code(), Some(1));
        let said = text(&ended.stderr);
        assert!(said.contains(reason) && !said.contains("token-1"), "{said}");
    }
    let ended = run(&["serve", "--config", "/nowhere/vault.toml"]);
    assert!(
        !ended.status.success()
            && text(&ended.stderr).contains("/nowhere/vault.toml: No such file"),
        "{ended:?}"
    );
    assert!(
        !run(&["serve", "--data", "d"]).status.success(),
        "a token is required"
    );
}
