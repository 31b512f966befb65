//! The faults for adapters, each seen through an adapter of ours.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use faults::MySqlProxy;
use faults::http::{Script, ScriptedHttp};
use mysql::sea_orm::{ConnectionTrait as _, DbBackend, Statement};
use mysql::{Db, DbError, Options};
use restate_api::{Class, Ingress};
use serde_json::json;

/// A database behind the proxy.
async fn behind_proxy(label: &str) -> (Db, MySqlProxy) {
    let database = testbed::migrated_database(label).await;
    let host = database.url.rsplit_once('@').map_or("", |(_, rest)| rest);
    let host = host.split('/').next().unwrap_or_default();
    let upstream = tokio::net::lookup_host(host)
        .await
        .expect("an address")
        .next()
        .expect("one address");
    let proxy = MySqlProxy::start(upstream).await.expect("a port");
    let dsn = database.dsn.replace(host, &proxy.addr().to_string());
    let db = Db::connect(&Options::new(dsn)).await.expect("connects");
    (db, proxy)
}

async fn number(db: &Db, sql: &str) -> i64 {
    let statement = Statement::from_string(DbBackend::MySql, sql);
    let row = db
        .primary()
        .query_one_raw(statement)
        .await
        .expect("a query");
    row.and_then(|r| r.try_get("", "n").ok()).expect("a number")
}

#[test]
fn a_commit_whose_answer_is_lost_has_happened_and_is_tried_again() {
    testbed::run(async {
        let (db, proxy) = behind_proxy("commit").await;
        let attempts = AtomicUsize::new(0);
        let insert = || async {
            attempts.fetch_add(1, Ordering::Relaxed);
            let tx = db.begin().await?;
            let sql = "INSERT INTO ctrl_worker_meta (name, value) VALUES ('proof', '1') ON DUPLICATE KEY UPDATE value = value + 1";
            tx.execute_raw(Statement::from_string(DbBackend::MySql, sql))
                .await?;
            tx.commit().await?;
            Ok::<_, DbError>(())
        };
        proxy.cut_after_commit(0);
        mysql::retry(insert).await.expect("the second attempt");
        assert_eq!((proxy.cuts(), attempts.load(Ordering::Relaxed)), (1, 2));
        let sql = "SELECT CAST(value AS SIGNED) AS n FROM ctrl_worker_meta WHERE name = 'proof'";
        assert_eq!(number(&db, sql).await, 2, "both attempts were committed");
        mysql::retry(insert).await.expect("no further cut");
        assert_eq!(proxy.cuts(), 1);
    });
}

#[test]
fn a_slow_database_is_slow_and_nothing_else() {
    testbed::run(async {
        let (db, proxy) = behind_proxy("slow").await;
        proxy.delay(Duration::from_millis(60));
        let began = Instant::now();
        assert_eq!(number(&db, "SELECT 7 AS n").await, 7);
        assert!(began.elapsed() >= Duration::from_millis(60));
    });
}

fn client(fake: &ScriptedHttp) -> Ingress {
    Ingress::new(&fake.url(), None)
        .expect("a URL")
        .with_timeout(Some(Duration::from_millis(500)))
}

#[test]
fn each_scripted_fault_reaches_the_client_of_restate_as_what_it_is() {
    testbed::run(async {
        let script = Script::new()
            .answer(200, "1")
            .retry_after(7)
            .answer(500, r#"{"message":"broken"}"#)
            .effect_then_gone()
            .effect_then_silence()
            .answer(200, "2")
            .stale()
            .after(Duration::from_millis(50), 200, "3");
        let fake = ScriptedHttp::start(script).await.expect("a port");
        let client = client(&fake);
        let body = json!({});
        let call = || client.call("a.Service", "key", "Handler", &body);
        assert_eq!(call().await.expect("plain"), json!(1));
        let limited = call().await.expect_err("429");
        assert_eq!(
            (limited.status(), limited.class()),
            (Some(429), Class::RateLimited)
        );
        assert_eq!(call().await.expect_err("500").status(), Some(500));
        for gone in ["connection lost", "no answer"] {
            assert_eq!(
                call().await.expect_err(gone).class(),
                Class::Unavailable,
                "{gone}"
            );
        }
        assert_eq!(call().await.expect("plain"), json!(2));
        assert_eq!(call().await.expect("stale"), json!(2));
        assert_eq!(call().await.expect("late"), json!(3));
        assert_eq!(
            fake.received().len(),
            8,
            "the effect of each, answered or not"
        );
    });
}

#[test]
fn answers_can_overtake_each_other() {
    testbed::run(async {
        let script = Script::new().swapped(200, "1").answer(200, "2");
        let fake = ScriptedHttp::start(script).await.expect("a port");
        let client = client(&fake);
        let order = std::sync::Mutex::new(Vec::new());
        let call = async || {
            let answer = client.call("a.Service", "key", "Handler", &json!({})).await;
            order.lock().unwrap().push(answer.expect("an answer"));
        };
        let second = async {
            testbed::eventually(Duration::from_secs(5), || async {
                fake.received().len() == 1
            })
            .await;
            tokio::time::sleep(Duration::from_millis(20)).await;
            call().await;
        };
        tokio::join!(call(), second);
        assert_eq!(*order.lock().unwrap(), [json!(2), json!(1)]);
    });
}

#[test]
fn a_vault_that_loses_its_answer_is_asked_again() {
    testbed::run(async {
        let script = Script::new()
            .effect_then_gone()
            .answer(200, r#"{"encrypted":"AA==","keyId":"kek_1"}"#);
        let fake = ScriptedHttp::start(script).await.expect("a port");
        let vault = vault::Vault::new(&fake.url(), "token").expect("a client");
        let encrypted = vault
            .encrypt("ring", "text")
            .await
            .expect("the second time");
        assert_eq!(encrypted.key_id, "kek_1");
        assert_eq!(fake.received().len(), 2, "encrypting twice is harmless");
    });
}
