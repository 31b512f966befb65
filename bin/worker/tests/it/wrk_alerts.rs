//! Every name and every label value that an alert or the dashboard asks Prometheus for is served by a worker in a run in
//! which what they wait for happens; and what the runbooks say to look at can be looked at.

use std::collections::BTreeSet;

use mysql::sea_orm::{ConnectionTrait, DbBackend, Statement};
use scheduler_client::{JOBS, SERVICE};
use serde_json::{Value, json};
use telemetry::metrics::FAMILIES;
use testbed::{Restate, RestateOptions};

use crate::fake_admin::FakeAdmin;
use crate::process::{PATIENCE, Worker, config};
use crate::selectors::{Selector, selectors, series};

/// The expressions of a rule file: what stands after `expr:`, on that line or below it.
fn expressions(rules: &str) -> Vec<String> {
    let mut found = Vec::new();
    for part in rules.split(" expr: ").skip(1) {
        let mut lines = part.lines();
        let first = lines.next().unwrap_or_default().trim();
        if first != ">-" {
            found.push(first.to_owned());
            continue;
        }
        let lines = lines.map(str::trim);
        let own: Vec<&str> = lines
            .take_while(|line| {
                !["for:", "labels:"]
                    .iter()
                    .any(|member| line.starts_with(member))
            })
            .collect();
        found.push(own.join(" "));
    }
    found
}

