//! Rules about single values and across keys, applied after every key was read.
//!
//! Each rule adds its problem and goes on, so that one run names everything that is wrong.

use std::net::SocketAddr;
use std::time::Duration;

use crate::reader::Reader;
use crate::{Config, Warning};

/// Keys that other versions of the existing worker know and this one has no use for.
const OF_OTHER_VERSIONS: [&str; 6] = [
    "build.",
    "deploy_gate.",
    "billing.",
    "email.",
    "workos_api_key",
    "heartbeat.",
];

/// One check asks up to three questions in a row, and a step must end within two minutes.
const MAX_DNS_TIMEOUT: Duration = Duration::from_secs(20);

pub(crate) fn check(config: &mut Config, r: &mut Reader) {
    platform(config, r);
    names(config, r);
    route53(config, r);
    registry(config, r);
    observability(config, r);
    addresses(config, r);
    if config.github.as_ref().is_some_and(|g| {
        !g.private_key_pem.is_empty() && !is_private_key(g.private_key_pem.expose())
    }) {
        r.problem(
            "github.private_key_pem",
            "is no private key in PEM form (-----BEGIN … PRIVATE KEY-----)",
        );
    }
    for (index, key) in config.restate.identity_keys.iter().enumerate() {
        if !key.starts_with("publickeyv1_") {
            r.problem(
                &format!("restate.identity_keys[{index}]"),
                "must begin with publickeyv1_",
            );
        }
    }
    if !cfg!(debug_assertions) {
        for section in ["test_timings", "test_faults"] {
            if r.has(section) {
                r.problem(section, "is for tests; a release build refuses it");
            }
        }
    }
}

fn platform(config: &mut Config, r: &mut Reader) {
    let platform = config
        .build_platform
        .strip_prefix('/')
        .unwrap_or(&config.build_platform)
        .to_owned();
    let arch = platform.strip_prefix("linux/").unwrap_or_default();
    if arch.is_empty() || arch.contains('/') {
        r.problem(
            "build_platform",
            "must be linux/<architecture>, such as linux/amd64",
        );
    }
    config.build_platform = platform;
}

/// Domains are compared without blanks and without a final dot.
fn names(config: &mut Config, r: &mut Reader) {
    for (path, name) in [
        ("cname_domain", &mut config.cname_domain),
        ("default_domain", &mut config.default_domain),
        ("regional_domain", &mut config.regional_domain),
    ] {
        let trimmed = name.trim();
        let trimmed = trimmed.strip_suffix('.').unwrap_or(trimmed).to_owned();
        if trimmed.is_empty() && !name.trim().is_empty() {
            r.problem(path, "is no domain name");
        }
        if trimmed.contains(|c: char| c.is_whitespace() || "/:@".contains(c)) {
            r.problem(path, "must be a domain name, without scheme, port or path");
        }
        *name = trimmed;
    }
}

fn route53(config: &Config, r: &mut Reader) {
    let acme = &config.acme;
    let words = ["letsencrypt", "letsencrypt-staging"];
    if !words.contains(&acme.directory.as_str()) {
        r.check_url("acme.directory", &acme.directory, &["https", "http"]);
    }
    if !["p256", "rsa2048"].contains(&acme.key_type.as_str()) {
        r.problem("acme.key_type", "must be p256 or rsa2048");
    }
    if acme.external_account_key_id.is_empty() != acme.external_account_key.is_empty() {
        r.problem(
            "acme.external_account_key",
            "belongs to acme.external_account_key_id: give both or none",
        );
    }
    let dns = &config.acme.route53;
    for server in &dns.authoritative {
        if server.parse::<std::net::SocketAddr>().is_err() {
            r.problem(
                "acme.route53.authoritative",
                "must hold addresses with a port, such as 192.0.2.1:53",
            );
        }
    }
    if config.acme.enabled && dns.enabled {
        for (path, missing) in [
            ("acme.route53.access_key_id", dns.access_key_id.is_empty()),
            (
                "acme.route53.secret_access_key",
                dns.secret_access_key.is_empty(),
            ),
        ] {
            if missing {
                r.problem(
                    path,
                    "is required when acme.enabled and acme.route53.enabled are true",
                );
            }
        }
    }
}

fn registry(config: &Config, r: &mut Reader) {
    buildkit(config, r);
    if config.registry.password.is_empty() {
        return;
    }
    for (path, value) in [
        ("registry.repository", &config.registry.repository),
        ("registry.username", &config.registry.username),
    ] {
        if value.is_empty() {
            r.problem(path, "is required when registry.password is set");
        }
    }
    if config.depot.api_url.is_empty() && config.buildkit.address.is_empty() {
        r.problem(
            "depot.api_url",
            "is required when registry.password is set, unless buildkit.address is",
        );
    }
}

