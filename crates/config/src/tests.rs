//! What the configuration promises beyond its acceptance scenarios, which are in `scenarios`.

mod scenarios;
mod volume;

use std::time::Duration;

use crate::{Config, ConfigError, DEFAULT_TEXT, Problem};

const MINIMAL: &str = "cname_domain = \"cname.example.com\"\n[database]\nprimary = \"u:p@tcp(db:3306)/unkey?parseTime=true\"\n";

fn parse_with(text: &str, env: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let env: Vec<(String, String)> = env
        .iter()
        .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
        .collect();
    Config::parse(text, false, &move |name| {
        env.iter().find(|(k, _)| k == name).map(|(_, v)| v.clone())
    })
}

fn parse(text: &str) -> Result<Config, ConfigError> {
    parse_with(text, &[])
}

/// The minimal file with lines before its first section and sections after it.
fn with(top: &str, sections: &str) -> String {
    format!("{top}\n{MINIMAL}{sections}")
}

fn problems(result: Result<Config, ConfigError>) -> Vec<Problem> {
    match result {
        Err(ConfigError::Invalid(problems)) => problems,
        other => panic!("expected problems, got {other:?}"),
    }
}

fn paths(result: Result<Config, ConfigError>) -> Vec<String> {
    let mut paths: Vec<String> = problems(result).into_iter().map(|p| p.path).collect();
    paths.sort();
    paths
}

#[test]
fn variables_cannot_break_the_file_or_add_to_it() {
    let nasty = "a\"b'c\n[vault]\nurl = \"x\" $NOT ${T}";
    let config = parse_with(
        &with("", "[vault]\ntoken = \"${T}-$$-${U:-x}\"\n"),
        &[("T", nasty)],
    )
    .expect("loads");
    assert_eq!(config.vault.token.expose(), format!("{nasty}-$-x"));
    assert_eq!(config.vault.url, "");
}

#[test]
fn a_bare_variable_is_a_number_or_a_boolean() {
    let text = with(
        "",
        "[github]\napp_id = ${ID}\nallow_unauthenticated_deployments = ${A:-true} # yes\n[restate]\nhttp_port = \"${P}\"\n",
    );
    let config = parse_with(&text, &[("ID", "42"), ("P", "9000")]).expect("loads");
    let github = config.github.expect("section");
    assert!(
        github.app_id == 42
            && github.allow_unauthenticated_deployments
            && config.restate.http_port == 9000
    );
    let wrong = problems(parse_with(&text, &[("ID", "1\"\nx = 2"), ("P", "9000")]));
    assert_eq!(wrong.len(), 1);
    assert!(
        wrong[0].path == "github.app_id" && !wrong[0].message.contains("x = 2"),
        "{wrong:?}"
    );
    let pem = "cname_domain = \"c.d\"\ndatabase = \"x\"\n[slack]\n[vault]\ntoken = \"\"\"\nkey = ${ID}\n\"\"\"\n";
    assert_eq!(
        parse_with(pem, &[("ID", "a")])
            .expect("loads")
            .vault
            .token
            .expose(),
        "key = a\n"
    );
}

#[test]
fn an_unknown_key_is_a_warning_and_strictly_an_error() {
    let text = with(
        "defualt_domain = \"x.y\"",
        "[registry]\nurl = \"x\"\n[restate]\nhttp_prot = 1\n[billing]\nstripe_secret_key = \"s\"\n",
    );
    let config = parse(&text).expect("loads");
    let told: Vec<String> = config.warnings.iter().map(ToString::to_string).collect();
    for (path, nearest) in [
        ("defualt_domain", "default_domain"),
        ("restate.http_prot", "restate.http_port"),
    ] {
        assert!(
            told.iter()
                .any(|w| w.starts_with(path) && w.ends_with(nearest)),
            "{told:?}"
        );
    }
    assert!(
        told.iter().any(|w| w.starts_with("registry.url ")),
        "{told:?}"
    );
    assert!(
        told.iter()
            .any(|w| w.starts_with("billing.stripe_secret_key") && w.contains("another version")),
        "{told:?}"
    );
    let strict = Config::parse(&text, true, &|_| None);
    assert_eq!(
        paths(strict),
        ["defualt_domain", "registry.url", "restate.http_prot"]
    );
}

