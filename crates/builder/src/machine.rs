//! Waiting for a BuildKit until it works.

use bollard_buildkit_proto::moby::buildkit::v1::ListWorkersRequest;
use bollard_buildkit_proto::moby::buildkit::v1::control_client::ControlClient;
use tokio::time::{Instant, sleep, timeout, timeout_at};
use tonic::Code;
use tonic::transport::Channel;

use crate::address::Address;
use crate::{BuildError, Limits, Operation};

/// Longest message in either direction, bytes: BuildKit's own limit.
const MESSAGE: usize = 16 << 20;

/// Connects, and asks for workers until there is one.
pub(crate) async fn ready(
    address: &Address,
    limits: &Limits,
) -> Result<ControlClient<Channel>, BuildError> {
    let until = Instant::now() + limits.ready;
    let mut last = String::from("it did not answer");
    loop {
        match timeout_at(until, attempt(address, limits)).await {
            Ok(Ok(control)) => return Ok(control),
            Ok(Err(Trouble::Refused(text))) => {
                return Err(BuildError::refused(Operation::Connect, text));
            }
            Ok(Err(Trouble::NotYet(text))) => last = text,
            Err(_) => {}
        }
        if Instant::now() + limits.ready_pause >= until {
            let text = format!("the builder is not ready within {:?}: {last}", limits.ready);
            return Err(BuildError::unavailable(Operation::Connect, text));
        }
        tracing::debug!(last, "a builder is not ready yet");
        sleep(limits.ready_pause).await;
    }
}

enum Trouble {
    NotYet(String),
    Refused(String),
}

async fn attempt(address: &Address, limits: &Limits) -> Result<ControlClient<Channel>, Trouble> {
    let channel = address.connect(limits).await.map_err(Trouble::NotYet)?;
    let mut control = ControlClient::new(channel)
        .max_decoding_message_size(MESSAGE)
        .max_encoding_message_size(MESSAGE);
    let asked = control.list_workers(ListWorkersRequest::default());
    let Ok(answer) = timeout(limits.connect, asked).await else {
        let text = format!("no list of workers within {:?}", limits.connect);
        return Err(Trouble::NotYet(text));
    };
    match answer {
        Ok(workers) if workers.get_ref().record.is_empty() => {
            Err(Trouble::NotYet("it has no workers yet".to_owned()))
        }
        Ok(_) => Ok(control),
        Err(status) => {
            let text = format!("{:?}: {}", status.code(), status.message());
            Err(match status.code() {
                Code::Unauthenticated | Code::PermissionDenied | Code::Unimplemented => {
                    Trouble::Refused(text)
                }
                _ => Trouble::NotYet(text),
            })
        }
    }
}
