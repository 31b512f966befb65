//! Tells Restate where this worker is, and makes sure that Restate then knows the services as they are.
//!
//! Tries until it succeeds: a Restate that is away for an hour costs readiness, never the process. Not for removing
//! old deployments.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use config::Config;
use mysql::Db;
use restate_api::Admin;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::{VERSION, connect, manifest, takeover};

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
    /// What the admin API said, or how the services differ and what to do.
    pub async fn attempt(&self) -> Result<(), String> {
        let registered = self
            .admin
            .register(&self.uri, self.force)
            .await
            .map_err(|e| connect::chain(&e))?;
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
