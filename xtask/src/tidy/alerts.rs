//! What is watched: alert rules, their pages and tests, and the dashboard, as far as Prometheus' own checker and the files
//! can tell.
//!
//! Not for whether the metrics they name are served: a test of the worker runs one and looks.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::run::{Because, Result, output, root, target_dir};
use crate::setup;

const RULES: &str = "deploy/alerts";
const TESTS: &str = "deploy/alerts/tests";
const PAGES: &str = "docs/runbooks";
const DASHBOARDS: &str = "deploy/dashboards";

/// Everything that is wrong.
pub(crate) fn check() -> Result<Vec<String>> {
    let rules = files(RULES, ".yaml")?;
    let tests = files(TESTS, ".yaml")?;
    let mut wrong = Vec::new();
    let mut alerts = BTreeSet::new();
    for file in &rules {
        let text = std::fs::read_to_string(root().join(file)).because(file)?;
        for (alert, page) in named(&text) {
            if page != Some(format!("{PAGES}/{alert}.md")) {
                wrong.push(format!(
                    "{file}: {alert} does not name {PAGES}/{alert}.md as its runbook"
                ));
            }
            if !alerts.insert(alert.clone()) {
                wrong.push(format!("{file}: a second {alert}"));
            }
        }
    }
    if alerts.is_empty() {
        wrong.push(format!("{RULES} holds no alert"));
    }
    wrong.extend(pages(&alerts)?);
    let mut cases = String::new();
    for file in &tests {
        cases += &std::fs::read_to_string(root().join(file)).because(file)?;
    }
    wrong.extend(untested(&alerts, &cases));
    wrong.extend(promtool(&rules, &tests)?);
    Ok(wrong)
}

/// The alerts of a rule file, with the page each names.
fn named(rules: &str) -> Vec<(String, Option<String>)> {
    let parts = rules.split("- alert: ").skip(1);
    let word = |text: &str| {
        text.split_whitespace()
            .next()
            .unwrap_or_default()
            .to_owned()
    };
    parts
        .map(|part| {
            let page = part.split_once("runbook: ").map(|(_, page)| word(page));
            (word(part), page)
        })
        .collect()
}

/// Pages without an alert, and alerts without a page.
fn pages(alerts: &BTreeSet<String>) -> Result<Vec<String>> {
    let found = files(PAGES, ".md")?;
    let stem = |path: &String| {
        Path::new(path)
            .file_stem()
            .map(|name| name.to_string_lossy().into_owned())
    };
    let found: BTreeSet<String> = found
        .iter()
        .filter_map(stem)
        .filter(|name| name != "README")
        .collect();
    let missing = alerts.difference(&found);
    let spare = found.difference(alerts);
    Ok(missing
        .map(|alert| format!("{alert} has no page {PAGES}/{alert}.md"))
        .chain(spare.map(|page| format!("{PAGES}/{page}.md explains no alert")))
        .collect())
}

/// Alerts that are not once seen quiet and once seen firing.
fn untested(alerts: &BTreeSet<String>, cases: &str) -> Vec<String> {
    let silent = |alert: &&String| !cases.contains(&format!("alertname: {alert}, exp_alerts: []"));
    let never = |alert: &&String| {
        !cases.contains(&format!(
            "alertname: {alert}\n        exp_alerts:\n          - exp_labels:"
        ))
    };
    alerts
        .iter()
        .filter(|alert| silent(alert) || never(alert))
        .map(|alert| format!("{TESTS} do not show {alert} both quiet and firing"))
        .collect()
}

/// What Prometheus' checker says of the rules, their tests and the expressions of the dashboards.
fn promtool(rules: &[String], tests: &[String]) -> Result<Vec<String>> {
    let program = setup::promtool::program()?;
    let dashboards = target_dir()?.join("dashboards.rules.yaml");
    if let Some(dir) = dashboards.parent() {
        std::fs::create_dir_all(dir).because(dir.display())?;
    }
    let mut wrapped = "groups:\n  - name: dashboards\n    rules:\n".to_owned();
    let mut count = 0;
    for file in files(DASHBOARDS, ".json")? {
        let text = std::fs::read_to_string(root().join(&file)).because(&file)?;
        let json: Value = serde_json::from_str(&text).because(&file)?;
        let mut found = Vec::new();
        expressions(&json, &mut found);
        for expression in found {
            count += 1;
            // a text in JSON is one in YAML too
            let expression = Value::from(expression);
            wrapped += &format!("      - record: dashboard:{count}\n        expr: {expression}\n");
        }
    }
    if count == 0 {
        return Ok(vec![format!("{DASHBOARDS} asks Prometheus nothing")]);
    }
    std::fs::write(&dashboards, wrapped).because(dashboards.display())?;
    let run = |words: &[&str], files: &[String]| {
        let mut command = Command::new(&program);
        output(command.args(words).args(files).current_dir(root()))
    };
    let all: Vec<String> = rules
        .iter()
        .cloned()
        .chain([dashboards.to_string_lossy().into_owned()])
        .collect();
    // what cannot be read would be told again by each test
    let said =
        run(&["check", "rules", "--lint-fatal"], &all).and_then(|_| run(&["test", "rules"], tests));
    Ok(said.err().map(|e| e.to_string()).into_iter().collect())
}

/// Every query of a dashboard, with Grafana's own variables filled in.
fn expressions(json: &Value, found: &mut Vec<String>) {
    match json {
        Value::Object(members) => {
            for (name, value) in members {
                match value.as_str() {
                    Some(text) if name == "expr" => {
                        let text = text.replace("$__rate_interval", "5m");
                        found.push(text.replace("$__range", "6h"));
                    }
                    _ => expressions(value, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| expressions(item, found)),
        _ => {}
    }
}

/// Files of a folder, by name.
fn files(dir: &str, ending: &str) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(root().join(dir)).because(dir)? {
        let name = entry.because(dir)?.file_name();
        let name = name.to_string_lossy().into_owned();
        if name.ends_with(ending) {
            found.push(format!("{dir}/{name}"));
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alert_without_its_page_or_one_of_its_tests_is_named() {
        let rules = "    - alert: A\n      annotations:\n        runbook: docs/runbooks/A.md\n    - alert: B\n      expr: x\n";
        assert_eq!(
            named(rules),
            [
                ("A".to_owned(), Some("docs/runbooks/A.md".to_owned())),
                ("B".to_owned(), None)
            ]
        );
        let alerts: BTreeSet<String> = ["A".to_owned(), "B".to_owned()].into();
        let quiet = "      - { eval_time: 1m, alertname: A, exp_alerts: [] }\n";
        let fires = "        alertname: A\n        exp_alerts:\n          - exp_labels: { severity: page }\n";
        assert_eq!(untested(&alerts, &format!("{quiet}{fires}")).len(), 1);
        assert_eq!(untested(&alerts, quiet).len(), 2);
    }

    #[test]
    fn queries_are_found_wherever_they_stand() {
        let json = serde_json::json!({ "panels": [{ "targets": [{ "expr": "rate(a[$__rate_interval])" }] }] });
        let mut found = Vec::new();
        expressions(&json, &mut found);
        assert_eq!(found, ["rate(a[5m])"]);
    }
}
