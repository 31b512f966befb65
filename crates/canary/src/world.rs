//! Real servers and stand-ins for one worker that has every secret there is, and the configurations that lead it to them or to
//! an outside that repeats what it is told.
//!
//! Not for what the worker then does: see `stories`.

use std::sync::Arc;
use std::time::Duration;

use build_testbed::DepotFake;
use clickhouse_engine::ClickHouse;
use edge_sim::{Agent, AgentHandle, AgentOptions, Behaviour};
use faults::http::{Script, ScriptedHttp};
use intent::{AppRows, Fixture};
use mysql::Db;
use mysql::sea_orm::{ConnectionTrait as _, DbBackend, QueryResult, Statement};
use testbed::{
    ChallengeRows, Database, DnsServer, Http01, Pebble, PebbleOptions, Restate, RestateOptions,
};
use vault::Vault;

use crate::echo::Echo;
use crate::secrets::Secrets;

/// Whom the external account binding is for.
const ACCOUNT: &str = "canary";

/// What the worker finds outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outside {
    /// Everything works.
    Fine,
    /// Everything refuses and repeats, but for Restate, the database and the Vault.
    Echoing,
    /// The Vault as well.
    VaultToo,
    /// Restate as well, and there is no database.
    Alone,
}

/// Everything around a worker.
pub(crate) struct World {
    pub(crate) restate: Restate,
    pub(crate) db: Db,
    pub(crate) dns: DnsServer,
    pub(crate) github: github_fake::Fake,
    pub(crate) clickhouse: &'static ClickHouse,
    pub(crate) secrets: Secrets,
    pub(crate) echo: Echo,
    pub(crate) hooks: ScriptedHttp,
    /// The database of the engine that the worker reads.
    pub(crate) analytics: String,
    database: Database,
    depot: DepotFake,
    vault: vault_dev::Server,
    pebble: Pebble,
    _port_80: Http01,
}

impl World {
    /// Starts everything but the worker.
    pub(crate) async fn start(label: &str) -> Result<Self, String> {
        let secrets = Secrets::draw();
        let database = testbed::migrated_database(label).await;
        let db = Db::connect(&mysql::Options::new(database.dsn.clone())).await;
        let db = db.map_err(|e| e.to_string())?;
        let clickhouse = clickhouse_engine::shared().await;
        let analytics = format!("canary_{label}");
        clickhouse
            .database(&analytics)
            .await
            .map_err(|e| e.to_string())?;
        let dns = DnsServer::start().await.map_err(|e| e.to_string())?;
        let port_80 = Http01::start().await.map_err(|e| e.to_string())?;
        port_80.also(Arc::new(ChallengeRows::of(&database.url)));
        let pebble = PebbleOptions {
            dns: Some(dns.addr()),
            http_port: port_80.addr().port(),
            external_accounts: vec![(ACCOUNT.to_owned(), secrets.external_account_key.clone())],
            ..PebbleOptions::default()
        };
        let pebble = Pebble::start(pebble).await.map_err(|e| e.to_string())?;
        let ca_file = pebble.dir().join("ca.pem");
        std::fs::write(ca_file, pebble.ca_bundle()).map_err(|e| e.to_string())?;
        let vault = vault_dev::Options::in_memory(&secrets.vault_token);
        let vault = vault_dev::Server::start(vault.map_err(|e| e.to_string())?).await;
        let hooks = ScriptedHttp::start(Script::new().answer(200, "ok")).await;
        let world = Self {
            restate: Restate::start(uncompressed())
                .await
                .map_err(|e| e.to_string())?,
            db,
            dns,
            github: github_fake::Fake::start(&github_fake::keys().public).await,
            clickhouse,
            echo: Echo::start().await.map_err(|e| e.to_string())?,
            hooks: hooks.map_err(|e| e.to_string())?,
            analytics,
            database,
            depot: DepotFake::instant().await.map_err(|e| e.to_string())?,
            vault: vault.map_err(|e| e.to_string())?,
            pebble,
            _port_80: port_80,
            secrets,
        };
        world.logins().await?;
        Ok(world)
    }

    /// Logins of this run alone, so that their passwords are worth searching for.
    async fn logins(&self) -> Result<(), String> {
        let (user, password) = (self.user(), &self.secrets.mysql_password);
        let drop = format!("DROP USER IF EXISTS '{user}'@'%'");
        let create = format!("CREATE USER '{user}'@'%' IDENTIFIED BY '{password}'");
        let grant = format!("GRANT ALL ON `{}`.* TO '{user}'@'%'", self.database.name);
        for sql in [drop, create, grant] {
            self.execute(&sql).await?;
        }
        let password = &self.secrets.clickhouse_password;
        for sql in [
            format!("CREATE USER OR REPLACE `{user}` IDENTIFIED BY '{password}'"),
            format!("GRANT CURRENT GRANTS ON *.* TO `{user}` WITH GRANT OPTION"),
        ] {
            self.clickhouse.query(&sql).await?;
        }
        Ok(())
    }

    fn user(&self) -> String {
        format!("c{}", self.analytics)
    }

    /// Runs a statement.
    pub(crate) async fn execute(&self, sql: &str) -> Result<(), String> {
        let statement = Statement::from_string(DbBackend::MySql, sql);
        let done = self.db.primary().execute_raw(statement).await;
        done.map(drop).map_err(|e| format!("{sql}: {e}"))
    }

