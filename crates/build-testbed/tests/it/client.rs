//! The thinnest client of BuildKit: a channel to its socket.

use bollard_buildkit_proto::moby::buildkit::v1::control_client::ControlClient;
use hyper_util::rt::TokioIo;
use tonic::transport::{Channel, Endpoint};

/// Speaks to the BuildKit at `unix:///…`.
pub(crate) async fn control(address: &str) -> ControlClient<Channel> {
    let path = address
        .strip_prefix("unix://")
        .expect("a socket")
        .to_owned();
    let connector = tower::service_fn(move |_| {
        let path = path.clone();
        async move {
            tokio::net::UnixStream::connect(path)
                .await
                .map(TokioIo::new)
        }
    });
    let channel = Endpoint::from_static("http://buildkit")
        .connect_with_connector(connector)
        .await
        .expect("a connection");
    ControlClient::new(channel)
}
