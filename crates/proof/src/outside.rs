//! Outside systems of a lane, played or started by the harness itself, so that no kill of a worker ends them.
//!
//! A new one is a field, a line in [`Outside::start`] and its keys in [`Outside::config`]. Not for neighbours that are
//! Restate services (see `driver`), and not for what replaces a part inside the worker process (see `child`).

use faults::http::{Script, ScriptedHttp};
use testbed::DnsServer;

/// What the worker of a lane reaches beside Restate and the database.
pub(crate) struct Outside {
    /// Takes whatever is sent to it and answers 200: webhooks, heartbeats. A request is an effect, told in the form as
    /// `<outside> POST /path body`.
    pub(crate) hooks: ScriptedHttp,
    /// Answers with the records a scene publishes; under names of its own, so that plays cannot meet.
    pub(crate) dns: DnsServer,
}

impl Outside {
    /// Starts them for one lane.
    ///
    /// # Errors
    /// What did not start, in words.
    pub(crate) async fn start() -> Result<Self, String> {
        let hooks = ScriptedHttp::start(Script::new().answer(200, "ok")).await;
        let dns = DnsServer::start().await;
        Ok(Self {
            hooks: hooks.map_err(|e| e.to_string())?,
            dns: dns.map_err(|e| e.to_string())?,
        })
    }

    /// The worker's configuration for them, as TOML tables: addresses and `[test_timings.<service>]`.
    pub(crate) fn config(&self) -> String {
        // A check that is not the story's own comes after every play.
        format!(
            r#"
[dns]
servers = ["{}"]
timeout = "2s"
[test_timings.domains]
check_interval = "1h"
confirm_delay = "1h"
"#,
            self.dns.addr()
        )
    }

    /// Effects since [`Outside::forget`] that name nothing of the scene by themselves.
    pub(crate) fn told(&self) -> Vec<String> {
        let line = |r: faults::http::Received| {
            let body = String::from_utf8_lossy(&r.body).into_owned();
            format!("<outside> {} {body}", r.line)
        };
        self.hooks.received().into_iter().map(line).collect()
    }

    /// A play begins: what was told before is another one's.
    pub(crate) fn forget(&self) {
        self.hooks.forget();
    }
}