/// The queries of a dashboard.
fn queries(json: &Value, found: &mut Vec<String>) {
    match json {
        Value::Object(members) => {
            for (name, value) in members {
                match value.as_str() {
                    Some(text) if name == "expr" => found.push(text.to_owned()),
                    _ => queries(value, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| queries(item, found)),
        _ => {}
    }
}

fn files(dir: &str, ending: &str) -> Vec<String> {
    let dir = testbed::repository().join(dir);
    let entries = std::fs::read_dir(&dir).expect("a folder");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    paths
        .filter(|path| path.to_string_lossy().ends_with(ending))
        .map(|path| std::fs::read_to_string(path).expect("a file"))
        .collect()
}

/// Everything that is asked for, each alternative on its own; first the number of alerts.
fn asked() -> (usize, BTreeSet<Selector>) {
    let mut all = Vec::new();
    for rules in files("deploy/alerts", ".yaml") {
        let found = expressions(&rules);
        assert_eq!(found.len(), rules.matches("- alert: ").count());
        all.extend(found);
    }
    let alerts = all.len();
    for dashboard in files("deploy/dashboards", ".json") {
        let json: Value = serde_json::from_str(&dashboard).expect("JSON");
        queries(&json, &mut all);
    }
    assert!(all.len() > alerts, "the dashboard asks for nothing");
    let each = all
        .iter()
        .flat_map(|expression| selectors(expression))
        .flat_map(|selector| selector.each());
    (alerts, each.collect())
}

#[test]
fn every_alert_and_every_panel_asks_for_what_a_worker_serves() {
    testbed::run(async {
        let (alerts, asked) = asked();
        assert!(alerts >= 30, "{alerts}");
        let every_job: BTreeSet<String> = asked
            .iter()
            .filter(|s| s.name == "ctrl_worker_job_last_success_timestamp_seconds")
            .flat_map(|s| s.matchers.iter().map(|(_, _, value)| value.clone()))
            .collect();
        assert_eq!(every_job, JOBS.map(str::to_owned).into(), "each has one");

        let run = eventful().await;
        let url = format!("http://{}/metrics", run.worker.metrics_address().await);
        testbed::eventually(PATIENCE, || async {
            let text = reqwest::get(&url).await.expect("answered").text().await;
            let served = series(&text.expect("a text"));
            let missing: Vec<&Selector> = asked
                .iter()
                .filter(|selector| !selector.selects(&served))
                .collect();
            if missing.is_empty() {
                Ok(())
            } else {
                Err(missing.into_iter().cloned().collect::<Vec<_>>())
            }
        })
        .await;
    });
}

/// The statements of a page: SQL for the database, and SQL for Restate.
fn statements(page: &str) -> (Vec<String>, Vec<String>) {
    let blocks = page
        .split("```sql\n")
        .skip(1)
        .filter_map(|rest| rest.split("```").next());
    let sql = blocks
        .flat_map(|block| block.split(';'))
        .map(str::trim)
        .filter(|statement| !statement.is_empty())
        .map(str::to_owned);
    let restate = page
        .lines()
        .filter_map(|line| line.strip_prefix("restate \"")?.strip_suffix('"'));
    (sql.collect(), restate.map(str::to_owned).collect())
}

#[test]
fn every_statement_of_a_runbook_runs_and_every_metric_it_looks_for_is_one() {
    testbed::run(async {
        let db = testbed::db().await;
        let admin = testbed::admin().await;
        let mut ran = 0;
        for page in files("docs/runbooks", ".md") {
            let (sql, restate) = statements(&page);
            ran += sql.len() + restate.len();
            for statement in sql {
                let query = Statement::from_string(DbBackend::MySql, statement.clone());
                let done = db.primary().query_all_raw(query).await;
                done.unwrap_or_else(|e| panic!("{statement}: {e}"));
            }
            for query in restate {
                let done = admin.query(&query).await;
                done.unwrap_or_else(|e| panic!("{query}: {e}"));
            }
            for line in page.lines().filter(|line| line.contains("$METRICS")) {
                let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
                let names = line.split(|c| !word(c)).filter(|w| {
                    ["ctrl_worker_", "unkey_"].iter().any(|p| w.starts_with(p)) && w.len() > 12
                });
                for name in names {
                    let known = FAMILIES
                        .iter()
                        .any(|f| name.starts_with(f.name) || f.name.starts_with(name));
                    assert!(known, "{name} is no family: {line}");
                }
            }
        }
        assert!(ran > 20, "{ran}");
    });
}

struct Run {
    worker: Worker,
    _restate: Restate,
}

/// A worker with every job on, to which the things happen that alerts wait for.
async fn eventful() -> Run {
    let database = testbed::migrated_database("alerts").await;
    let restate = Restate::start(RestateOptions::default())
        .await
        .expect("Restate starts");
    // refuses every login
    let refusing = FakeAdmin::start(vec![(401, "{}".to_owned())]).await.address;
    let lines = format!(
        "admin_url = \"{}\"\ningress_url = \"{}\"\nregister_as = \"http://127.0.0.1:{{port}}\"",
        restate.admin_url, restate.ingress_url
    );
    let sections = format!(
        "[vault]\nurl = \"http://{refusing}\"\ntoken = \"t\"\n\
         [acme]\nenabled = true\ndirectory = \"http://127.0.0.1:9/dir\"\n\
         [clickhouse]\nurl = \"http://u:p@{refusing}\"\n\
         [heartbeat]\nkey_refill_url = \"http://127.0.0.1:9/beat\"\ncert_renewal_url = \"http://{refusing}/beat\"\n\
         [observability.metrics]\nlisten = \"127.0.0.1:0\"\n\
         [test_timings.standing]\ninterval = \"100ms\"\n\
         [test_timings.deploy]\nreconcile_interval = \"100ms\"\n\
         [test_timings.domains]\nsweep_interval = \"100ms\"\n\
         [test_timings.scheduler]\nrearm = \"300ms\"\nlook = \"100ms\"\n"
    );
    let options = mysql::Options::new(database.dsn.clone());
    let db = mysql::Db::connect(&options).await.expect("connected");
    let new = intent::NewWorkspace {
        name: "Acme".to_owned(),
        slug: "acme".to_owned(),
        quota: None,
    };
    let workspace = intent::create_workspace(&db, &new).await.expect("a row");
    let due = intent::create_due_keys(&db, &workspace, 3).await;
    due.expect("keys whose refill is due");
    let worker = Worker::start(&config(&database.dsn, &lines, &sections));
    worker.ready().await;
    let ingress = restate.ingress();
    for job in JOBS {
        let started = ingress.call(SERVICE, job, "Run", &json!({})).await;
        started.unwrap_or_else(|e| panic!("{job}: {e}"));
    }
    let wake = json!({ "deploymentId": "d_none", "notAField": 1 });
    let refused = ingress.call(deploy_client::SERVICE, "ws", "WakeDeployment", &wake);
    assert!(refused.await.is_err(), "no such deployment");
    // a run that somebody kills has failed
    let admin = restate.admin();
    let sql = "SELECT id FROM sys_invocation WHERE target_handler_name = 'RunCheck' AND status <> 'completed'";
    let check = testbed::eventually(PATIENCE, || async {
        let rows = admin.query(sql).await.map_err(|e| e.to_string())?;
        let id = rows.first().and_then(|row| row["id"].as_str());
        id.map(str::to_owned).ok_or_else(|| "none".to_owned())
    })
    .await;
    admin.kill(&check).await.expect("killed");
    // what asks for it fails from now on
    let dropped = db
        .primary()
        .execute_unprepared("DROP TABLE ctrl_worker_waits");
    dropped.await.expect("dropped");
    Run {
        worker,
        _restate: restate,
    }
}
