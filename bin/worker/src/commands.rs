//! The verbs that end by themselves: check-config, manifest, register, hand-back, migrate.
//!
//! Each prints its result to stdout. Not for serving (see `serve`).

use config::Config;

use crate::{connect, manifest, registration, services, takeover};

/// Prints the effective configuration; what deserves a look goes to stderr.
///
/// # Errors
/// A database address that cannot be read.
pub fn check_config(config: &Config) -> Result<(), String> {
    for warning in &config.warnings {
        eprintln!("warning: {warning}");
    }
    connect::check_addresses(config)?;
    print!("{}", config.to_text());
    Ok(())
}

/// Prints the manifest as JSON.
///
/// # Errors
/// The endpoint cannot be built.
pub async fn manifest() -> Result<(), String> {
    let manifest = manifest::of_this_build().await?;
    let text = serde_json::to_string_pretty(&manifest).map_err(|e| e.to_string())?;
    println!("{text}");
    Ok(())
}

/// Registers once and says what Restate knows now.
///
/// # Errors
/// No address, an unreachable admin API, or services that differ from ours.
pub async fn register(config: Config, uri: Option<String>) -> Result<(), String> {
    let uri = uri.unwrap_or_else(|| config.restate.register_as.clone());
    if uri.is_empty() {
        return Err("nothing to register: give --uri or set restate.register_as".to_owned());
    }
    let registrar = registration::Registrar::new(
        &config,
        services::admin(&config)?,
        &uri,
        None,
        manifest::of_this_build().await?,
    );
    registrar.attempt().await?;
    println!("registered {}", registrar.uri());
    Ok(())
}

/// Hands the version counters to the existing worker.
///
/// # Errors
/// Work in flight, an unreachable database or an unreachable admin API.
pub async fn hand_back(config: Config) -> Result<(), String> {
    let db = mysql::Db::connect(&connect::options(&config))
        .await
        .map_err(|e| causes::chain(&e))?;
    let regions = takeover::hand_back(&db, &services::admin(&config)?).await?;
    println!("handed back the version counters of {regions} regions");
    Ok(())
}

/// Prints the statements a fresh installation needs.
pub fn print_ddl() {
    for statement in mysql::migrate::ddl() {
        println!("{};\n", statement.sql.trim().trim_end_matches(';'));
    }
}

/// Creates what is missing.
///
/// # Errors
/// An unreachable database, or one with a collation that tells upper from lower case.
pub async fn migrate(config: Config) -> Result<(), String> {
    mysql::migrate::run(&connect::options(&config))
        .await
        .map_err(|e| causes::chain(&e))?;
    println!("the database has every table this worker needs");
    Ok(())
}
