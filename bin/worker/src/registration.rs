//! Tells Restate where this worker is, and makes sure that Restate then knows the services as they are.
//!
//! Tries until it succeeds: a Restate that is away for an hour costs readiness, never the process. Not for removing
//! old deployments.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use config::Config;
use mysql::Db;
use restate_api::{Admin, Class};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::{VERSION, manifest, takeover};

/// The oldest Restate this worker works with: earlier ones have no `/restate/call` and `/restate/send` at their ingress.
pub const OLDEST_RESTATE: (u64, u64) = (1, 7);

/// Between two tries.
pub const PAUSE: Duration = Duration::from_secs(5);

/// Knows how to register this worker.
pub struct Registrar {
    admin: Admin,
    uri: String,
    force: bool,
    manifest: Value,
    pause: Duration,
}

/// How registration stands, for the readiness check.
#[derive(Clone)]
pub struct Standing(Arc<Mutex<Result<(), String>>>);

impl Default for Standing {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Err("not registered yet".to_owned()))))
    }
}

impl Standing {
    /// Registered, or why not.
    ///
    /// # Errors
    /// What the last try said.
    pub fn get(&self) -> Result<(), String> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn set(&self, result: Result<(), String>) {
        metrics::gauge!(telemetry::metrics::REGISTRATION_OK).set(if result.is_ok() {
            1.0
        } else {
            0.0
        });
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = result;
    }
}

impl Registrar {
    /// Registers `address`, in which `{version}` and `{port}` are replaced; dots of the version become dashes, so that
    /// it can stand in a host name.
    pub fn new(
        config: &Config,
        admin: Admin,
        address: &str,
        port: Option<u16>,
        manifest: Value,
    ) -> Self {
        let version: String = VERSION
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
            .collect();
        let port = port.unwrap_or(config.restate.http_port).to_string();
        let uri = address
            .replace("{version}", &version)
            .replace("{port}", &port);
        let pause = config
            .test_timings
            .get("registration.pause")
            .copied()
            .unwrap_or(PAUSE);
        Self {
            admin,
            uri,
            force: config.restate.force(),
            manifest,
            pause,
        }
    }

    /// The address that is registered.
    pub fn uri(&self) -> &str {
        &self.uri
    }

    /// Registers once and compares.
    ///
    /// # Errors
    /// A Restate that is too old, what the admin API said, or how the services differ and what to do.
    pub async fn attempt(&self) -> Result<(), String> {
        match self.admin.version().await {
            Ok(version) => new_enough(&version)?,
            // whoever stands in front of the admin API may not let everything through
            Err(error) if error.class() == Class::NotFound => {}
            Err(error) => return Err(causes::chain(&error)),
        }
        let registered = self
            .admin
            .register(&self.uri, self.force)
            .await
            .map_err(|e| causes::chain(&e))?;
        let differences = manifest::differences(&self.manifest, &registered.services);
        if differences.is_empty() {
            return Ok(());
        }
        let advice = if self.force {
            "another worker answers at this address, or it runs another version"
        } else {
            "Restate kept the services of an earlier registration of this address: register a new address for each version \
             (`{version}` in restate.register_as), or set restate.register_force = true"
        };
        Err(format!("{}; {advice}", differences.join("; ")))
    }

    /// Takes over what the worker before this one left in Restate, then registers; tries until both succeed or the
    /// process stops.
    pub async fn keep_trying(self, db: &Db, standing: Standing, stop: CancellationToken) {
        loop {
            let attempt = async {
                takeover::raise_versions(db, &self.admin).await?;
                self.attempt().await
            };
            let result = tokio::select! {
                result = attempt => result,
                () = stop.cancelled() => return,
            };
            standing.set(result.clone());
            match result {
                Ok(()) => {
                    tracing::info!(
                        uri = self.uri,
                        force = self.force,
                        "registered with Restate"
                    );
                    return;
                }
                Err(error) => {
                    tracing::warn!(uri = self.uri, error, retry_in = ?self.pause, "not registered with Restate");
                }
            }
            tokio::select! {
                () = tokio::time::sleep(self.pause) => {}
                () = stop.cancelled() => return,
            }
        }
    }
}

/// A version that is not written like one is not refused.
fn new_enough(version: &str) -> Result<(), String> {
    let mut numbers = version.split(['.', '-']).map(str::parse::<u64>);
    let (Some(Ok(major)), Some(Ok(minor))) = (numbers.next(), numbers.next()) else {
        return Ok(());
    };
    let (oldest_major, oldest_minor) = OLDEST_RESTATE;
    if (major, minor) >= OLDEST_RESTATE {
        return Ok(());
    }
    Err(format!(
        "Restate is version {version}; this worker needs {oldest_major}.{oldest_minor} or newer: upgrade Restate first \
         (docs/takeover.md)"
    ))
}

#[cfg(test)]
mod tests {
    use super::new_enough;

    #[test]
    fn an_older_restate_is_refused_in_words() {
        for good in ["1.7.0", "1.7.12", "1.10.0", "2.0.0", "1.7.0-rc.1", "dev"] {
            assert_eq!(new_enough(good), Ok(()), "{good}");
        }
        for bad in ["1.6.2", "1.6.10", "0.9.1"] {
            let said = new_enough(bad).expect_err(bad);
            assert!(said.contains(bad) && said.contains("1.7"), "{said}");
        }
    }
}
