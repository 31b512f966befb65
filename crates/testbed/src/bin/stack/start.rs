//! Starts what was asked for and says where it is.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};
use testbed::{MariaDb, MariaDbOptions, Restate, RestateOptions};

use crate::{Args, Stack, authority::Authority, edge::Edge};

/// Callers of the development Vault show this; it is on loopback, for one process's life.
pub(crate) const VAULT_TOKEN: &str = "development";

/// Starts the servers; the value is what a program needs to reach them.
pub(crate) async fn all(args: &Args) -> Result<(Stack, Value), Box<dyn std::error::Error>> {
    let wanted = |part: &str| args.only.as_deref().is_none_or(|only| only == part);
    let dir = |name: &str| args.dir.as_ref().map(|dir| existing(dir, name));
    let restate = async {
        let options = RestateOptions {
            sync_each_write: args.sync,
            web_ui: args.web_ui,
            dir: dir("restate"),
            ..RestateOptions::default()
        };
        if wanted("restate") {
            Restate::start(options).await.map(Some)
        } else {
            Ok(None)
        }
    };
    let mysql = async {
        let options = MariaDbOptions {
            flush_log_at_trx_commit: if args.sync { 1 } else { 2 },
            dir: dir("mariadb"),
            ..MariaDbOptions::default()
        };
        if wanted("mysql") {
            MariaDb::start(options).await.map(Some)
        } else {
            Ok(None)
        }
    };
    let (restate, mysql) = tokio::try_join!(restate, mysql)?;
    let mut addresses = json!({
        "dir": args.dir.as_deref().unwrap_or(testbed::process_dir()),
        "pid": std::process::id(),
    });
    if let Some(restate) = &restate {
        addresses["restate"] = json!({
            "ingress": restate.ingress_url, "admin": restate.admin_url, "pid": restate.pid(),
        });
    }
    let vault = if args.vault {
        let options = match dir("vault") {
            Some(dir) => vault_dev::Options::on_disk(VAULT_TOKEN, dir)?,
            None => vault_dev::Options::in_memory(VAULT_TOKEN)?,
        };
        let server = vault_dev::Server::start(options).await?;
        addresses["vault"] = json!({ "url": server.url(), "token": VAULT_TOKEN });
        Some(server)
    } else {
        None
    };
    let mut dns = None;
    if args.dns {
        let server = testbed::DnsServer::start().await?;
        addresses["dns"] = json!({ "address": server.addr() });
        dns = Some(server);
    }
    let (mut edge, mut acme) = (None, None);
    if let Some(mysql) = &mysql {
        let database = testbed::ensure_database(&mysql.url(), "control_plane").await;
        addresses["mysql"] = json!({
            "url": mysql.url(), "address": mysql.addr(), "user": testbed::USER,
            "password": testbed::PASSWORD, "database": database.name, "dsn": database.dsn,
            "pid": mysql.pid(),
        });
        if !args.edge.is_empty() {
            let ready_after = Duration::from_millis(args.ready_after);
            let regions = args.edge.clone();
            let keys = addresses["vault"]["url"].as_str().map(str::to_owned);
            let started = Edge::start(&database.dsn, regions, ready_after, keys.as_deref()).await?;
            addresses["edge"] = json!({
                "front": started.front(), "control": started.control(), "regions": args.edge,
                "tls": started.tls(),
            });
            edge = Some(started);
        }
        if let Some(dns) = dns.as_ref().filter(|_| args.acme) {
            let started = Authority::start(&database, dns.addr(), args.renewal_info).await?;
            addresses["acme"] = started.addresses().await?;
            acme = Some(started);
        }
    }
    let stack = Stack {
        restate,
        mysql,
        edge,
        dns,
        _acme: acme,
        _vault: vault,
    };
    Ok((stack, addresses))
}

/// The folder a server left below `dir` (`restate-0`), or where it shall be.
fn existing(dir: &Path, name: &str) -> PathBuf {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> = entries
        .filter(|e| e.file_name().to_string_lossy().starts_with(name))
        .map(|e| e.path())
        .filter(|path| path.is_dir())
        .collect();
    found.sort();
    found.into_iter().next().unwrap_or_else(|| dir.join(name))
}
