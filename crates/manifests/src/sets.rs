//! Files that are applied together, and whether they fit: selectors find pods, ports and addresses are those of the
//! configuration, every variable is given, nothing is reached that the network policy forbids.
//!
//! Not for one pod alone: see `pods`.

use serde_json::Value;

use crate::configuration::Configuration;
use crate::documents::{Document, list_at, selects, text_at};
use crate::pods::{Versions, is_worker, template};

/// What is applied together.
pub(crate) const SETS: [(&str, &[&str]); 2] = [
    (
        "with the operator",
        &[
            "kubernetes/namespace.yaml",
            "kubernetes/around.yaml",
            "kubernetes/config.yaml",
            "kubernetes/migrate.yaml",
            "kubernetes/restate.yaml",
            "kubernetes/worker.yaml",
        ],
    ),
    (
        "without the operator",
        &[
            "kubernetes/namespace.yaml",
            "kubernetes/around.yaml",
            "kubernetes/migrate.yaml",
            "kubernetes/without-operator/config.yaml",
            "kubernetes/without-operator/restate.yaml",
            "kubernetes/without-operator/worker.yaml",
        ],
    ),
];

/// Everything that does not fit.
pub(crate) fn check(name: &str, documents: &[Document], versions: &Versions) -> Vec<String> {
    let mut wrong = Vec::new();
    let configurations = configurations(documents, &mut wrong);
    let workloads: Vec<(&Document, &Value)> = documents
        .iter()
        .filter_map(|d| Some((d, template(d)?)))
        .collect();
    for (workload, template) in &workloads {
        let labels = template.pointer("/metadata/labels");
        let selector = workload.value.pointer("/spec/selector/matchLabels");
        if workload.kind() != "Job" && !selects(selector, labels) {
            wrong.push(format!(
                "{}: its selector does not find its own pods",
                workload.place
            ));
        }
        if uses_worker(template) {
            wrong.extend(worker(
                workload,
                template,
                documents,
                &configurations,
                versions,
            ));
        }
    }
    for document in documents {
        let found = |pointer: &str| {
            let wanted = document.value.pointer(pointer);
            let namespace = document.text("/metadata/namespace");
            let mut pods = workloads
                .iter()
                .filter(|(w, _)| w.text("/metadata/namespace") == namespace);
            pods.any(|(_, template)| selects(wanted, template.pointer("/metadata/labels")))
        };
        let pointer = match document.kind() {
            "Service" => "/spec/selector",
            "PodDisruptionBudget" => "/spec/selector/matchLabels",
            "NetworkPolicy" => "/spec/podSelector/matchLabels",
            _ => continue,
        };
        if !found(pointer) {
            wrong.push(format!("{}: it finds no pod", document.place));
        }
    }
    wrong
        .into_iter()
        .map(|problem| format!("{problem} ({name})"))
        .collect()
}

/// The worker's configurations in config maps.
pub(crate) fn configurations(
    documents: &[Document],
    wrong: &mut Vec<String>,
) -> Vec<(String, Configuration)> {
    let mut found = Vec::new();
    for map in documents.iter().filter(|d| d.kind() == "ConfigMap") {
        let text = map.text("/data/worker.toml");
        match Configuration::new(map.place.clone(), text) {
            Ok(_) if text.is_empty() => {}
            Ok(read) => found.push((map.text("/metadata/name").to_owned(), read)),
            Err(error) => wrong.push(error),
        }
    }
    found
}

fn uses_worker(template: &Value) -> bool {
    list_at(template, "/spec/containers")
        .iter()
        .any(|c| is_worker(text_at(c, "/image")))
}

