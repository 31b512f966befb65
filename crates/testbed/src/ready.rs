//! The proof that a Restate server can serve: one real call to a service of our own.
//!
//! Its health page says 200 before any partition can take a call, so it is not used.

use std::time::Duration;

use restate_api::{Admin, Ingress};
use restate_sdk::prelude::*;

use crate::serve::listen;

struct Ready;

#[restate_sdk::service(name = "testbed.Ready")]
impl Ready {
    #[handler(name = "Ask")]
    async fn ask(&self, _ctx: Context<'_>, _word: String) -> HandlerResult<()> {
        Ok(())
    }
}

/// Registers the service, calls it once and takes it away again.
pub(crate) async fn one_call(admin: &Admin, ingress: &Ingress) -> Result<(), String> {
    let served = listen(Endpoint::builder().bind(Ready).build())
        .await
        .map_err(|e| e.to_string())?;
    let admin = admin.clone().with_timeout(Some(Duration::from_secs(5)));
    let known = admin
        .register(&served.url, true)
        .await
        .map_err(|e| e.to_string())?;
    let ingress = ingress.clone().with_timeout(Some(Duration::from_secs(5)));
    let answer = ingress.call("testbed.Ready", None, "Ask", &"ready").await;
    admin
        .remove_deployment(&known.id)
        .await
        .map_err(|e| e.to_string())?;
    answer.map(drop).map_err(|e| e.to_string())
}
