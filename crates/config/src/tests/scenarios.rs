//! The acceptance scenarios of the configuration: WRK-1 to WRK-7.

use std::path::Path;
use std::time::Duration;

use super::{MINIMAL, parse, parse_with, paths, problems, with};
use crate::{Config, ConfigError};

#[test]
fn wrk_1_a_minimal_file_gets_every_default() {
    testbed::scenario!("WRK-1");
    let c = parse(MINIMAL).expect("the minimal file loads");
    assert!(
        c.instance_id.starts_with("ins_") && c.instance_id.len() == 12,
        "{}",
        c.instance_id
    );
    assert_eq!(
        (
            c.region.as_str(),
            c.default_domain.as_str(),
            c.dashboard_url.as_str()
        ),
        ("", "unkey.app", "https://app.unkey.com")
    );
    assert_eq!(
        (c.build_platform.as_str(), c.sentinel_image.as_str()),
        ("linux/amd64", "ghcr.io/unkeyed/unkey:local")
    );
    assert!(
        c.database.readonly_replica.is_empty()
            && c.vault.url.is_empty()
            && c.vault.token.is_empty()
    );
    assert!(!c.acme.enabled && c.acme.email_domain == "unkey.com");
    assert!(!c.acme.route53.enabled && c.acme.route53.region == "us-east-1");
    let r = &c.restate;
    assert_eq!(
        (r.admin_url.as_str(), r.ingress_url.as_str()),
        ("http://restate:9070", "http://restate:8080")
    );
    assert!(
        r.http_port == 9080
            && r.register_as.is_empty()
            && r.api_key.is_empty()
            && r.identity_keys.is_empty()
    );
    assert_eq!(
        (
            c.depot.api_url.as_str(),
            c.depot.project_region.as_str(),
            c.depot.project_prefix.as_str()
        ),
        ("", "us-east-1", "builds-local")
    );
    assert!(
        c.registry.password.is_empty()
            && c.clickhouse.url.is_empty()
            && c.clickhouse.admin_url.is_empty()
    );
    assert!(
        c.github.is_none()
            && c.heartbeat.key_refill_url.is_empty()
            && c.slack.quota_check_webhook_url.is_empty()
    );
    assert!(c.observability.tracing.is_none() && c.observability.metrics.prometheus_port == 0);
    assert_eq!(c.observability.logging.sample_rate, 1.0);
    assert_eq!(
        c.observability.logging.slow_threshold,
        Duration::from_secs(1)
    );
    assert_eq!(c.deploy.pending_timeout, Duration::from_secs(600));
    assert_eq!(c.deploy.wake_timeout, Duration::from_secs(120));
    assert_eq!(c.warnings, []);
}

#[test]
fn wrk_2_one_failure_names_every_wrong_key() {
    testbed::scenario!("WRK-2");
    let wrong = parse("[restate]\nhttp_port = 70000\n");
    assert!(wrong.as_ref().is_err_and(|e| {
        ["restate.http_port", "cname_domain", "database.primary"]
            .iter()
            .all(|p| e.to_string().contains(p))
    }));
    assert_eq!(
        paths(wrong),
        ["cname_domain", "database.primary", "restate.http_port"]
    );
}

#[test]
fn wrk_3_route53_needs_its_credentials_only_when_acme_is_on() {
    testbed::scenario!("WRK-3");
    let section = |enabled: bool| {
        with(
            "",
            &format!("[acme]\nenabled = {enabled}\n[acme.route53]\nenabled = true\n"),
        )
    };
    assert_eq!(
        paths(parse(&section(true))),
        [
            "acme.route53.access_key_id",
            "acme.route53.secret_access_key"
        ]
    );
    assert!(parse(&section(false)).is_ok());
}

#[test]
fn wrk_4_a_registry_password_alone_lacks_the_repository() {
    testbed::scenario!("WRK-4");
    let missing = paths(parse(&with("", "[registry]\npassword = \"x\"\n")));
    assert_eq!(
        missing,
        ["depot.api_url", "registry.repository", "registry.username"]
    );
}

#[test]
fn wrk_5_the_build_platform_is_linux_and_one_architecture() {
    testbed::scenario!("WRK-5");
    for (given, read) in [
        ("linux/arm64", "linux/arm64"),
        ("/linux/amd64", "linux/amd64"),
    ] {
        let config = parse(&with(&format!("build_platform = \"{given}\""), "")).expect(given);
        assert_eq!(config.build_platform, read);
    }
    for given in [
        "windows/amd64",
        "linux",
        "linux/amd64/v2",
        "linux/",
        "//linux/amd64",
    ] {
        assert_eq!(
            paths(parse(&with(&format!("build_platform = \"{given}\""), ""))),
            ["build_platform"],
            "{given}"
        );
    }
}

#[test]
fn wrk_6_variables_are_expanded_per_value_and_undefined_ones_are_named() {
    testbed::scenario!("WRK-6");
    let text = with(
        "",
        "[vault]\nurl = \"http://vault\"\ntoken = \"${T}\" # not ${COMMENT}\n",
    );
    let config = parse_with(&text, &[("T", "abc")]).expect("T is set");
    assert_eq!(config.vault.token.expose(), "abc");
    let undefined = problems(parse(&text));
    assert_eq!(undefined.len(), 1);
    assert!(
        undefined[0].path == "vault.token" && undefined[0].message.contains("T is not set"),
        "{undefined:?}"
    );
}

#[test]
fn wrk_7_a_wrong_extension_is_refused_before_reading() {
    testbed::scenario!("WRK-7");
    assert!(matches!(
        Config::load(Path::new("/nowhere/worker.yaml")),
        Err(ConfigError::Extension(_))
    ));
    assert!(matches!(
        Config::load(Path::new("/nowhere/worker.toml")),
        Err(ConfigError::Read { .. })
    ));
}
