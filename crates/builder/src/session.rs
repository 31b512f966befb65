//! A session with BuildKit: a connection inside a call, over which BuildKit asks us for secrets and logins.
//!
//! A session serves what it was made with and nothing else, and only as long as the work for which it was opened lasts.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bollard_buildkit_proto::health::health_check_response::ServingStatus;
use bollard_buildkit_proto::health::health_server::{Health, HealthServer};
use bollard_buildkit_proto::health::{
    HealthCheckRequest, HealthCheckResponse, HealthListRequest, HealthListResponse,
};
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
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, ReadHalf, WriteHalf};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::metadata::AsciiMetadataValue;
use tonic::transport::{Channel, Server};
use tonic::{Request, Response, Status, Streaming};
use uuid::Uuid;

use crate::{Secret, image};

/// Bytes on their way through the tunnel.
const BUFFER: usize = 64 << 10;
/// Packets on their way to BuildKit.
const PACKETS: usize = 16;
/// A call fails by itself soon after its session has ended; so long it may take.
const GRACE: Duration = Duration::from_secs(10);

/// What a session hands out.
#[derive(Default)]
pub(crate) struct Served {
    /// Secrets by their names.
    pub(crate) secrets: BTreeMap<String, Secret>,
    /// A login and the image whose registry may see it.
    pub(crate) login: Option<Login>,
}

/// Who pushes an image.
pub(crate) struct Login {
    pub(crate) image: String,
    pub(crate) username: String,
    pub(crate) password: Secret,
}

/// Opens a session, does the work with its id, and closes it.
///
/// # Errors
/// The session could not be opened, or the work's own.
pub(crate) async fn with<T>(
    control: &ControlClient<Channel>,
    served: Served,
    work: impl AsyncFnOnce(String) -> Result<T, Status>,
) -> Result<T, Status> {
    let id = Uuid::new_v4().simple().to_string();
    let (packets, outgoing) = mpsc::channel(PACKETS);
    let mut request = Request::new(ReceiverStream::new(outgoing));
    announce(&mut request, &id, served.login.is_some())?;
    let (near, far) = tokio::io::duplex(BUFFER);
    let (from_us, to_us) = tokio::io::split(near);
    let served = Arc::new(served);
    let server = Server::builder()
        .add_service(SecretsServer::new(Serving(Arc::clone(&served))))
        .add_service(AuthServer::new(Serving(Arc::clone(&served))))
        .add_service(HealthServer::new(Serving(served)))
        // answers for as long as the other end of the pipe is held, which is until this function returns
        .serve_with_incoming(tokio_stream::once(Ok::<_, std::io::Error>(far)));
    let mut control = control.clone();
    let tunnel = async {
        let incoming = control.session(request).await?.into_inner();
        let served = async {
            let served = server.await;
            served.map_err(|error| Status::internal(error.to_string()))?;
            std::future::pending::<Result<(), Status>>().await
        };
        tokio::select! {
            ended = inward(incoming, to_us) => ended,
            ended = outward(from_us, packets) => ended,
            ended = served => ended,
        }
    };
    let mut work = std::pin::pin!(work(id));
    tokio::select! {
        biased;
        done = &mut work => done,
        ended = tunnel => {
            // BuildKit may be done without it, or says itself what is wrong
            let lost = ended.err().unwrap_or_else(|| Status::unavailable("the builder closed the session"));
            tokio::time::timeout(GRACE, work).await.unwrap_or(Err(lost))
        }
    }
}

