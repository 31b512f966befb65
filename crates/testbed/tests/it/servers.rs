//! One server per process, an object served from the test, owned servers that stop and come back.

use std::time::Duration;

use restate_sdk::prelude::*;
use serde_json::json;

struct Echo;

#[restate_sdk::object(name = "test.Echo")]
impl Echo {
    #[handler(name = "Say")]
    async fn say(&self, ctx: ObjectContext<'_>, word: String) -> HandlerResult<String> {
        Ok(format!("{} says {word}", ctx.key()))
    }
}

#[test]
fn an_object_is_served_and_called_and_leaves_nothing() {
    testbed::run(async {
        testbed::serve(Endpoint::builder().bind(Echo).build()).await;
        let answer = testbed::ingress()
            .await
            .call("test.Echo", "a/b c", "Say", &"hello")
            .await;
        assert_eq!(answer.unwrap(), json!("a/b c says hello"));
        testbed::assert_quiet(&["a/b c"]).await;
    });
}

#[test]
fn restate_keeps_its_data_and_ports_over_a_kill() {
    testbed::run(async {
        let mut own = testbed::Restate::start(testbed::RestateOptions::default())
            .await
            .unwrap();
        let _served = testbed::serve_on(&own, Endpoint::builder().bind(Echo).build()).await;
        let (pid, url) = (own.pid().unwrap(), own.ingress_url.clone());
        own.kill().await;
        assert_eq!(own.pid(), None);
        own.ingress().health().await.expect_err("it is dead");
        own.restart().await.unwrap();
        assert_ne!(own.pid(), Some(pid));
        assert_eq!(own.ingress_url, url);
        let answer = own.ingress().call("test.Echo", "k", "Say", &"again").await;
        assert_eq!(answer.unwrap(), json!("k says again"));
        let dir = own.dir().to_owned();
        drop(own);
        assert!(!dir.exists(), "{} is left", dir.display());
    });
}

#[test]
fn mariadb_keeps_its_data_and_port_over_a_kill() {
    testbed::run(async {
        let mut own = testbed::MariaDb::start(testbed::MariaDbOptions::default())
            .await
            .unwrap();
        let base = testbed::create_database_on(&own.url(), "kill").await;
        let before = own.addr();
        own.kill().await;
        own.restart().await.unwrap();
        assert_eq!(own.addr(), before);
        assert!(
            base.dsn
                .ends_with(&format!("@tcp({before})/{}?parseTime=true", base.name))
        );
        let dir = own.dir().to_owned();
        drop(own);
        testbed::eventually(Duration::from_secs(5), || async { !dir.exists() }).await;
    });
}

#[test]
fn the_shared_database_is_migrated_and_has_the_collation_of_the_product() {
    use mysql::sea_orm::{ConnectionTrait as _, Statement};
    testbed::run(async {
        let db = testbed::db().await;
        mysql::migrate::check(&db).await.unwrap();
        let sql = "SELECT @@collation_database = 'utf8mb4_uca1400_nopad_ai_ci' AS same";
        let row = db
            .primary()
            .query_one_raw(Statement::from_string(
                db.primary().get_database_backend(),
                sql,
            ))
            .await;
        assert!(row.unwrap().unwrap().try_get::<bool>("", "same").unwrap());
    });
}

#[test]
fn a_cut_proxy_loses_connections_and_a_healed_one_takes_new() {
    testbed::run(async {
        let url = testbed::mysql_url().await;
        let upstream = url.rsplit_once('@').unwrap().1.parse().unwrap();
        let proxy = testbed::Proxy::start(upstream).await.unwrap();
        let dsn = testbed::shared_database()
            .await
            .dsn
            .replace(&upstream.to_string(), &proxy.addr().to_string());
        let mut options = mysql::Options::new(dsn);
        options.acquire_timeout = Duration::from_millis(300);
        let db = mysql::Db::connect(&options).await.unwrap();
        db.primary().ping().await.unwrap();
        proxy.cut();
        db.primary().ping().await.expect_err("the way is cut");
        proxy.heal();
        testbed::eventually(Duration::from_secs(5), || async {
            db.primary().ping().await
        })
        .await;
        assert!(proxy.accepted() >= 2);
    });
}
