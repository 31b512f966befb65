//! A mistake planted in each file, and what is said of it.

use crate::tests::{planted, repository};

#[test]
fn every_planted_mistake_is_found() {
    let (worker, config, around) = (
        "kubernetes/worker.yaml",
        "kubernetes/config.yaml",
        "kubernetes/around.yaml",
    );
    let alone = "kubernetes/without-operator/worker.yaml";
    let alone_config = "kubernetes/without-operator/config.yaml";
    for (file, from, to, says) in [
        (
            worker,
            "matchLabels:\n      app.kubernetes.io/name: worker\n  restate",
            "matchLabels:\n      app.kubernetes.io/name: other\n  restate",
            "does not find its own pods",
        ),
        (
            worker,
            "part-of: control-plane-worker",
            "part-of: something",
            "no network policy stands around",
        ),
        (
            worker,
            "app.kubernetes.io/name: worker\n        app.kubernetes.io/part-of",
            "app.kubernetes.io/name: other\n        app.kubernetes.io/part-of",
            "no budget protects",
        ),
        (
            worker,
            "envFrom:\n            - secretRef:\n                name: worker",
            "envFrom: []",
            "is not given DATABASE_PASSWORD",
        ),
        (
            worker,
            "- name: POD_NAME",
            "- name: PODNAME",
            "is not given POD_NAME",
        ),
        (
            worker,
            "configMap:\n            name: worker",
            "configMap:\n            name: other",
            "mounts no configuration",
        ),
        (
            worker,
            "terminationGracePeriodSeconds: 60",
            "terminationGracePeriodSeconds: 30",
            "is killed before",
        ),
        (
            worker,
            "prometheus.io/port: \"9090\"",
            "prometheus.io/port: \"9091\"",
            "sent to another port",
        ),
        (
            worker,
            "cluster: restate",
            "cluster: other",
            "no cluster other",
        ),
        (
            worker,
            "allow.restate.dev/restate: \"true\"",
            "unrelated: \"true\"",
            "lack the label",
        ),
        (
            config,
            "http_port = 9080",
            "http_port = 9081",
            "ports lack restate.http_port",
        ),
        (
            config,
            "prometheus_port = 9090",
            "prometheus_port = 9092",
            "ports lack observability.metrics",
        ),
        (
            config,
            "register_as = \"\"",
            "register_as = \"http://worker-{version}:9080\"",
            "both the operator and",
        ),
        (
            config,
            "restate.svc:9070",
            "restate.svc:9071",
            "let it out to restate.admin_url",
        ),
        (
            config,
            "${VAULT_TOKEN}",
            "hunter2",
            "vault.token stands in the file",
        ),
        (
            config,
            "cname_domain = ",
            "cname_domain: ",
            "ConfigMap worker",
        ),
        (
            around,
            "    - from:\n        - namespaceSelector:\n            matchLabels:\n              kubernetes.io/metadata.name: restate\n      ports",
            "    - ports",
            "nobody, or everybody, in at 9080",
        ),
        (
            around,
            "maxUnavailable: 1\n  selector:\n    matchLabels:\n      app.kubernetes.io/name: worker",
            "maxUnavailable: 1\n  selector:\n    matchLabels:\n      app.kubernetes.io/part-of: control-plane-worker",
            "no controller can scale",
        ),
        (
            around,
            "app.kubernetes.io/part-of: control-plane-worker",
            "a: b",
            "NetworkPolicy worker: it finds no pod",
        ),
        (
            alone,
            "name: worker-0-1-0\n  namespace: control-plane\n  labels:\n    app.kubernetes.io/name: worker\n    app.kubernetes.io/version: 0.1.0\nspec:\n  selector",
            "name: worker-0-2-0\n  namespace: control-plane\n  labels:\n    app.kubernetes.io/name: worker\n    app.kubernetes.io/version: 0.1.0\nspec:\n  selector",
            "no Service is called worker-0-1-0",
        ),
        (
            alone,
            "publishNotReadyAddresses: true",
            "publishNotReadyAddresses: false",
            "hides it until it is ready",
        ),
        (
            alone_config,
            "worker-{version}",
            "worker",
            "has no {version}",
        ),
    ] {
        let found = planted(&repository(), file, from, to);
        assert!(
            found.iter().any(|p| p.contains(says)),
            "{file}: {to}: {found:?}"
        );
    }
}
