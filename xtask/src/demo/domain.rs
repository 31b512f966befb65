//! The part of the story about a custom domain: added, its record published, verified, a certificate obtained, and the page
//! fetched over TLS by a client that trusts only the authority's root; before there is a certificate, it gets nothing.
//!
//! Not for judging it: see `expect`.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::end::End;
use super::story::word;
use super::world::{DOMAIN, World};
use crate::run::{Because, Failure, Result};

/// Until a domain is verified and has its certificate.
const WITHIN: Duration = Duration::from_secs(60);

/// Tells it; gives what was seen.
pub(crate) fn tell(world: &mut World, app: &str, end: &End) -> Result<Value> {
    let host = format!("www.{}.test", word(8));
    let before = world.https_get(&host, end)?;
    println!("GET https://{host}/ \u{2192} {}", told(&before));

    let cname_domain = format!("cname.{DOMAIN}");
    let args = [
        "domains",
        "add",
        &host,
        "--app",
        app,
        "--cname-domain",
        &cname_domain,
    ];
    world
        .ctl(&[&args[..], &["--no-wait"]].concat(), end)
        .because("ctl domains add")?;
    let status = world.ctl_json(&["domains", "status", &host], end)?;
    let target = status["cname_target"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    println!("its owner publishes: {host} CNAME {target}");
    if let Some(stack) = &mut world.stack {
        // the target leads here: the authority looks at this machine
        stack.tell(&format!("dns {target} a 127.0.0.1"))?;
        stack.tell(&format!("dns {host} cname {target}"))?;
    }

    let until = Instant::now() + WITHIN;
    let shown = loop {
        let shown = world.ctl_json(&["certificates", "show", &host], end);
        match shown {
            Ok(shown) => break shown,
            Err(reason) if Instant::now() > until => {
                let status = world.ctl_json(&["domains", "status", &host], end)?;
                return Err(Failure(format!("no certificate: {reason}; {status}")));
            }
            Err(_) => end.pause(Duration::from_millis(200))?,
        }
    };
    world.ctl(&["domains", "status", &host], end)?;
    world.ctl(&["certificates", "show", &host], end)?;
    let after = world.https_get(&host, end)?;
    println!("GET https://{host}/ \u{2192} {}", told(&after));
    let status = world.ctl_json(&["domains", "status", &host], end)?;
    Ok(json!({
        "host": host, "status": status["status"], "certificate": shown,
        "https_before": before, "https_after": after,
    }))
}

fn told(seen: &Value) -> String {
    match seen["error"].as_str() {
        Some(error) => format!("nothing: {error}"),
        None => format!(
            "{} {} (serial {})",
            seen["status"], seen["body"], seen["serial"]
        ),
    }
}
