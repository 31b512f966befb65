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