/// The headers by which BuildKit knows a session and what may be asked in it.
fn announce<T>(request: &mut Request<T>, id: &str, login: bool) -> Result<(), Status> {
    const METHODS: &str = "x-docker-expose-session-grpc-method";
    let value = |text: &str| {
        AsciiMetadataValue::try_from(text).map_err(|_| Status::internal("a header is no text"))
    };
    let headers = request.metadata_mut();
    headers.insert("x-docker-expose-session-uuid", value(id)?);
    headers.insert("x-docker-expose-session-name", value("build")?);
    headers.insert("x-docker-expose-session-sharedkey", value("")?);
    let mut methods = vec![
        "/grpc.health.v1.Health/Check",
        "/moby.buildkit.secrets.v1.Secrets/GetSecret",
    ];
    if login {
        methods.push("/moby.filesync.v1.Auth/Credentials");
    }
    for method in methods {
        headers.append(METHODS, value(method)?);
    }
    Ok(())
}

async fn inward(
    mut from: Streaming<BytesMessage>,
    mut to: WriteHalf<DuplexStream>,
) -> Result<(), Status> {
    while let Some(packet) = from.message().await? {
        if to.write_all(&packet.data).await.is_err() {
            break;
        }
    }
    Ok(())
}

async fn outward(
    mut from: ReadHalf<DuplexStream>,
    to: mpsc::Sender<BytesMessage>,
) -> Result<(), Status> {
    let mut buffer = vec![0; BUFFER];
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        let data = buffer[..length].to_vec();
        if to.send(BytesMessage { data }).await.is_err() {
            break;
        }
    }
    Ok(())
}

struct Serving(Arc<Served>);

#[tonic::async_trait]
impl Secrets for Serving {
    async fn get_secret(
        &self,
        request: Request<GetSecretRequest>,
    ) -> Result<Response<GetSecretResponse>, Status> {
        let id = request.into_inner().id;
        match self.0.secrets.get(&id) {
            Some(secret) => Ok(Response::new(GetSecretResponse {
                data: secret.expose().as_bytes().to_vec(),
            })),
            // this very code lets BuildKit go on without one that is not required
            None => Err(Status::not_found("no such secret")),
        }
    }
}

#[tonic::async_trait]
impl Auth for Serving {
    async fn credentials(
        &self,
        request: Request<CredentialsRequest>,
    ) -> Result<Response<CredentialsResponse>, Status> {
        let host = request.into_inner().host;
        let login = self.0.login.as_ref();
        let answer = match login.filter(|login| image::is_its_registry(&host, &login.image)) {
            Some(login) => CredentialsResponse {
                username: login.username.clone(),
                secret: login.password.expose().to_owned(),
            },
            None => CredentialsResponse::default(),
        };
        Ok(Response::new(answer))
    }

    async fn fetch_token(
        &self,
        _: Request<FetchTokenRequest>,
    ) -> Result<Response<FetchTokenResponse>, Status> {
        Err(with_credentials())
    }

    async fn get_token_authority(
        &self,
        _: Request<GetTokenAuthorityRequest>,
    ) -> Result<Response<GetTokenAuthorityResponse>, Status> {
        Err(with_credentials())
    }

    async fn verify_token_authority(
        &self,
        _: Request<VerifyTokenAuthorityRequest>,
    ) -> Result<Response<VerifyTokenAuthorityResponse>, Status> {
        Err(with_credentials())
    }
}

/// BuildKit then fetches tokens itself, with the credentials.
fn with_credentials() -> Status {
    Status::unimplemented("tokens are fetched with credentials")
}

#[tonic::async_trait]
impl Health for Serving {
    type WatchStream = tokio_stream::Empty<Result<HealthCheckResponse, Status>>;

    async fn check(
        &self,
        _: Request<HealthCheckRequest>,
    ) -> Result<Response<HealthCheckResponse>, Status> {
        Ok(Response::new(HealthCheckResponse {
            status: ServingStatus::Serving as i32,
        }))
    }

    async fn list(
        &self,
        _: Request<HealthListRequest>,
    ) -> Result<Response<HealthListResponse>, Status> {
        Err(Status::unimplemented("one service, one answer"))
    }

    async fn watch(
        &self,
        _: Request<HealthCheckRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        Err(Status::unimplemented("ask again"))
    }
}
