//! `deploy/compose.yaml` and the configuration it mounts.
//!
//! Not for what the schema says already.

use serde_json::Value;

use crate::configuration::Configuration;
use crate::documents::{Document, list_at, text_at};
use crate::pods::{Versions, is_worker};

/// Everything that is wrong.
pub(crate) fn check(
    document: &Document,
    config: &Configuration,
    versions: &Versions,
) -> Vec<String> {
    let mut wrong = config.problems();
    let services = document.value["services"].as_object();
    for (name, service) in services.into_iter().flatten() {
        let mut must = |holds: bool, otherwise: &str| {
            if !holds {
                wrong.push(format!("{}: {name}: {otherwise}", document.place));
            }
        };
        let image = text_at(service, "/image");
        must(
            image.contains(':') && !image.ends_with(":latest"),
            "its image has no version",
        );
        if image.contains("/restate:") {
            must(
                image.ends_with(&format!(":{}", versions.restate)),
                "its image is of another version of Restate",
            );
        }
        for (variable, value) in service["environment"].as_object().into_iter().flatten() {
            let secret = ["PASSWORD", "TOKEN", "SECRET"]
                .iter()
                .any(|word| variable.contains(word));
            let given =
                value.as_str().is_some_and(|v| v.starts_with("${")) || variable.contains("RANDOM");
            must(
                !secret || given,
                &format!("the secret {variable} stands in the file"),
            );
        }
        if !is_worker(image) {
            continue;
        }
        must(
            image.ends_with(&format!(":{}", versions.worker)),
            "its image is of another version",
        );
        must(
            service["read_only"] == true,
            "its root file system can be written to",
        );
        must(
            service["cap_drop"] == serde_json::json!(["ALL"]),
            "it keeps capabilities",
        );
        let gains = list_at(service, "/security_opt")
            .iter()
            .any(|o| o == "no-new-privileges:true");
        must(gains, "it may gain rights");
        for variable in config.variables() {
            must(
                !service["environment"][variable].is_null(),
                &format!("it is not given {variable}"),
            );
        }
        // whatever serves is called; the other commands end
        if service["command"].is_null() {
            serves(service, config, versions, &mut must);
        }
    }
    wrong
}

fn serves(
    service: &Value,
    config: &Configuration,
    versions: &Versions,
    must: &mut dyn FnMut(bool, &str),
) {
    let register = config.text("restate", "register_as");
    let host = register
        .trim_start_matches("http://")
        .split(':')
        .next()
        .unwrap_or_default();
    let host = host.replace("{version}", &versions.worker.replace('.', "-"));
    let aliases = list_at(service, "/networks/default/aliases");
    must(
        register.contains("{version}") && aliases.iter().any(|a| *a == host),
        &format!("it is not called {host}, as restate.register_as says"),
    );
    let port = config.number("restate", "http_port").unwrap_or_default();
    let published = list_at(service, "/ports").iter().filter_map(Value::as_str);
    must(
        published.clone().any(|p| p.ends_with(&format!(":{port}"))),
        "restate.http_port is not published",
    );
    must(
        published.clone().all(|p| p.starts_with("127.0.0.1:")),
        "a port is published to others than this machine",
    );
    let grace = text_at(service, "/stop_grace_period")
        .trim_end_matches('s')
        .parse::<u64>()
        .unwrap_or(10);
    let drain = config.drain_seconds().unwrap_or(u64::MAX);
    must(
        grace >= drain.saturating_add(15),
        "it is killed before drain_timeout and the end that follows have passed",
    );
}

#[cfg(test)]
mod tests {
    use crate::tests::{planted, repository};

    #[test]
    fn every_planted_mistake_is_found() {
        let (compose, config) = ("compose.yaml", "compose/worker.toml");
        for (file, from, to, says) in [
            (
                compose,
                "mariadb:10.11",
                "mariadb",
                "its image has no version",
            ),
            (
                compose,
                "restate:1.7",
                "restate:1.6",
                "another version of Restate",
            ),
            (
                compose,
                "image: control-plane-worker:",
                "image: control-plane-worker:9.",
                "of another version",
            ),
            (
                compose,
                "MARIADB_PASSWORD: ${DATABASE_PASSWORD:?}",
                "MARIADB_PASSWORD: hunter2",
                "MARIADB_PASSWORD stands",
            ),
            (
                compose,
                "read_only: true",
                "read_only: false",
                "can be written to",
            ),
            (
                compose,
                "cap_drop: [\"ALL\"]",
                "cap_drop: []",
                "keeps capabilities",
            ),
            (
                compose,
                "[\"no-new-privileges:true\"]",
                "[]",
                "may gain rights",
            ),
            (
                compose,
                "DATABASE_PASSWORD: ${",
                "DATABASE_WORD: ${",
                "is not given DATABASE_PASSWORD",
            ),
            (
                compose,
                "aliases: [worker",
                "aliases: [work",
                "it is not called worker-",
            ),
            (
                compose,
                "127.0.0.1:9080:9080",
                "127.0.0.1:9080:9999",
                "http_port is not published",
            ),
            (
                compose,
                "127.0.0.1:9090:9090",
                "9090:9090",
                "others than this machine",
            ),
            (
                compose,
                "stop_grace_period: 60s",
                "stop_grace_period: 10s",
                "is killed before",
            ),
            (compose, "read_only", "readonly", "readonly"),
            (
                config,
                "worker:${DATABASE_PASSWORD}",
                "worker:hunter2",
                "database.primary stands in the file",
            ),
            (
                config,
                "worker-{version}",
                "worker",
                "as restate.register_as says",
            ),
        ] {
            let found = planted(&repository(), file, from, to);
            assert!(
                found.iter().any(|p| p.contains(says)),
                "{file}: {to}: {found:?}"
            );
        }
    }
}
