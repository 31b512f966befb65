//! Outside systems of a lane, played or started by the harness itself, so that no kill of a worker ends them.
//!
//! A new one is a field, a line in [`Outside::start`] and its keys in [`Outside::config`]. Not for neighbours that are
//! Restate services (see `driver`), and not for what replaces a part inside the worker process (see `child`).

use clickhouse_engine::ClickHouse;
use faults::http::{Script, ScriptedHttp};
use std::sync::{Arc, Mutex, PoisonError};
use testbed::{ChallengeRows, DnsServer, Http01, Pebble, PebbleCounts, PebbleOptions};
use vault::Vault;

use crate::build_side::BuildSide;
use crate::effects::{ACME_NEW_ORDER, SLACK_WEBHOOK};

/// What the worker of a lane reaches beside Restate and the database.
pub(crate) struct Outside {
    /// Takes whatever is sent to it and answers 200: webhooks, heartbeats. A request is an effect, told in the form as
    /// `<outside> POST /path body`.
    pub(crate) hooks: ScriptedHttp,
    /// Answers with the records a scene publishes; under names of its own, so that plays cannot meet.
    pub(crate) dns: DnsServer,
    /// One engine for all lanes; users have the names of a play's workspace.
    pub(crate) clickhouse: &'static ClickHouse,
    /// The database of the engine that the worker reads: this lane's own.
    pub(crate) database: String,
    /// Where sources come from and images are built.
    pub(crate) builds: BuildSide,
    vault: vault_dev::Server,
    pebble: Pebble,
    /// What the authority had done when the play began.
    issued_before: Mutex<PebbleCounts>,
    /// Where the authority looks for the answers of every host: the challenges in the lane's database.
    _port_80: Http01,
}

/// Who may call the Vault.
const TOKEN: &str = "proof";

impl Outside {
    /// Starts them for one lane.
    ///
    /// # Errors
    /// What did not start, in words.
    pub(crate) async fn start(database_url: &str) -> Result<Self, String> {
        let hooks = ScriptedHttp::start(Script::new().answer(200, "ok")).await;
        let dns = DnsServer::start().await;
        let clickhouse = clickhouse_engine::shared().await;
        let database = ids::random(ids::Prefix::KEY);
        let made = clickhouse.database(&database).await;
        made.map_err(|e| e.to_string())?;
        let vault = vault_dev::Options::in_memory(TOKEN).map_err(|e| e.to_string())?;
        let vault = vault_dev::Server::start(vault).await;
        let dns = dns.map_err(|e| e.to_string())?;
        let port_80 = Http01::start().await.map_err(|e| e.to_string())?;
        port_80.also(Arc::new(ChallengeRows::of(database_url)));
        let pebble = Pebble::start(PebbleOptions {
            dns: Some(dns.addr()),
            http_port: port_80.addr().port(),
            ..PebbleOptions::default()
        });
        let pebble = pebble.await.map_err(|e| e.to_string())?;
        let ca_file = pebble.dir().join("ca.pem");
        std::fs::write(ca_file, pebble.ca_bundle()).map_err(|e| e.to_string())?;
        Ok(Self {
            hooks: hooks.map_err(|e| e.to_string())?,
            dns,
            pebble,
            issued_before: Mutex::default(),
            _port_80: port_80,
            clickhouse,
            database,
            builds: BuildSide::start().await?,
            vault: vault.map_err(|e| e.to_string())?,
        })
    }

    /// The worker's configuration for them, as TOML tables: addresses and `[test_timings.<service>]`.
    pub(crate) fn config(&self) -> String {
        // A check that is not the story's own comes after every play.
        let (http, native) = (self.clickhouse.http_url(), self.clickhouse.native_url());
        format!(
            r#"
[dns]
servers = ["{}"]
timeout = "2s"
[test_timings.teardown]
first_pause = "10m"
longest_pause = "10m"
settle = "10m"

[test_timings.openapi]
first_pause = "200ms"
longest_pause = "500ms"

[test_timings.domains]
check_interval = "1h"
confirm_delay = "1h"
[vault]
url = "{}"
token = "{TOKEN}"
[clickhouse]
url = "{}"
http_url = "{http}"
admin_url = "{}"
admin_http_url = "{http}"
[slack]
quota_check_webhook_url = "{}/slack"
{}"#,
            self.dns.addr(),
            self.vault.url(),
            self.clickhouse.native_url_of(&self.database),
            native,
            self.hooks.url(),
            self.builds.config(),
        )
    }

    /// What a worker with a certificate authority has in its configuration beside [`Outside::config`].
    pub(crate) fn authority(&self) -> String {
        format!(
            r#"
[acme]
enabled = true
directory = "{}"
ca_file = "{}"
[test_timings.certificates]
first_retry = "200ms"
first_poll = "200ms"
longest_poll = "500ms"
early = "100ms"
"#,
            self.pebble.directory,
            self.pebble.dir().join("ca.pem").display()
        )
    }

    /// A client of the Vault, for looking at what the worker sealed.
    ///
    /// # Errors
    /// It cannot be built, in words.
    pub(crate) fn vault_client(&self) -> Result<Vault, String> {
        Vault::new(&self.vault.url(), TOKEN).map_err(|e| e.to_string())
    }

    /// Effects since [`Outside::forget`] that name nothing of the scene by themselves.
    pub(crate) fn told(&self) -> Vec<String> {
        let line = |r: faults::http::Received| {
            let body = String::from_utf8_lossy(&r.body).into_owned();
            let what = match r.line.as_str() {
                "POST /slack" => SLACK_WEBHOOK.words(),
                line => line,
            };
            format!("<outside> {what} {body}")
        };
        let told = self.hooks.received().into_iter().map(line);
        let told = told.chain(self.issued());
        told.chain(self.builds.told()).collect()
    }

    /// What the authority has done in this play. It runs one play at a time, so everything of it is this play's.
    fn issued(&self) -> Vec<String> {
        let before = *self
            .issued_before
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let now = self.pebble.counts();
        let lines = |words: &str, before: usize, now: usize| {
            vec![format!("<outside> {words}"); now.saturating_sub(before)]
        };
        [
            lines("acme newAccount", before.accounts, now.accounts),
            lines(ACME_NEW_ORDER.words(), before.orders, now.orders),
            lines("acme finalize", before.finalized, now.finalized),
            lines("acme certificate", before.certificates, now.certificates),
        ]
        .concat()
    }

    /// A play begins: what was told before is another one's.
    pub(crate) fn forget(&self) {
        self.hooks.forget();
        self.builds.forget();
        let mut before = self
            .issued_before
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *before = self.pebble.counts();
    }
}
