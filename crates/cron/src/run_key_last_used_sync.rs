//! `RunKeyLastUsedSync`: KeyLastUsedSyncService/RunSync, which has no key.

use durable::Stop;
use key_last_used_sync_client::KeyLastUsedSyncClient;
use messages::hydra::v1::{RunKeyLastUsedSyncResponse, RunSyncRequest};
use restate_sdk::context::{ContextClient, ObjectContext};

pub(crate) async fn run(ctx: &ObjectContext<'_>) -> Result<RunKeyLastUsedSyncResponse, Stop> {
    let answer = ctx
        .service_client::<KeyLastUsedSyncClient<'_>>()
        .run_sync(RunSyncRequest::default())
        .call()
        .await?;
    Ok(RunKeyLastUsedSyncResponse {
        keys_synced: answer.keys_synced,
    })
}
