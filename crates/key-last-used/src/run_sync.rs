//! `RunSync`: calls every partition at once, waits for all of them, and tells the monitor if all succeeded.

use durable::{Preset, Stop, codes};
use key_last_used_partition_client::KeyLastUsedPartitionClient;
use key_last_used_sync_client::SERVICE;
use messages::hydra::v1::{RunSyncResponse, SyncPartitionRequest};
use restate_sdk::context::{Context, ContextClient};
use restate_sdk::errors::HandlerResult;

use crate::{KeyLastUsedSync, not_configured, steps};

pub(crate) async fn handler(
    service: &KeyLastUsedSync,
    ctx: Context<'_>,
) -> HandlerResult<RunSyncResponse> {
    let invocation = ctx.invocation_id().to_owned();
    durable::handle(SERVICE, "RunSync", &invocation, "", async {
        if !service.configured {
            return Err(not_configured());
        }
        let total = service.settings.partitions;
        // all are under way before the first is waited for
        let calls: Vec<_> = (0..total)
            .map(|partition| {
                let request = SyncPartitionRequest {
                    total_partitions: total,
                };
                ctx.object_client::<KeyLastUsedPartitionClient>(partition.to_string())
                    .sync_partition(request)
                    .call()
            })
            .collect();
        let (mut synced, mut failed) = (0_i32, Vec::new());
        for (partition, call) in calls.into_iter().enumerate() {
            match call.await {
                Ok(answer) => synced = synced.saturating_add(answer.keys_synced),
                Err(ended) => {
                    let ended = Stop::from(ended);
                    if ended.is_cancelled() {
                        return Err(ended);
                    }
                    failed.push((partition, ended));
                }
            }
        }
        if let Some((_, first)) = failed.first() {
            let names: Vec<String> = failed.iter().map(|(p, _)| p.to_string()).collect();
            let text = format!(
                "{} of {total} partitions failed ({}), {synced} keys were synced by the others. The first said: {first}",
                failed.len(),
                names.join(", "),
            );
            return Err(Stop::fault(codes::LAST_USED_INCOMPLETE, text));
        }
        if service.heartbeat.is_configured() {
            let ping = async { service.heartbeat.ping().await.map_err(Stop::retry) };
            match durable::run!(ctx, steps::HEARTBEAT, Preset::Hint, ping) {
                Err(stop) if stop.is_cancelled() => return Err(stop),
                // the keys are synced all the same; the monitor will say that it heard nothing
                Err(stop) => tracing::warn!(error = %stop, "the heartbeat was not heard"),
                Ok(()) => {}
            }
        }
        Ok(RunSyncResponse {
            keys_synced: synced,
        })
    })
    .await
}