#[test]
fn existing_files_load() {
    let without_parse_time =
        parse("cname_domain = \" c.d. \"\ndatabase = \"u:p@tcp(h)/d\"\n").expect("loads");
    assert_eq!(
        (
            without_parse_time.database.primary.expose(),
            without_parse_time.cname_domain.as_str()
        ),
        ("u:p@tcp(h)/d", "c.d")
    );
    let empty_github = parse(&with(
        "",
        "[github]\nallow_unauthenticated_deployments = true\n",
    ))
    .expect("loads");
    assert!(!empty_github.github.expect("section").enabled());
    assert!(
        parse(&with("default_domain = \"\"", "")).is_ok_and(|c| c.default_domain == "unkey.app")
    );
}

#[test]
fn an_explicit_zero_counts() {
    let config = parse(&with("", "[observability.tracing]\nsample_rate = 0\n")).expect("loads");
    assert_eq!(
        config.observability.tracing.expect("section").sample_rate,
        0.0
    );
    assert_eq!(
        paths(parse(&with(
            "",
            "[observability.logging]\nsample_rate = 1.5\n"
        ))),
        ["observability.logging.sample_rate"]
    );
}

#[test]
fn wrong_values_are_named_without_being_shown() {
    let text = with(
        "default_domain = \"https://x\"",
        "[vault]\nurl = \"hunter2\"\n[restate]\nidentity_keys = [\"hunter2\"]\nlisten = \"hunter2\"\n[deploy]\nwake_timeout = \"hunter2\"\n\
         [github]\napp_id = \"hunter2\"\nprivate_key_pem = \"hunter2\"\n[slack]\nquota_check_webhook_url = \"hunter2\"\n[clickhouse]\nurl = 5\n",
    );
    let result = parse(&text);
    assert!(
        !result
            .as_ref()
            .map_err(ToString::to_string)
            .expect_err("refused")
            .contains("hunter2")
    );
    assert_eq!(
        paths(result),
        [
            "clickhouse.url",
            "default_domain",
            "deploy.wake_timeout",
            "github.app_id",
            "github.private_key_pem",
            "restate.identity_keys[0]",
            "restate.listen",
            "slack.quota_check_webhook_url",
            "vault.url"
        ]
    );
    assert_eq!(
        paths(parse("cname_domain = \".\"\ndatabase = \"x\"\n")),
        ["cname_domain"]
    );
    let syntax = parse("a = 1\nsecret = \"hunter2\nb = 2\n")
        .expect_err("refused")
        .to_string();
    assert!(
        syntax.starts_with("line 2") && !syntax.contains("hunter2"),
        "{syntax}"
    );
}

#[test]
fn registration_is_forced_unless_the_address_has_the_version() {
    let force = |lines: &str| {
        parse(&with("", &format!("[restate]\n{lines}\n")))
            .expect("loads")
            .restate
            .force()
    };
    assert!(force("register_as = \"http://worker:9080\""));
    assert!(!force("register_as = \"http://worker-{version}:9080\""));
    assert!(force(
        "register_as = \"http://worker-{version}:{port}\"\nregister_force = true"
    ));
}

#[test]
fn no_secret_is_printed() {
    let text = "cname_domain = \"c.d\"\n[database]\nprimary = \"hunter2\"\nreadonly_replica = \"hunter2\"\n[vault]\ntoken = \"hunter2\"\n\
                [restate]\napi_key = \"hunter2\"\n[acme.route53]\nsecret_access_key = \"hunter2\"\n[clickhouse]\nurl = \"hunter2\"\nadmin_url = \"hunter2\"\n\
                [heartbeat]\nkey_refill_url = \"http://h/hunter2\"\n[slack]\nquota_check_webhook_url = \"http://h/hunter2\"\n\
                [github]\nprivate_key_pem = \"\"\"-----BEGIN RSA PRIVATE KEY-----\nhunter2\n-----END RSA PRIVATE KEY-----\"\"\"\n";
    let config = parse(text).expect("loads");
    assert!(!format!("{config:?}").contains("hunter2"));
    let shown = config.to_text();
    assert!(
        !shown.contains("hunter2")
            && shown.contains("primary = \"***\"")
            && shown.contains("wake_timeout = \"2m\""),
        "{shown}"
    );
}

