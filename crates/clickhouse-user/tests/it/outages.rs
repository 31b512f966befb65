//! ClickHouse or the Vault is away while a user is made.

use std::sync::Arc;

use clickhouse_user_client::SERVICE;
use serde_json::json;
use testbed::{Proxy, Restate, RestateOptions, Served};
use vault::Vault;
use vault_dev::{MemoryStore, OutageStore, Server, Storage};

use crate::world::*;

/// A service of its own, whose servers can be taken away.
struct Rig {
    restate: Restate,
    clickhouse: Proxy,
    vault: Vault,
    storage: Arc<OutageStore>,
    ws: String,
    _served: Served,
    _vault: Server,
}

impl Rig {
    async fn start() -> Self {
        let restate = Restate::start(RestateOptions::default())
            .await
            .expect("Restate");
        let upstream = engine().await.http_url();
        let upstream = upstream.trim_start_matches("http://").trim_end_matches('/');
        let clickhouse = Proxy::start(upstream.parse().expect("an address"))
            .await
            .expect("proxy");
        let storage = Arc::new(OutageStore::new(Arc::new(MemoryStore::default())));
        let mut options = vault_dev::Options::in_memory("token").expect("a token");
        options.storage = Storage::Other(Arc::clone(&storage) as _);
        let server = Server::start(options).await.expect("a Vault");
        let vault = Vault::new(&server.url(), "token").expect("a client");
        let db = testbed::db().await;
        let access = access(&format!("http://{}/", clickhouse.addr()), vault.clone());
        let served = testbed::serve_on(&restate, endpoint(db.clone(), Some(access))).await;
        Self {
            restate,
            clickhouse,
            vault,
            storage,
            ws: workspace(&db, 30).await,
            _served: served,
            _vault: server,
        }
    }

    async fn send(&self) -> String {
        let ingress = self.restate.ingress();
        ingress
            .send(SERVICE, &*self.ws, "ConfigureUser", &json!({}), None)
            .await
            .expect("sent")
    }

    /// Waits until the invocation has failed so often and is going to be tried again; gives its last failure.
    async fn backs_off(&self, id: &str, times: u64) -> String {
        let sql = format!(
            "SELECT status, retry_count, last_failure FROM sys_invocation WHERE id = '{id}'"
        );
        testbed::eventually(SOON, || async {
            let rows = self
                .restate
                .admin()
                .query(&sql)
                .await
                .map_err(|e| e.to_string())?;
            let row = rows.first().ok_or("no invocation")?;
            match row["retry_count"].as_u64() {
                Some(count) if count > times => Ok(row["last_failure"].to_string()),
                _ => Err(row.to_string()),
            }
        })
        .await
    }

    async fn runs(&self, id: &str) -> Vec<String> {
        let sql = format!(
            "SELECT name FROM sys_journal WHERE id = '{id}' AND entry_type = 'Command: Run' ORDER BY index"
        );
        let rows = self.restate.admin().query(&sql).await.expect("journal");
        rows.iter()
            .map(|r| r["name"].as_str().unwrap_or_default().to_owned())
            .collect()
    }
}

#[test]
fn chu_11_clickhouse_away_delays_the_last_step_alone() {
    testbed::scenario!("CHU-11");
    testbed::run(async {
        let rig = Rig::start().await;
        rig.clickhouse.cut();
        let id = rig.send().await;
        let failure = rig.backs_off(&id, 2).await;
        assert!(failure.contains("ClickHouse"), "{failure}");
        let db = testbed::db().await;
        let stored = settings(&db, &rig.ws)
            .await
            .expect("stored before ClickHouse was asked");
        assert_eq!(
            rig.runs(&id).await,
            [
                "check existing",
                "store credentials",
                "configure clickhouse"
            ],
            "each step once, the last without an end"
        );
        rig.clickhouse.heal();
        rig.restate.ingress().attach(&id).await.expect("completes");
        assert_eq!(settings(&db, &rig.ws).await, Some(stored), "stored once");
        let password = password(&db, &rig.vault, &rig.ws)
            .await
            .expect("a password");
        let me = engine()
            .await
            .query_as(&rig.ws, &password, "SELECT currentUser()", &[])
            .await;
        assert_eq!(me, Ok(format!("{}\n", rig.ws)));
        assert_eq!(rig.runs(&id).await.len(), 3);
    });
}

#[test]
fn chu_12_vault_away_writes_nothing_and_tells_nothing() {
    testbed::scenario!("CHU-12");
    testbed::run(async {
        let rig = Rig::start().await;
        rig.storage.set_down(true);
        let id = rig.send().await;
        rig.backs_off(&id, 0).await;
        let db = testbed::db().await;
        assert_eq!(settings(&db, &rig.ws).await, None, "no row");
        let during = kept(&rig.restate, &id).await;
        rig.storage.set_down(false);
        rig.restate.ingress().attach(&id).await.expect("completes");
        let password = password(&db, &rig.vault, &rig.ws)
            .await
            .expect("a password");
        for text in [during, kept(&rig.restate, &id).await] {
            assert!(
                text.contains("check existing"),
                "there is a journal to look at: {text}"
            );
            assert!(!text.contains(&password), "the password is in the journal");
        }
        let me = engine()
            .await
            .query_as(&rig.ws, &password, "SELECT currentUser()", &[])
            .await;
        assert_eq!(me, Ok(format!("{}\n", rig.ws)));
    });
}

#[test]
fn a_password_that_no_longer_opens_ends_the_call_and_says_what_to_do() {
    testbed::run(async {
        let w = World::new(30).await;
        w.configure(json!({})).await;
        let sql = "UPDATE clickhouse_workspace_settings SET password_encrypted = 'bm90IGEgYmxvYg==' WHERE workspace_id = ?";
        execute(&w.db, sql, [w.ws.as_str().into()]).await;
        let before = w.stack.tap.seen(&w.ws).len();
        let refused = w.try_configure(json!({})).await.expect_err("does not open");
        assert_eq!(refused.status(), Some(500), "{refused}");
        assert!(
            refused.message().is_some_and(|m| m.starts_with("CW0036")),
            "{refused}"
        );
        assert_eq!(
            w.stack.tap.seen(&w.ws).len(),
            before,
            "no statement without a password"
        );
    });
}
