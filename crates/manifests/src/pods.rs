//! What holds of every pod: it has no rights, writes nowhere but on its volumes, says what it needs, and is probed.
//!
//! Not for how pods and what stands around them fit together: see `sets`.

use serde_json::Value;

use crate::documents::{Document, list_at, text_at};

/// Versions the images must have.
#[derive(Debug, Clone)]
pub(crate) struct Versions {
    pub(crate) worker: String,
    pub(crate) restate: String,
}

/// The template of a workload's pods, if it is one.
pub(crate) fn template(document: &Document) -> Option<&Value> {
    let kinds = ["RestateDeployment", "Deployment", "StatefulSet", "Job"];
    let template = document.value.pointer("/spec/template");
    template.filter(|_| kinds.contains(&document.kind()))
}

/// Everything that is wrong with a workload's pods.
pub(crate) fn check(document: &Document, versions: &Versions) -> Vec<String> {
    let Some(template) = template(document) else {
        return Vec::new();
    };
    let mut wrong = Vec::new();
    let mut say = |problem: &str| wrong.push(format!("{}: {problem}", document.place));
    let spec = &template["spec"];
    if spec["securityContext"]["runAsNonRoot"] != true {
        say("its pods may run as root");
    }
    if text_at(spec, "/securityContext/seccompProfile/type") != "RuntimeDefault" {
        say("its pods have no seccomp profile");
    }
    if spec["automountServiceAccountToken"] != false {
        say("its pods are given a token of the cluster's");
    }
    for container in list_at(spec, "/containers") {
        for problem in container_problems(container, spec, document, versions) {
            say(&format!(
                "container {}: {problem}",
                text_at(container, "/name")
            ));
        }
    }
    wrong
}

fn container_problems(
    container: &Value,
    spec: &Value,
    document: &Document,
    versions: &Versions,
) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut must = |holds: bool, otherwise: String| {
        if !holds {
            wrong.push(otherwise);
        }
    };
    let security = &container["securityContext"];
    must(
        security["readOnlyRootFilesystem"] == true,
        "its root file system can be written to".to_owned(),
    );
    must(
        security["allowPrivilegeEscalation"] == false,
        "it may gain rights".to_owned(),
    );
    must(
        security["capabilities"]["drop"] == serde_json::json!(["ALL"]),
        "it keeps capabilities".to_owned(),
    );
    for (what, pointer) in [
        ("processor time", "/resources/requests/cpu"),
        ("memory", "/resources/requests/memory"),
        ("a limit of memory", "/resources/limits/memory"),
    ] {
        must(
            !text_at(container, pointer).is_empty(),
            format!("it does not ask for {what}"),
        );
    }
    let image = text_at(container, "/image");
    let version = if is_worker(image) {
        &versions.worker
    } else {
        &versions.restate
    };
    must(
        image.ends_with(&format!(":{version}")),
        format!("its image `{image}` is not of version {version}"),
    );
    for variable in list_at(container, "/env") {
        let name = text_at(variable, "/name");
        let secret = ["PASSWORD", "TOKEN", "SECRET"]
            .iter()
            .any(|word| name.contains(word));
        must(
            !secret || variable["value"].is_null(),
            format!("the secret {name} stands in the file"),
        );
    }
    for mounted in list_at(container, "/volumeMounts") {
        let name = text_at(mounted, "/name");
        let volumes = list_at(spec, "/volumes")
            .iter()
            .map(|v| text_at(v, "/name"));
        let claims = list_at(&document.value, "/spec/volumeClaimTemplates")
            .iter()
            .map(|c| text_at(c, "/metadata/name"));
        must(
            volumes.chain(claims).any(|known| known == name),
            format!("there is no volume {name}"),
        );
    }
    if document.kind() != "Job" {
        for (probe, path) in probes(image) {
            let http = &container[probe]["httpGet"];
            must(
                http["path"] == path,
                format!("its {probe} does not ask {path}"),
            );
            let known = list_at(container, "/ports")
                .iter()
                .any(|p| p["name"] == http["port"]);
            must(known, format!("its {probe} asks a port it does not have"));
        }
    }
    wrong
}

/// Whether this is the product's own image.
pub(crate) fn is_worker(image: &str) -> bool {
    let name = image.rsplit('/').next().unwrap_or(image);
    name.split(':').next() == Some("control-plane-worker")
}

fn probes(image: &str) -> [(&'static str, &'static str); 3] {
    if is_worker(image) {
        [
            ("startupProbe", "/health/startup"),
            ("livenessProbe", "/health/live"),
            ("readinessProbe", "/health/ready"),
        ]
    } else {
        [
            ("startupProbe", "/health"),
            ("livenessProbe", "/health"),
            ("readinessProbe", "/restate/health"),
        ]
    }
}

#[cfg(test)]
mod tests {
    use crate::tests::{planted, repository};

    #[test]
    fn every_planted_mistake_is_found() {
        let worker = "kubernetes/worker.yaml";
        for (file, from, to, says) in [
            (
                worker,
                "runAsNonRoot: true",
                "runAsNonRoot: false",
                "may run as root",
            ),
            (
                worker,
                "type: RuntimeDefault",
                "type: Unconfined",
                "seccomp",
            ),
            (
                worker,
                "automountServiceAccountToken: false",
                "automountServiceAccountToken: true",
                "token of the cluster",
            ),
            (
                worker,
                "readOnlyRootFilesystem: true",
                "readOnlyRootFilesystem: false",
                "can be written to",
            ),
            (
                worker,
                "allowPrivilegeEscalation: false",
                "allowPrivilegeEscalation: true",
                "may gain rights",
            ),
            (
                worker,
                "drop: [\"ALL\"]",
                "drop: [\"NET_RAW\"]",
                "keeps capabilities",
            ),
            (
                worker,
                "memory: 128Mi\n",
                "ephemeral-storage: 1Gi\n",
                "does not ask for memory",
            ),
            (
                worker,
                "limits:\n              memory",
                "limits:\n              cpu",
                "a limit of memory",
            ),
            (
                worker,
                "control-plane-worker:",
                "control-plane-worker:9",
                "is not of version",
            ),
            (
                worker,
                "path: /health/ready",
                "path: /ready",
                "readinessProbe does not ask /health/ready",
            ),
            (
                worker,
                "path: /health/live\n              port: restate",
                "path: /health/live\n              port: nowhere",
                "asks a port",
            ),
            (
                worker,
                "- name: config\n              mountPath",
                "- name: confgi\n              mountPath",
                "no volume confgi",
            ),
            (
                worker,
                "- name: POD_NAME\n              valueFrom:\n                fieldRef:\n                  fieldPath: metadata.name",
                "- name: VAULT_TOKEN\n              value: hunter2",
                "VAULT_TOKEN stands in the file",
            ),
            (
                "kubernetes/without-operator/restate.yaml",
                "restate:1.",
                "restate:2.",
                "is not of version",
            ),
            (
                "kubernetes/migrate.yaml",
                "runAsNonRoot: true",
                "runAsNonRoot: false",
                "may run as root",
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
