//! A workflow that draws a number and dies before it wrote it down.

use crate::world::*;
use restate_sdk::prelude::*;
use restate_sdk::serde::Json;
use std::sync::Mutex;
use versioning_client::VersioningClient;

/// What each attempt of the caller was given.
static SEEN: Mutex<Vec<u64>> = Mutex::new(Vec::new());

struct Caller;

#[restate_sdk::object(name = "test.Caller")]
impl Caller {
    /// Draws for the region it is keyed by. The first attempt fails after the number arrived.
    #[handler(name = "Draw")]
    async fn draw(&self, ctx: ObjectContext<'_>, _: Json<serde_json::Value>) -> HandlerResult<u64> {
        let drawn = ctx
            .object_client::<VersioningClient>(ctx.key())
            .next_version(Default::default())
            .call()
            .await?;
        let attempts = {
            let mut seen = SEEN.lock().expect("not poisoned");
            seen.push(drawn.version);
            seen.len()
        };
        if attempts == 1 {
            return Err(std::io::Error::other("died before the number was written").into());
        }
        Ok(drawn.version)
    }
}

#[test]
fn ver_6_a_caller_that_died_sees_its_number_again() {
    testbed::scenario!("VER-6");
    testbed::run(async {
        let region = region();
        for _ in 0..6 {
            next(&region).await;
        }
        testbed::serve(Endpoint::builder().bind(Caller).build()).await;
        let answer = testbed::ingress()
            .await
            .call("test.Caller", &*region, "Draw", &serde_json::Value::Null)
            .await;
        assert_eq!(answer.expect("the second attempt succeeds"), 7);
        assert_eq!(*SEEN.lock().expect("not poisoned"), [7, 7]);
        assert_eq!(get(&region).await, 7, "drawn once");
        testbed::assert_quiet(&[&region]).await;
    });
}