    /// Asks for rows.
    pub(crate) async fn rows(&self, sql: &str) -> Result<Vec<QueryResult>, String> {
        let statement = Statement::from_string(DbBackend::MySql, sql);
        let rows = self.db.primary().query_all_raw(statement).await;
        rows.map_err(|e| format!("{sql}: {e}"))
    }

    /// A client of the Vault.
    pub(crate) fn vault(&self) -> Result<Vault, String> {
        Vault::new(&self.vault.url(), &self.secrets.vault_token).map_err(|e| e.to_string())
    }

    /// An app in one region, whose agent starts instances at once.
    pub(crate) async fn app(&self) -> Result<(AppRows, AgentHandle), String> {
        let app = Fixture::new(&self.db).regions(1).create().await;
        let app = app.map_err(|e| e.to_string())?;
        let options = AgentOptions::new(&self.db, &app.regions[0].name)
            .poll(Duration::from_millis(20))
            .behaviour(Behaviour::ready_after(Duration::ZERO));
        Ok((app, Agent::start(options)))
    }

    /// A configuration with every secret in it.
    pub(crate) fn config(&self, outside: Outside) -> String {
        let (secrets, echo) = (&self.secrets, self.echo.url());
        let fine = |real: String| match outside {
            Outside::Fine => real,
            _ => echo.clone(),
        };
        let alone = outside == Outside::Alone;
        let vault = match outside {
            Outside::Fine | Outside::Echoing => self.vault.url(),
            _ => echo.clone(),
        };
        let (admin, ingress) = match alone {
            true => (echo.clone(), echo.clone()),
            false => (
                self.restate.admin_url.clone(),
                self.restate.ingress_url.clone(),
            ),
        };
        let (user, password) = (self.user(), &secrets.mysql_password);
        let server = self
            .database
            .dsn
            .split_once('@')
            .map_or("", |(_, server)| server);
        let server = match alone {
            true => "tcp(127.0.0.1:9)/none",
            false => server,
        };
        let (hooks, depot) = (fine(self.hooks.url()), fine(self.depot.api_url()));
        let (ch_http, ch_password) = (
            fine(self.clickhouse.http_url()),
            &secrets.clickhouse_password,
        );
        let analytics = &self.analytics;
        let directory = fine(self.pebble.directory.clone());
        let ca = self.pebble.dir().join("ca.pem");
        let (api_key, token) = (&secrets.restate_api_key, &secrets.vault_token);
        let (slack, beat) = (&secrets.slack_path, &secrets.heartbeat_path);
        let (eab, aws) = (&secrets.external_account_key, &secrets.route53_secret);
        // Route53 is never there: what matters is what is said of it
        let route53 = outside != Outside::Fine;
        let github = fine(self.github.url());
        let (app, pem, depot_token) = (
            github_fake::APP,
            &github_fake::keys().pkcs8,
            build_testbed::DEPOT_TOKEN,
        );
        let dns = self.dns.addr();
        let ca = ca.display();
        format!(
            r#"
cname_domain = "cname.test"
default_domain = "unkey.test"
[database]
primary = "{user}:{password}@{server}"
[vault]
url = "{vault}"
token = "{token}"
[restate]
admin_url = "{admin}"
ingress_url = "{ingress}"
api_key = "{api_key}"
listen = "127.0.0.1:0"
register_as = "http://127.0.0.1:{{port}}"
[dns]
servers = ["{dns}"]
[acme]
enabled = true
directory = "{directory}"
ca_file = "{ca}"
external_account_key_id = "{ACCOUNT}"
external_account_key = "{eab}"
[acme.route53]
enabled = {route53}
access_key_id = "AKIACANARY"
secret_access_key = "{aws}"
endpoint = "{echo}"
[depot]
api_url = "{depot}"
build_url = "{depot}"
project_prefix = "canary"
[registry]
repository = "127.0.0.1:5000/apps"
username = "x-token"
password = "{depot_token}"
[clickhouse]
url = "clickhouse://{user}:{ch_password}@127.0.0.1:9000/{analytics}"
http_url = "{ch_http}"
admin_url = "clickhouse://{user}:{ch_password}@127.0.0.1:9000/default"
admin_http_url = "{ch_http}"
[github]
app_id = {app}
private_key_pem = '''
{pem}'''
api_url = "{github}"
[heartbeat]
cert_renewal_url = "{hooks}/{beat}"
quota_check_url = "{hooks}/{beat}"
key_refill_url = "{hooks}/{beat}"
key_last_used_sync_url = "{hooks}/{beat}"
[slack]
quota_check_webhook_url = "{hooks}/{slack}"
[observability.logging]
format = "json"
[observability.metrics]
listen = "127.0.0.1:0"
[test_timings.build]
look_every = "50ms"
[test_timings.certificates]
first_retry = "200ms"
first_poll = "200ms"
longest_poll = "500ms"
early = "100ms"
"#
        )
    }
}

/// A server whose files can be read as they are.
fn uncompressed() -> RestateOptions {
    let stores = [
        "WORKER__STORAGE",
        "BIFROST__LOCAL",
        "METADATA_SERVER",
        "LOG_SERVER",
    ];
    let settings = [
        "ROCKSDB_DISABLE_WAL_COMPRESSION",
        "ROCKSDB_DISABLE_L0_L1_COMPRESSION",
    ];
    let all = stores.iter().flat_map(|store| {
        let name = |setting: &str| format!("RESTATE_{store}__{setting}");
        settings.map(|setting| (name(setting), "true".to_owned()))
    });
    RestateOptions {
        env: all.collect(),
        ..RestateOptions::default()
    }
}
