//! What is examined: the addresses, and clients of them that connect when they are first used.
//!
//! Not for what is asked: see the checks.

use std::path::PathBuf;
use std::time::Duration;

use analytics::Analytics;
use config::Config;
use mysql::{Db, Options};
use restate_api::{Admin, Ingress};
use vault::Vault;

use crate::access;
use crate::cli::{ADMIN, Addresses, Doctor, INGRESS, Store};
use crate::failure::Failure;

/// Everything that can be asked. What is not configured is absent.
pub(super) struct Patient {
    pub(super) admin: Admin,
    pub(super) admin_url: String,
    pub(super) ingress: Ingress,
    pub(super) ingress_url: String,
    pub(super) db: Option<Db>,
    pub(super) vault: Option<Vault>,
    pub(super) clickhouse: Option<Analytics>,
    /// How long a deployment may wait for its invocation.
    pub(super) pending_timeout: Duration,
    /// How long a check may take.
    pub(super) limit: Duration,
}

impl Patient {
    /// Reaches nothing yet.
    pub(super) async fn new(addresses: Addresses, doctor: &Doctor) -> Result<Self, Failure> {
        let config = match &doctor.config {
            Some(path) => {
                Some(Config::load(path).map_err(|e| Failure::Usage(format!("--config: {e}")))?)
            }
            None => None,
        };
        let limit = Duration::from_secs(doctor.timeout);
        let file = config.as_ref();
        let key = addresses
            .api_key
            .or_else(|| text(file?.restate.api_key.expose()));
        let admin_url = instead(addresses.admin, ADMIN, file.map(|c| &c.restate.admin_url));
        let ingress_url = instead(
            addresses.ingress,
            INGRESS,
            file.map(|c| &c.restate.ingress_url),
        );
        let admin = Admin::new(&admin_url, key.as_deref())
            .map_err(|e| Failure::Usage(format!("--admin: {e}")))?;
        let ingress = Ingress::new(&ingress_url, key.as_deref())
            .map_err(|e| Failure::Usage(format!("--ingress: {e}")))?;
        Ok(Self {
            admin: admin.with_timeout(Some(limit)),
            admin_url: shown(&admin_url),
            ingress: ingress.with_timeout(Some(limit)),
            ingress_url: shown(&ingress_url),
            db: database(addresses.database, file, limit).await?,
            vault: vault_of(doctor, file, limit)?,
            clickhouse: clickhouse_of(doctor, file, limit)?,
            pending_timeout: file.map_or_else(
                || deploy::Timings::default().pending_timeout,
                |config| config.deploy.pending_timeout,
            ),
            limit,
        })
    }

    /// The command that does something to an invocation.
    pub(super) fn command(&self, invocation: &str, verb: &str) -> String {
        format!(
            "curl -X PATCH {}/invocations/{invocation}/{verb}",
            self.admin_url
        )
    }
}

fn text(value: &str) -> Option<String> {
    Some(value.to_owned()).filter(|value| !value.is_empty())
}

/// An address as it may be shown: without a login in it, and without the slash at its end.
fn shown(url: &str) -> String {
    let url = url.trim_end_matches('/');
    match url.split_once("://") {
        Some((scheme, rest)) => {
            let place = rest.rsplit_once('@').map_or(rest, |(_, place)| place);
            format!("{scheme}://{place}")
        }
        None => url.to_owned(),
    }
}

/// What was said; where nothing was, what the worker's file says.
fn instead(said: String, default: &str, file: Option<&String>) -> String {
    match file {
        Some(file) if said == default => file.clone(),
        _ => said,
    }
}

async fn database(
    said: Option<String>,
    file: Option<&Config>,
    limit: Duration,
) -> Result<Option<Db>, Failure> {
    let from_file = || text(file?.database.primary.expose());
    let Some(dsn) = said.or_else(from_file) else {
        return Ok(None);
    };
    let mut options = Options::new(dsn).lazy();
    options.max_connections = 4;
    // it is to say itself that it cannot connect, before the check is given up
    options.acquire_timeout = limit.mul_f64(0.8);
    options.ca_file = file
        .and_then(|config| text(&config.database.ca_file))
        .map(PathBuf::from);
    let opened = Db::connect(&options).await;
    // nothing was reached: the address itself is wrong
    let db = opened.map_err(|e| Failure::Usage(format!("--database: {e}")))?;
    Ok(Some(db))
}

fn vault_of(
    doctor: &Doctor,
    file: Option<&Config>,
    limit: Duration,
) -> Result<Option<Vault>, Failure> {
    let url = doctor.vault.clone().or_else(|| text(&file?.vault.url));
    let token = doctor
        .vault_token
        .clone()
        .or_else(|| text(file?.vault.token.expose()));
    let Some(url) = url.filter(|url| !url.is_empty()) else {
        return Ok(None);
    };
    let options = vault::Options {
        attempt: limit,
        call: limit,
        retries: 0,
        ..vault::Options::default()
    };
    let token = token.unwrap_or_else(|| "none".to_owned());
    let vault = Vault::with_options(&url, &token, options);
    Ok(Some(
        vault.map_err(|e| Failure::Usage(format!("--vault: {e}")))?,
    ))
}

fn clickhouse_of(
    doctor: &Doctor,
    file: Option<&Config>,
    limit: Duration,
) -> Result<Option<Analytics>, Failure> {
    let store = Store {
        clickhouse: (doctor.store.clickhouse.clone())
            .or_else(|| text(file?.clickhouse.url.expose())),
        clickhouse_http: (doctor.store.clickhouse_http.clone())
            .or_else(|| text(file?.clickhouse.http_url.expose())),
    };
    access::clickhouse(&store, limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_option_goes_before_the_file_and_the_file_before_the_default() {
        let file = "http://restate:9070".to_owned();
        assert_eq!(instead(ADMIN.to_owned(), ADMIN, Some(&file)), file);
        assert_eq!(
            instead("http://x".to_owned(), ADMIN, Some(&file)),
            "http://x"
        );
        assert_eq!(instead(ADMIN.to_owned(), ADMIN, None), ADMIN);
    }

    #[test]
    fn a_login_in_an_address_is_not_shown() {
        assert_eq!(shown("http://u:p@restate:9070/"), "http://restate:9070");
        assert_eq!(shown("http://restate:9070"), "http://restate:9070");
    }
}