fn buildkit(config: &Config, r: &mut Reader) {
    let own = &config.buildkit;
    if own.address.is_empty() {
        return;
    }
    if !["unix:///", "tcp://"]
        .iter()
        .any(|s| own.address.starts_with(s))
    {
        r.problem(
            "buildkit.address",
            "must be unix:///<path of a socket> or tcp://<host>:<port>",
        );
    }
    if !config.depot.api_url.is_empty() {
        r.problem(
            "buildkit.address",
            "is one builder and depot.api_url another; configure one of them",
        );
    }
    if config.registry.repository.is_empty() {
        r.problem(
            "registry.repository",
            "is required when buildkit.address is set: images are pushed there",
        );
    }
    if own.cert_file.is_empty() != own.key_file.is_empty() {
        r.problem(
            "buildkit.key_file",
            "and buildkit.cert_file belong together; set both or none",
        );
    }
    if own.ca_file.is_empty() && !own.cert_file.is_empty() {
        r.problem(
            "buildkit.ca_file",
            "is required with buildkit.cert_file: it says which server is trusted",
        );
    }
}

fn observability(config: &Config, r: &mut Reader) {
    let logging = &config.observability.logging;
    for (path, value, allowed) in [
        (
            "observability.logging.format",
            logging.format.as_str(),
            &["auto", "json", "human"][..],
        ),
        (
            "observability.logging.level",
            logging.level.as_str(),
            &["trace", "debug", "info", "warn", "error"][..],
        ),
    ] {
        if !allowed.contains(&value) {
            r.problem(path, format!("must be one of {}", allowed.join(", ")));
        }
    }
}

fn addresses(config: &Config, r: &mut Reader) {
    for (path, value) in [
        ("restate.listen", &config.restate.listen),
        (
            "observability.metrics.listen",
            &config.observability.metrics.listen,
        ),
    ] {
        if !value.is_empty() && value.parse::<SocketAddr>().is_err() {
            r.problem(
                path,
                "must be an address with a port, such as 127.0.0.1:9080",
            );
        }
    }
    if config.dns.timeout.is_zero() || config.dns.timeout > MAX_DNS_TIMEOUT {
        r.problem("dns.timeout", "must be above 0 and at most 20s");
    }
    let servers = config.dns.servers.len().max(1);
    if config.dns.quorum > servers {
        r.problem(
            "dns.quorum",
            format!("must be at most the number of dns.servers, {servers}"),
        );
    }
    if config.deploy.watch_interval_min > config.deploy.watch_interval_max {
        r.problem(
            "deploy.watch_interval_min",
            "must not be longer than deploy.watch_interval_max",
        );
    }
}

fn is_private_key(pem: &str) -> bool {
    let mut lines = pem.trim().lines();
    let armour = |line: Option<&str>, word: &str| {
        line.is_some_and(|l| {
            l.trim().starts_with(&format!("-----{word} ")) && l.trim().ends_with("PRIVATE KEY-----")
        })
    };
    armour(lines.next(), "BEGIN") && armour(lines.next_back(), "END")
}

/// What the file says and nobody reads. The second half of a pair: whether strict checking refuses it.
pub(crate) fn unread(config: &Config, r: &Reader, unexpanded: &[String]) -> Vec<(Warning, bool)> {
    let mut warnings: Vec<(Warning, bool)> = r
        .unknown()
        .into_iter()
        .map(|(path, nearest)| {
            if OF_OTHER_VERSIONS
                .iter()
                .any(|p| path == *p || (p.ends_with('.') && path.starts_with(p)))
            {
                return (
                    Warning::new(
                        &path,
                        "belongs to another version of the worker and is not used here",
                    ),
                    false,
                );
            }
            let hint = nearest
                .map(|n| format!("; the nearest known key is {n}"))
                .unwrap_or_default();
            (
                Warning::new(&path, format!("is not a key of this worker{hint}")),
                true,
            )
        })
        .collect();
    for path in unexpanded {
        let text = "has a `$NAME`, which stays as it is; write `${NAME}` for the variable or `$$` for a dollar sign";
        warnings.push((Warning::new(path, text), false));
    }
    if config
        .github
        .as_ref()
        .is_some_and(|g| !g.enabled() && (g.app_id != 0 || !g.private_key_pem.is_empty()))
    {
        warnings.push((
            Warning::new(
                "github",
                "has only one of app_id and private_key_pem, so GitHub is off",
            ),
            false,
        ));
    }
    if !config.clickhouse.admin_url.is_empty() && config.vault.url.is_empty() {
        warnings.push((
            Warning::new("clickhouse.admin_url", "has no effect without vault.url"),
            false,
        ));
    }
    warnings
}
