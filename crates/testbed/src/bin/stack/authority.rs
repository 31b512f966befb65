//! The certificate authority of the stack: Pebble, and the port 80 at which it looks for answers, served from the challenges
//! in the database as the edge does.
//!
//! Not for which names lead here: the DNS server's commands say so.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::{Value, json};
use testbed::{ChallengeRows, Database, Http01, Pebble, PebbleOptions};

/// A running authority.
pub(crate) struct Authority {
    pebble: Pebble,
    _port_80: Http01,
}

impl Authority {
    /// Starts both; the tables need not be there yet. `renewal_info`: the newer Pebble.
    pub(crate) async fn start(
        database: &Database,
        dns: SocketAddr,
        renewal_info: bool,
    ) -> Result<Self, Box<dyn std::error::Error>> {
        let port_80 = Http01::start().await?;
        port_80.also(Arc::new(ChallengeRows::of(&database.url)));
        let pebble = Pebble::start(PebbleOptions {
            dns: Some(dns),
            http_port: port_80.addr().port(),
            renewal_info,
            ..PebbleOptions::default()
        })
        .await?;
        Ok(Self {
            pebble,
            _port_80: port_80,
        })
    }

    /// Its directory, a file with the authority of its own HTTPS certificate, and one with the root of what it issues.
    pub(crate) async fn addresses(&self) -> Result<Value, Box<dyn std::error::Error>> {
        let file = |name: &str, pem: &str| -> std::io::Result<PathBuf> {
            let path = self.pebble.dir().join(name);
            std::fs::write(&path, pem)?;
            Ok(path)
        };
        let ca_file = file("ca.pem", self.pebble.ca_bundle())?;
        let root_file = file("root.pem", &self.pebble.root().await?)?;
        Ok(json!({
            "directory": self.pebble.directory, "ca_file": ca_file, "root_file": root_file,
        }))
    }
}