#[test]
fn the_default_text_has_every_key_with_its_default() {
    let commented = DEFAULT_TEXT
        .replace("\n# [observability.tracing]", "\n[observability.tracing]")
        .replace("\n# sample_rate", "\nsample_rate")
        .replace("\n# register_force", "\nregister_force");
    let from_text =
        Config::parse(&commented, true, &|_| None).expect("the default text is valid, strictly");
    let minimal = parse(MINIMAL).expect("loads");
    let same = |c: &Config| {
        let mut c = c.clone();
        c.instance_id = String::new();
        c.cname_domain = String::new();
        c.github = None;
        c.observability.tracing = None;
        c.restate.register_force = None;
        c.to_text()
    };
    assert_eq!(same(&from_text), same(&minimal));
    for line in from_text.to_text().lines().filter(|l| l.contains(" = ")) {
        let key = line.split(" = ").next().unwrap_or_default();
        assert!(
            commented
                .lines()
                .any(|l| l.starts_with(&format!("{key} = "))),
            "{key} is not in the default text"
        );
    }
}

#[test]
fn test_timings_are_for_debug_builds() {
    let text = with(
        "",
        "[test_timings.deploy]\nreadiness = \"1.5s\"\n[test_timings.routing]\nstandby_after = \"900ms\"\n",
    );
    let config = parse(&text).expect("tests run in debug builds");
    assert_eq!(
        config.test_timings.get("deploy.readiness"),
        Some(&Duration::from_millis(1500))
    );
    assert_eq!(
        config.test_timings.get("routing.standby_after"),
        Some(&Duration::from_millis(900))
    );
    assert_eq!(config.warnings, []);
}

/// The page that explains this crate.
const PAGE: &str = include_str!("../../../docs/configuration.md");

#[test]
fn the_example_of_the_page_loads_as_it_says() {
    let example = PAGE.split("```toml\n").nth(1).expect("an example");
    let example = example.split("```").next().unwrap_or_default();
    let env = [
        ("BASE_DOMAIN", "example.com"),
        ("DB_PASSWORD", "p@:/"),
        ("WORKER_PORT", "9081"),
        ("REGION", ""),
    ];
    let config = Config::parse(example, true, &|name| {
        let found = env.iter().find(|(key, _)| *key == name);
        found.map(|(_, value)| (*value).to_owned())
    })
    .expect("loads, strictly");
    assert_eq!(config.cname_domain, "cname.example.com");
    assert_eq!(config.region, "eu-central-1");
    assert!(config.instance_id.starts_with("ins_"));
    assert_eq!(
        config.database.primary.expose(),
        "unkey:p@:/@tcp(mysql:3306)/unkey?tls=true"
    );
    assert_eq!(config.vault.token.expose(), "cost$100");
    assert_eq!(config.restate.http_port, 9081);
    assert_eq!(config.restate.drain_timeout, Duration::from_secs(90));
    assert_eq!(
        paths(parse(example)),
        ["cname_domain", "database.primary", "restate.http_port"]
    );
}

#[test]
fn the_keys_of_the_page_are_keys() {
    let rows = PAGE
        .split("## Keys the existing worker does not have")
        .nth(1);
    let rows = rows.and_then(|r| r.split("\n## ").next()).expect("a table");
    let keys: Vec<&str> = rows
        .lines()
        .filter_map(|row| row.strip_prefix("| `")?.split('`').next())
        .collect();
    assert!(keys.len() > 10, "{keys:?}");
    for key in keys {
        let (section, name) = key.rsplit_once('.').unwrap_or(("", key));
        let text = if section.is_empty() {
            DEFAULT_TEXT
        } else {
            DEFAULT_TEXT
                .split(&format!("\n[{section}]\n"))
                .nth(1)
                .unwrap_or_else(|| panic!("no section of {key}"))
        };
        let text = text.split("\n[").next().unwrap_or_default();
        assert!(
            text.lines().any(|line| line
                .trim_start_matches("# ")
                .starts_with(&format!("{name} = "))),
            "{key} is not in the default text"
        );
    }
}