fn worker(
    workload: &Document,
    template: &Value,
    documents: &[Document],
    configurations: &[(String, Configuration)],
    versions: &Versions,
) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut must = |holds: bool, otherwise: &str| {
        if !holds {
            wrong.push(format!("{}: {otherwise}", workload.place));
        }
    };
    let labels = template.pointer("/metadata/labels");
    let of_kind = |kind: &'static str| documents.iter().filter(move |d| d.kind() == kind);
    let policy = of_kind("NetworkPolicy")
        .find(|p| selects(p.value.pointer("/spec/podSelector/matchLabels"), labels));
    must(policy.is_some(), "no network policy stands around its pods");
    let budgeted = of_kind("PodDisruptionBudget")
        .any(|b| selects(b.value.pointer("/spec/selector/matchLabels"), labels));
    let is_job = workload.kind() == "Job";
    must(
        budgeted != is_job,
        if is_job {
            "a budget counts its pod, which no controller can scale"
        } else {
            "no budget protects its pods"
        },
    );

    let mounted = list_at(template, "/spec/volumes")
        .iter()
        .map(|v| text_at(v, "/configMap/name"));
    let mounted: Vec<&str> = mounted.collect();
    let Some((_, config)) = configurations
        .iter()
        .find(|(name, _)| mounted.contains(&name.as_str()))
    else {
        must(false, "it mounts no configuration of this set");
        return wrong;
    };
    let container = &list_at(template, "/spec/containers")[0];
    let given: Vec<&str> = list_at(container, "/env")
        .iter()
        .map(|v| text_at(v, "/name"))
        .collect();
    let from_secret = !list_at(container, "/envFrom").is_empty();
    for variable in config.variables() {
        let there = given.contains(&variable) || from_secret && variable != "POD_NAME";
        must(there, &format!("it is not given {variable}"));
    }
    if is_job {
        return wrong;
    }
    let ports: Vec<i64> = list_at(container, "/ports")
        .iter()
        .filter_map(|p| p["containerPort"].as_i64())
        .collect();
    let restate = config.number("restate", "http_port");
    let metrics = config.number("observability.metrics", "prometheus_port");
    must(
        restate.is_some_and(|p| ports.contains(&p)),
        "its ports lack restate.http_port",
    );
    must(
        metrics.is_some_and(|p| ports.contains(&p)),
        "its ports lack observability.metrics.prometheus_port",
    );
    let scraped = text_at(template, "/metadata/annotations/prometheus.io~1port");
    must(
        metrics.is_some_and(|p| p.to_string() == scraped),
        "Prometheus is sent to another port",
    );
    let grace = template["spec"]["terminationGracePeriodSeconds"]
        .as_u64()
        .unwrap_or(30);
    let drain = config.drain_seconds().unwrap_or(u64::MAX);
    must(
        grace >= drain.saturating_add(15),
        "it is killed before drain_timeout and the end that follows have passed",
    );
    if let Some(policy) = policy {
        for port in [restate, metrics].into_iter().flatten() {
            must(
                lets_in(policy, port),
                &format!("the network policy lets nobody, or everybody, in at {port}"),
            );
        }
        for url in ["admin_url", "ingress_url"] {
            let port = port_of(config.text("restate", url));
            must(
                port.is_some_and(|p| lets_out(policy, p)),
                &format!("the network policy does not let it out to restate.{url}"),
            );
        }
    }
    for problem in registration(workload, config, documents, versions) {
        must(false, &problem);
    }
    wrong
}

/// Who tells Restate of a revision: the operator, or the worker under a Service of its version.
fn registration(
    workload: &Document,
    config: &Configuration,
    documents: &[Document],
    versions: &Versions,
) -> Vec<String> {
    let address = config.text("restate", "register_as");
    if workload.kind() == "RestateDeployment" {
        let mut wrong = Vec::new();
        if !address.is_empty() {
            wrong.push("both the operator and restate.register_as register it".to_owned());
        }
        let cluster = workload.text("/spec/restate/register/cluster");
        let known =
            |d: &&Document| d.kind() == "RestateCluster" && d.text("/metadata/name") == cluster;
        if !cluster.is_empty() && documents.iter().find(known).is_none() {
            wrong.push(format!("there is no cluster {cluster}"));
        }
        let allowed = format!("/spec/template/metadata/labels/allow.restate.dev~1{cluster}");
        if workload.text(&allowed) != "true" {
            wrong.push(format!(
                "its pods lack the label by which the cluster {cluster} reaches them"
            ));
        }
        return wrong;
    }
    if !address.contains("{version}") {
        return vec!["restate.register_as has no {version}, so a release would replace what others still run on".to_owned()];
    }
    let host = address
        .trim_start_matches("http://")
        .replace("{version}", &versions.worker.replace('.', "-"));
    let serves = |d: &&Document| {
        let name = format!(
            "{}.{}.svc:",
            d.text("/metadata/name"),
            d.text("/metadata/namespace")
        );
        d.kind() == "Service" && host.starts_with(&name)
    };
    match documents.iter().find(serves) {
        None => vec![format!(
            "no Service is called {host}, as restate.register_as says"
        )],
        Some(service) if service.value["spec"]["publishNotReadyAddresses"] != true => {
            vec![
                "it is ready once it is registered, but its Service hides it until it is ready"
                    .to_owned(),
            ]
        }
        Some(_) => Vec::new(),
    }
}

/// Whether some, but not all, may come in at a port.
fn lets_in(policy: &Document, port: i64) -> bool {
    let rules = list_at(&policy.value, "/spec/ingress")
        .iter()
        .filter(|r| names(r, port));
    let mut rules = rules.peekable();
    rules.peek().is_some() && rules.all(|rule| !list_at(rule, "/from").is_empty())
}

fn lets_out(policy: &Document, port: i64) -> bool {
    list_at(&policy.value, "/spec/egress")
        .iter()
        .any(|rule| names(rule, port))
}

fn names(rule: &Value, port: i64) -> bool {
    let ports = list_at(rule, "/ports");
    ports.is_empty() || ports.iter().any(|p| p["port"] == port)
}

fn port_of(url: &str) -> Option<i64> {
    url.rsplit(':').next()?.trim_end_matches('/').parse().ok()
}

#[cfg(test)]
mod tests;
