//! Whether what the worker depends on answers, and has what it needs.

use causes::chain;
use mysql::DbError;
use restate_api::Class;
use serde_json::json;

use super::patient::Patient;
use super::report::{Check, Finding};

/// Restate's admin API, and that it can look into its own tables.
pub(super) async fn admin(patient: &Patient) -> Check {
    let url = &patient.admin_url;
    let asked = async {
        patient.admin.query("SELECT 1 AS one").await?;
        patient.admin.version().await
    };
    match asked.await {
        Ok(version) => Check::of(
            "admin",
            format!("Restate {version} answers at {url}"),
            Vec::new(),
        ),
        Err(error) => {
            let cure = match error.class() {
                Class::Unauthorised => "set CTRL_API_KEY or --api-key",
                _ => {
                    "is Restate up, and CTRL_ADMIN (or --admin) right? Without it nothing is registered and nothing \
                     is ended"
                }
            };
            Check::failed("admin", chain(&error), cure)
        }
    }
}

/// Restate's ingress.
pub(super) async fn ingress(patient: &Patient) -> Check {
    let url = &patient.ingress_url;
    match patient.ingress.health().await {
        Ok(()) => Check::of("ingress", format!("answers at {url}"), Vec::new()),
        Err(error) => Check::failed(
            "ingress",
            chain(&error),
            "is Restate up, and CTRL_INGRESS (or --ingress) right? Without it nothing new is begun",
        ),
    }
}

/// That a call gets through ingress and worker to an answer: an ingress answers its health check without anybody to
/// serve it.
pub(super) async fn calls(patient: &Patient) -> Check {
    let service = scheduler_client::SERVICE;
    let job = scheduler_client::JOBS[0];
    let nothing = json!({});
    match patient.ingress.call(service, job, "Status", &nothing).await {
        Ok(_) => Check::of("calls", "a call was answered", Vec::new()),
        Err(error) => Check::failed(
            "calls",
            chain(&error),
            "Restate takes calls but none is answered: see `workers`; if those are well, are all of Restate's nodes up?",
        ),
    }
}

/// MySQL.
pub(super) async fn mysql(patient: &Patient) -> Check {
    let Some(db) = &patient.db else {
        return Check::skipped("mysql", "no database was named: set CTRL_DATABASE");
    };
    match db.ping().await {
        Ok(()) => Check::of("mysql", "answers", Vec::new()),
        Err(error) => Check::failed(
            "mysql",
            chain(&error),
            "is the server up, and CTRL_DATABASE (or --database) right? Everything in work waits for it and goes on by \
             itself",
        ),
    }
}

/// Every table and column the worker needs.
pub(super) async fn tables(patient: &Patient) -> Check {
    let Some(db) = &patient.db else {
        return Check::skipped("tables", "no database was named");
    };
    match mysql::migrate::check(db).await {
        Ok(()) => Check::of("tables", "all tables and columns are there", Vec::new()),
        Err(error @ (DbError::Schema { .. } | DbError::Collation { .. })) => Check::failed(
            "tables",
            chain(&error),
            "`worker migrate --config <file>` creates ours (`--print` shows how); a shared table belongs to the control \
             API's schema",
        ),
        Err(error) => Check::failed("tables", chain(&error), "see `mysql`"),
    }
}

const TOKEN: &str =
    "it answers, but refuses the token: correct vault.token (CTRL_VAULT_TOKEN for this command)";

/// The Vault, and that it takes the token.
pub(super) async fn vault(patient: &Patient) -> Check {
    let Some(vault) = &patient.vault else {
        return Check::skipped("vault", "none is configured");
    };
    if let Err(error) = vault.ping().await {
        let cure = match error.class() {
            vault::Class::Unauthorised => TOKEN,
            _ => {
                "is the Vault up, and its address right? Certificates, builds and analytics users wait for it"
            }
        };
        return Check::failed("vault", chain(&error), cure);
    }
    // nothing is opened by that; what counts is whether it is refused for the token
    let Err(error) = vault.decrypt("ctl-doctor", "bm90aGluZw==").await else {
        return Check::of("vault", "answers and takes the token", Vec::new());
    };
    let why = chain(&error);
    match error.class() {
        vault::Class::Unauthorised => Check::failed("vault", why, TOKEN),
        vault::Class::Unavailable | vault::Class::RateLimited { .. } => {
            let cure = "it answers, but does not open anything: is its own storage well?";
            Check::of("vault", "", vec![Finding::warn("vault", why, cure)])
        }
        vault::Class::BadRequest | vault::Class::NotFound => {
            Check::of("vault", "answers and takes the token", Vec::new())
        }
    }
}

/// ClickHouse.
pub(super) async fn clickhouse(patient: &Patient) -> Check {
    let Some(store) = &patient.clickhouse else {
        return Check::skipped("clickhouse", "none is configured");
    };
    match store.ping().await {
        Ok(()) => Check::of("clickhouse", "answers and takes the login", Vec::new()),
        Err(error) => Check::failed(
            "clickhouse",
            chain(&error),
            "is the server up, and clickhouse.url right? Quota checks and last-used times wait; lines of build logs are \
             lost",
        ),
    }
}
