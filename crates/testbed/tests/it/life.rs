//! Nothing outlives its process: a killed test, a stack whose input ends.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

/// Set in the process that is to be killed.
const VICTIM: &str = "TESTBED_VICTIM";

/// Does nothing unless started by the test below: starts the servers and waits to be killed.
#[test]
fn victim() {
    if std::env::var_os(VICTIM).is_none() {
        return;
    }
    testbed::run(async {
        let restate = testbed::restate().await;
        let own = testbed::MariaDb::start(testbed::MariaDbOptions::default())
            .await
            .unwrap();
        let pids = [restate.pid().unwrap(), own.pid().unwrap()];
        eprintln!(
            "victim {} {} {}",
            pids[0],
            pids[1],
            testbed::process_dir().display()
        );
        std::future::pending::<()>().await;
    });
}

#[test]
fn a_killed_test_process_leaves_no_server_and_no_folder() {
    let mut victim = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "life::victim", "--nocapture"])
        .env(VICTIM, "1")
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let line = BufReader::new(victim.stderr.take().unwrap())
        .lines()
        .map_while(Result::ok)
        .find(|l| l.starts_with("victim "))
        .expect("the victim starts its servers");
    let words: Vec<&str> = line.splitn(4, ' ').collect();
    assert!(is_running(words[1]) && is_running(words[2]));
    victim.kill().unwrap();
    victim.wait().unwrap();
    testbed::run(testbed::eventually(Duration::from_secs(10), || async {
        !is_running(words[1]) && !is_running(words[2]) && !Path::new(words[3]).exists()
    }));
}

#[test]
fn the_stack_tells_its_addresses_obeys_and_ends_with_its_input() {
    let mut stack = Command::new(env!("CARGO_BIN_EXE_stack"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(stack.stdout.take().unwrap()).lines();
    let mut next = || -> Value { serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap() };
    let addresses = next();
    let pid = |part: &str| addresses[part]["pid"].to_string();
    assert!(is_running(&pid("restate")) && is_running(&pid("mysql")));
    say(&mut stack, "stop mysql");
    assert_eq!(next()["done"], "stop mysql");
    assert!(!is_running(&pid("mysql")));
    say(&mut stack, "stop edge");
    assert!(next()["error"].as_str().unwrap().contains("edge"));
    drop(stack.stdin.take());
    assert!(stack.wait().unwrap().success());
    assert!(!is_running(&pid("restate")));
}

#[test]
fn the_stack_hosts_an_edge_that_can_stop_and_start_and_a_vault() {
    let mut stack = Command::new(env!("CARGO_BIN_EXE_stack"))
        .args(["--edge", "eu", "--edge", "us", "--vault"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(stack.stdout.take().unwrap()).lines();
    let mut next = || -> Value { serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap() };
    let addresses = next();
    let answers = |address: &str| TcpStream::connect(address).is_ok();
    let front = addresses["edge"]["front"].as_str().unwrap();
    assert!(answers(front) && answers(addresses["edge"]["control"].as_str().unwrap()));
    let vault = addresses["vault"]["url"].as_str().unwrap();
    assert!(answers(vault.trim_start_matches("http://")));
    for word in ["stop edge", "start edge", "stop edge"] {
        say(&mut stack, word);
        assert_eq!(next()["done"], word);
        assert!(answers(front), "the front stays where it is");
    }
    drop(stack.stdin.take());
    assert!(stack.wait().unwrap().success());
    assert!(!answers(front));
}

fn say(stack: &mut Child, line: &str) {
    writeln!(stack.stdin.as_mut().unwrap(), "{line}").unwrap();
}

/// Whether a process exists and is more than a not yet collected exit status.
fn is_running(pid: &str) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(')')
        .is_some_and(|(_, rest)| !rest.trim_start().starts_with('Z'))
}
