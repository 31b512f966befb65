//! Sessions: the connection inside a connection through which BuildKit asks its client for secrets and logins.
//!
//! Not for files: nothing is uploaded.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bollard_buildkit_proto::moby::buildkit::secrets::v1::GetSecretRequest;
use bollard_buildkit_proto::moby::buildkit::secrets::v1::secrets_client::SecretsClient;
use bollard_buildkit_proto::moby::buildkit::v1::BytesMessage;
use bollard_buildkit_proto::moby::filesync::v1::CredentialsRequest;
use bollard_buildkit_proto::moby::filesync::v1::auth_client::AuthClient;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};
use tonic::transport::{Channel, Endpoint};
use tonic::{Status, Streaming};

const BUFFER: usize = 64 * 1024;
/// How long a session is waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// Channels into the open ones, by their id.
#[derive(Debug, Default)]
pub(crate) struct Sessions(Mutex<BTreeMap<String, Channel>>);

impl Sessions {
    fn with<T>(&self, act: impl FnOnce(&mut BTreeMap<String, Channel>) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Makes the stream a connection; what is to be sent back comes from the receiver. The future ends with the session.
    pub(crate) fn open(
        &self,
        mut inbound: Streaming<BytesMessage>,
        id: &str,
    ) -> (
        mpsc::Receiver<Result<BytesMessage, Status>>,
        impl Future<Output = ()> + Send + 'static,
    ) {
        let (near, far) = tokio::io::duplex(BUFFER);
        let (mut near_in, mut near_out) = tokio::io::split(near);
        let (sender, receiver) = mpsc::channel(64);
        let mut once = Some(TokioIo::new(far));
        let connector = tower::service_fn(move |_| {
            // a session that has broken is not opened again from here
            std::future::ready(once.take().ok_or_else(|| std::io::Error::other("closed")))
        });
        let channel =
            Endpoint::from_static("http://session").connect_with_connector_lazy(connector);
        self.with(|open| open.insert(id.to_owned(), channel));
        let pump = async move {
            let inward = async {
                while let Ok(Some(message)) = inbound.message().await {
                    if near_out.write_all(&message.data).await.is_err() {
                        break;
                    }
                }
            };
            let outward = async {
                let mut buffer = vec![0; BUFFER];
                while let Ok(count) = near_in.read(&mut buffer).await {
                    let data = buffer[..count].to_vec();
                    if count == 0 || sender.send(Ok(BytesMessage { data })).await.is_err() {
                        break;
                    }
                }
            };
            tokio::select! { () = inward => {}, () = outward => {} }
        };
        (receiver, pump)
    }

    pub(crate) fn close(&self, id: &str) {
        self.with(|open| open.remove(id));
    }

    /// A secret of the session; nothing where it has none.
    ///
    /// # Errors
    /// There is no such session, or it does not answer.
    pub(crate) async fn secret(&self, id: &str, name: &str) -> Result<Option<String>, Status> {
        let channel = self.channel(id).await?;
        let asked = GetSecretRequest {
            id: name.to_owned(),
            ..GetSecretRequest::default()
        };
        match SecretsClient::new(channel).get_secret(asked).await {
            Ok(given) => {
                let data = given.into_inner().data;
                Ok(Some(String::from_utf8_lossy(&data).into_owned()))
            }
            Err(status) if status.code() == tonic::Code::NotFound => Ok(None),
            Err(status) => Err(status),
        }
    }

    /// The login of the session for a registry.
    ///
    /// # Errors
    /// There is no such session, or it does not answer.
    pub(crate) async fn login(&self, id: &str, host: &str) -> Result<(String, String), Status> {
        let asked = CredentialsRequest {
            host: host.to_owned(),
        };
        let given = AuthClient::new(self.channel(id).await?)
            .credentials(asked)
            .await?;
        let given = given.into_inner();
        Ok((given.username, given.secret))
    }

    /// Waits for it: a session and the solve that names it are two calls, and either may arrive first. A real BuildKit
    /// waits as well.
    async fn channel(&self, id: &str) -> Result<Channel, Status> {
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some(channel) = self.with(|open| open.get(id).cloned()) {
                return Ok(channel);
            }
            if Instant::now() >= until {
                return Err(Status::unknown(format!("no active session for {id}")));
            }
            sleep(Duration::from_millis(5)).await;
        }
    }
}
