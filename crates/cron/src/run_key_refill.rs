//! `RunKeyRefill`: KeyRefillService/RunRefill of the date.

use crate::key;
use durable::Stop;
use key_refill_client::KeyRefillClient;
use messages::hydra::v1::{RunKeyRefillResponse, RunRefillRequest};
use restate_sdk::context::{ContextClient, ObjectContext};

pub(crate) async fn run(ctx: &ObjectContext<'_>) -> Result<RunKeyRefillResponse, Stop> {
    let answer = ctx
        .object_client::<KeyRefillClient<'_>>(key::period(ctx.key(), "key-refill"))
        .run_refill(RunRefillRequest::default())
        .call()
        .await?;
    Ok(RunKeyRefillResponse {
        keys_refilled: answer.keys_refilled,
    })
}
