//! Clients of ClickHouse from the configuration: one that reads, one that administers users. None connects yet.
//!
//! Not for what is asked: see the services.

use std::sync::Arc;

use analytics::{Address, Admin, Analytics};
use clickhouse_user::Access;
use config::{Config, Secret};
use quota_check::{BillableUsage, Unconfigured};
use vault::Vault;

use causes::chain;

/// The reader of `clickhouse.url`, if any.
///
/// # Errors
/// An address that cannot be used, in words without its login.
pub fn analytics(config: &Config) -> Result<Option<Analytics>, String> {
    let clickhouse = &config.clickhouse;
    let Some(address) = address("clickhouse.url", &clickhouse.url, &clickhouse.http_url)? else {
        return Ok(None);
    };
    let analytics =
        Analytics::new(&address).map_err(|e| format!("clickhouse.url: {}", chain(&e)))?;
    Ok(Some(analytics))
}

/// The administrator of `clickhouse.admin_url` and the Vault, if both are configured.
///
/// # Errors
/// An address that cannot be used, in words without its login.
pub fn access(config: &Config) -> Result<Option<Access>, String> {
    let clickhouse = &config.clickhouse;
    let key = "clickhouse.admin_url";
    let address = address(key, &clickhouse.admin_url, &clickhouse.admin_http_url)?;
    let vault = &config.vault;
    match address {
        Some(address) if !vault.url.is_empty() => Ok(Some(Access {
            admin: Admin::new(&address).map_err(|e| format!("{key}: {}", chain(&e)))?,
            vault: Vault::new(&vault.url, vault.token.expose())
                .map_err(|e| format!("vault.url: {}", chain(&e)))?,
        })),
        _ => Ok(None),
    }
}

/// Where usage comes from: the analytics store, or nowhere.
pub fn usage(analytics: Option<&Analytics>) -> Arc<dyn BillableUsage> {
    match analytics {
        Some(analytics) => Arc::new(analytics.clone()),
        None => Arc::new(Unconfigured),
    }
}

fn address(key: &str, native: &Secret, http: &Secret) -> Result<Option<Address>, String> {
    if native.is_empty() {
        return Ok(None);
    }
    let address = Address::parse(native.expose(), Some(http.expose()));
    address.map(Some).map_err(|e| format!("{key}: {e}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(more: &str) -> Config {
        let text = format!("cname_domain = \"c.d\"\ndatabase = \"u@tcp(h)/d\"\n{more}");
        Config::parse(&text, false, &|_| None).expect("loads")
    }

    #[test]
    fn users_need_an_administrator_and_a_vault() {
        let _installed = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let clickhouse = "[clickhouse]\nadmin_url = \"clickhouse://a:b@h:9000\"\n";
        let vault = "[vault]\nurl = \"http://127.0.0.1:1\"\ntoken = \"t\"\n";
        for (text, there) in [
            (String::new(), false),
            (clickhouse.to_owned(), false),
            (vault.to_owned(), false),
            (format!("{clickhouse}{vault}"), true),
        ] {
            let access = access(&config(&text)).expect("usable");
            assert_eq!(access.is_some(), there, "{text}");
        }
        assert!(analytics(&config("")).expect("usable").is_none());
    }

    #[test]
    fn an_unusable_address_names_its_key_and_shows_no_login() {
        let text = "[clickhouse]\nurl = \"clickhouse://u:hunter2@h:9001\"\n";
        let error = analytics(&config(text)).expect_err("which port?");
        assert!(
            error.starts_with("clickhouse.url: ") && error.contains("http_url"),
            "{error}"
        );
        assert!(!error.contains("hunter2"), "{error}");
    }
}
