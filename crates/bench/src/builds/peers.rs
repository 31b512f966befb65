//! Who the worker builds with here: a Depot whose machines build nothing and answer at once, a GitHub, a real ClickHouse.
//! Not for what is built.

use std::time::Duration;

use build_testbed::{DEPOT_TOKEN, DepotFake, Script};
use clickhouse_engine::ClickHouse;
use github_fake::{APP, Fake, keys};

use crate::Result;
use crate::stack::Stack;
use crate::worker::Worker;

/// Where images would be pushed; in the name of each.
const IMAGES: &str = "registry.bench.test/apps";
/// Builds of one workspace that run at a time.
pub(crate) const SLOTS: usize = 4;

/// Running peers.
pub(crate) struct Peers {
    pub(crate) depot: DepotFake,
    pub(crate) github: Fake,
    pub(crate) clickhouse: ClickHouse,
}

impl Peers {
    pub(crate) async fn start() -> Result<Self> {
        Ok(Self {
            depot: DepotFake::instant().await?,
            github: Fake::start(&keys().public).await,
            clickhouse: ClickHouse::start().await?,
        })
    }

    /// A worker that knows them, started afresh.
    pub(crate) async fn worker(&self, stack: &Stack) -> Result<Worker> {
        let sections = format!(
            "[scheduler]\nenabled = false\n[deploy]\nbuilds_per_workspace = {SLOTS}\n\
             [depot]\napi_url = \"{depot}\"\nbuild_url = \"{depot}\"\n\
             [registry]\nrepository = \"{IMAGES}\"\nusername = \"x-token\"\npassword = \"{DEPOT_TOKEN}\"\n\
             [github]\napp_id = {APP}\nprivate_key_pem = '''{key}'''\napi_url = \"{github}\"\n\
             [clickhouse]\nurl = \"{native}\"\nhttp_url = \"{http}\"\n",
            depot = self.depot.api_url(),
            key = keys().pkcs8,
            github = self.github.url(),
            native = self.clickhouse.native_url(),
            http = self.clickhouse.http_url(),
        );
        stack.worker_with(&sections).await
    }

    /// Every build takes so long from now on; the fetch of its source goes as fast as it can.
    pub(crate) fn builds_take(&self, time: Duration) {
        let script = Script {
            delay: time,
            ..Script::default()
        };
        self.depot.buildkit().script(IMAGES, script);
    }
}
