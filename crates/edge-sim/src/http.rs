//! A minimal HTTP server for the two surfaces of the simulator: one handler per server, plain text
//! or JSON answers, HTTP/1.1 and h2c.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// Largest body that is read.
const BODY_LIMIT: usize = 1 << 20;

/// A request with its body read.
pub(crate) type Request = http::Request<Bytes>;
/// An answer.
pub(crate) type Response = http::Response<Full<Bytes>>;

/// Answers requests of one server.
pub(crate) trait Handler: Send + Sync + 'static {
    fn answer(&self, request: Request) -> impl Future<Output = Response> + Send;
}

/// An answer in words.
pub(crate) fn text(status: u16, body: impl Into<String>) -> Response {
    answer(status, "text/plain; charset=utf-8", body.into())
}

/// An answer in JSON.
pub(crate) fn json(status: u16, body: &impl serde::Serialize) -> Response {
    match serde_json::to_string_pretty(body) {
        Ok(body) => answer(status, "application/json", body),
        Err(error) => text(500, error.to_string()),
    }
}

fn answer(status: u16, content_type: &'static str, mut body: String) -> Response {
    if !body.ends_with('\n') {
        body.push('\n');
    }
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() =
        http::StatusCode::from_u16(status).unwrap_or(http::StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(
        http::header::CONTENT_TYPE,
        http::HeaderValue::from_static(content_type),
    );
    response
}

/// Serves in a task of `servers`. The address is the real one also when port 0 was asked for.
pub(crate) async fn serve<H: Handler>(
    at: SocketAddr,
    handler: H,
    servers: &mut JoinSet<()>,
) -> std::io::Result<SocketAddr> {
    let listener = TcpListener::bind(at).await?;
    let address = listener.local_addr()?;
    let handler = Arc::new(handler);
    servers.spawn(async move {
        // Connections end with the server: the set aborts its tasks when it is dropped.
        let mut connections = JoinSet::new();
        loop {
            let Ok((stream, _)) = listener.accept().await else {
                continue;
            };
            let _ = stream.set_nodelay(true);
            while connections.try_join_next().is_some() {}
            connections.spawn(serve_connection(stream, handler.clone()));
        }
    });
    Ok(address)
}

/// Answers everything that comes over one connection.
pub(crate) async fn serve_connection<S, H>(stream: S, handler: Arc<H>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    H: Handler,
{
    let service = hyper::service::service_fn(move |request| {
        let handler = handler.clone();
        async move { Ok::<_, Infallible>(respond(&*handler, request).await) }
    });
    let connection = Builder::new(TokioExecutor::new());
    if let Err(error) = connection
        .serve_connection(TokioIo::new(stream), service)
        .await
    {
        tracing::debug!(error, "a connection to the simulated edge broke");
    }
}

async fn respond<H: Handler>(handler: &H, request: http::Request<Incoming>) -> Response {
    let (parts, body) = request.into_parts();
    match Limited::new(body, BODY_LIMIT).collect().await {
        Ok(body) => {
            handler
                .answer(Request::from_parts(parts, body.to_bytes()))
                .await
        }
        Err(error) => text(400, format!("the request body could not be read: {error}")),
    }
}
