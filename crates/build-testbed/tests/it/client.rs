//! A thin client of BuildKit: a channel to its socket, and a session that knows one secret and one login.

use bollard_buildkit_proto::moby::buildkit::secrets::v1::secrets_server::{Secrets, SecretsServer};
use bollard_buildkit_proto::moby::buildkit::secrets::v1::{GetSecretRequest, GetSecretResponse};
use bollard_buildkit_proto::moby::buildkit::v1::BytesMessage;
use bollard_buildkit_proto::moby::buildkit::v1::control_client::ControlClient;
use bollard_buildkit_proto::moby::filesync::v1::auth_server::{Auth, AuthServer};
use bollard_buildkit_proto::moby::filesync::v1::{
    CredentialsRequest, CredentialsResponse, FetchTokenRequest, FetchTokenResponse,
    GetTokenAuthorityRequest, GetTokenAuthorityResponse, VerifyTokenAuthorityRequest,
    VerifyTokenAuthorityResponse,
};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::{Channel, Endpoint, Server};
use tonic::{Request, Response, Status};

/// Speaks to the BuildKit at `unix:///…` or `tcp://host:port`.
pub(crate) async fn control(address: &str) -> ControlClient<Channel> {
    let channel = match address.strip_prefix("unix://") {
        Some(path) => {
            let path = path.to_owned();
            let connector = tower::service_fn(move |_| {
                let path = path.clone();
                async move {
                    tokio::net::UnixStream::connect(path)
                        .await
                        .map(TokioIo::new)
                }
            });
            let endpoint = Endpoint::from_static("http://buildkit");
            endpoint.connect_with_connector(connector).await
        }
        None => {
            let url = address.replace("tcp://", "http://");
            Endpoint::from_shared(url)
                .expect("an address")
                .connect()
                .await
        }
    };
    ControlClient::new(channel.expect("a connection"))
}

struct Known;

#[tonic::async_trait]
impl Secrets for Known {
    async fn get_secret(
        &self,
        request: Request<GetSecretRequest>,
    ) -> Result<Response<GetSecretResponse>, Status> {
        match request.into_inner().id.as_str() {
            "env" => Ok(Response::new(GetSecretResponse {
                data: b"KEY='value'".to_vec(),
            })),
            other => Err(Status::not_found(other)),
        }
    }
}

#[tonic::async_trait]
impl Auth for Known {
    async fn credentials(
        &self,
        request: Request<CredentialsRequest>,
    ) -> Result<Response<CredentialsResponse>, Status> {
        Ok(Response::new(CredentialsResponse {
            username: "me".to_owned(),
            secret: request.into_inner().host,
        }))
    }

    async fn fetch_token(
        &self,
        _: Request<FetchTokenRequest>,
    ) -> Result<Response<FetchTokenResponse>, Status> {
        Err(Status::unimplemented("no"))
    }

    async fn get_token_authority(
        &self,
        _: Request<GetTokenAuthorityRequest>,
    ) -> Result<Response<GetTokenAuthorityResponse>, Status> {
        Err(Status::unimplemented("no"))
    }

    async fn verify_token_authority(
        &self,
        _: Request<VerifyTokenAuthorityRequest>,
    ) -> Result<Response<VerifyTokenAuthorityResponse>, Status> {
        Err(Status::unimplemented("no"))
    }
}

/// Opens a session of this id that lives as long as the test's runtime.
pub(crate) async fn session(control: &mut ControlClient<Channel>, id: &str) {
    let (sender, receiver) = mpsc::channel(64);
    let mut request = Request::new(ReceiverStream::new(receiver));
    let id = id.parse().expect("a plain word");
    let metadata = request.metadata_mut();
    metadata.insert("x-docker-expose-session-uuid", id);
    let answer = control.session(request).await.expect("a session");
    let mut inbound = answer.into_inner();
    let (near, far) = tokio::io::duplex(65_536);
    let (mut near_in, mut near_out) = tokio::io::split(near);
    tokio::spawn(async move {
        while let Ok(Some(message)) = inbound.message().await {
            if near_out.write_all(&message.data).await.is_err() {
                break;
            }
        }
    });
    tokio::spawn(async move {
        let mut buffer = vec![0; 65_536];
        while let Ok(count) = near_in.read(&mut buffer).await {
            let data = buffer[..count].to_vec();
            if count == 0 || sender.send(BytesMessage { data }).await.is_err() {
                break;
            }
        }
    });
    let served = Server::builder()
        .add_service(SecretsServer::new(Known))
        .add_service(AuthServer::new(Known));
    let once = tokio_stream::once(Ok::<_, std::io::Error>(far));
    tokio::spawn(served.serve_with_incoming(once));
}
