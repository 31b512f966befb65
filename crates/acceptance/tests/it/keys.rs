//! Object keys that a URL cannot hold as they are.

use restate_sdk::prelude::*;
use serde_json::json;

const ECHO: &str = "test.Echo";

/// Says by which key it was called.
struct Echo;

#[restate_sdk::object(name = "test.Echo")]
impl Echo {
    #[handler(name = "Key")]
    async fn key(&self, ctx: ObjectContext<'_>, word: String) -> HandlerResult<String> {
        Ok(word + ctx.key())
    }
}

/// Calls it from inside Restate.
struct Driver;

#[restate_sdk::service(name = "test.EchoDriver")]
impl Driver {
    #[handler(name = "Key")]
    async fn key(&self, ctx: Context<'_>, key: String) -> HandlerResult<String> {
        let answer = ctx
            .object_client::<EchoClient>(key)
            .key(String::new())
            .call()
            .await?;
        Ok(answer)
    }
}

#[test]
fn api_24_a_key_with_a_star_a_slash_or_a_percent_sign_comes_through_as_it_is() {
    testbed::scenario!("API-24");
    testbed::run(async {
        let endpoint = Endpoint::builder().bind(Echo).bind(Driver).build();
        testbed::serve(endpoint).await;
        let (ingress, admin) = (testbed::ingress().await, testbed::admin().await);
        for key in [
            "*.example.com",
            "acme/shop",
            "50%",
            "a%2Fb",
            "ü ?#&+;=:@",
            "../x",
            "//",
        ] {
            let outside = ingress
                .call(ECHO, key, "Key", &"")
                .await
                .expect("through the ingress");
            assert_eq!(outside, json!(key));
            let inside = ingress
                .call("test.EchoDriver", None, "Key", &key)
                .await
                .expect("from a handler");
            assert_eq!(inside, json!(key));
            let sent = ingress
                .send(ECHO, key, "Key", &"", None)
                .await
                .expect("sent");
            let sql = format!(
                "SELECT target_service_key FROM sys_invocation WHERE id = {}",
                restate_api::quoted(&sent)
            );
            let rows = admin.query(&sql).await.expect("the invocation");
            assert_eq!(rows[0]["target_service_key"], json!(key));
        }
    });
}
