//! A Depot of a test's own: its API on one port, in every protocol that its clients speak, and machines that are a BuildKit
//! behind certificates. A real client of Depot builds with it.
//!
//! Not for building: the BuildKit behind it does, or the instant one pretends to.

mod calls;
mod log;
mod machine;
mod messages;
mod wire;

pub use log::{BuildSeen, Finish, Project, Trouble};

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use http::{Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::instant::InstantBuildKit;
use crate::registry::PASSWORD;
use calls::Depot;
use wire::{Body, Protocol};

/// Who may make projects and builds at every Depot here: a worker has one password for Depot and for the registry.
pub const DEPOT_TOKEN: &str = PASSWORD;

/// A running Depot; dropping it closes its port and every machine.
#[derive(Debug)]
pub struct DepotFake {
    addr: SocketAddr,
    depot: Arc<Depot>,
    instant: Option<InstantBuildKit>,
    accepting: tokio::task::JoinHandle<()>,
}

impl std::fmt::Debug for Depot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Depot").finish_non_exhaustive()
    }
}

impl Drop for DepotFake {
    fn drop(&mut self) {
        self.accepting.abort();
        // the machines hold connections of builders, whoever still holds the log
        self.depot.state().builds.clear();
    }
}

impl DepotFake {
    /// Its machines are the BuildKit at `address`: `unix:///…` or `tcp://host:port`, both in clear text.
    ///
    /// # Errors
    /// There is no port.
    pub async fn start(address: &str) -> std::io::Result<Self> {
        Self::before(address, None).await
    }

    /// Its machines build nothing and answer at once: [`DepotFake::buildkit`].
    ///
    /// # Errors
    /// There is no port.
    pub async fn instant() -> std::io::Result<Self> {
        let instant = InstantBuildKit::start().await?;
        let address = instant.address();
        Self::before(&address, Some(instant)).await
    }

    async fn before(address: &str, instant: Option<InstantBuildKit>) -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let addr = listener.local_addr()?;
        let depot = Arc::new(Depot {
            state: Mutex::default(),
            backend: address.to_owned(),
            token: DEPOT_TOKEN.to_owned(),
        });
        let shared = Arc::clone(&depot);
        let accepting = tokio::spawn(async move {
            // owned here, so that ending this task also ends the connections
            let mut connections = JoinSet::new();
            loop {
                let Ok((stream, _)) = listener.accept().await else {
                    continue;
                };
                while connections.try_join_next().is_some() {}
                let _ = stream.set_nodelay(true);
                let depot = Arc::clone(&shared);
                let service = service_fn(move |request| {
                    let depot = Arc::clone(&depot);
                    async move { serve(&depot, request).await }
                });
                connections.spawn(async move {
                    // a client that goes away is as good as one that stays
                    let _ = Builder::new(TokioExecutor::new())
                        .serve_connection(TokioIo::new(stream), service)
                        .await;
                });
            }
        });
        Ok(Self {
            addr,
            depot,
            instant,
            accepting,
        })
    }

    /// Base address of its API: projects and builds alike.
    pub fn api_url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// Who may make projects and builds.
    pub fn token(&self) -> &'static str {
        DEPOT_TOKEN
    }

    /// The BuildKit that pretends.
    ///
    /// # Panics
    /// The machines are real ones.
    pub fn buildkit(&self) -> &InstantBuildKit {
        self.instant.as_ref().expect("an instant one")
    }

    /// A project that was there before.
    pub fn add_project(&self, id: &str) {
        self.depot.state().projects.push(Project {
            id: id.to_owned(),
            name: id.to_owned(),
            region: "us-east-1".to_owned(),
            keep_gb: 50,
            keep_days: 14,
        });
    }

    /// The next calls of a method (`CreateBuild`) meet this, one each.
    pub fn trouble(&self, method: &str, troubles: impl IntoIterator<Item = Trouble>) {
        let mut state = self.depot.state();
        let all = state.troubles.entry(method.to_owned()).or_default();
        all.extend(troubles);
    }

    /// The machine of a build made from now on is so often not there yet.
    pub fn pending(&self, times: usize) {
        self.depot.state().pending = times;
    }

    /// The machine of a build goes away in the middle of things; asked for again, there is another.
    pub fn lose_machine(&self, build: &str) {
        let mut state = self.depot.state();
        if let Some(build) = state.builds.iter_mut().find(|b| b.id == build) {
            build.machine = None;
        }
    }

    /// Every call so far: `depot.cli.v1.BuildService/CreateBuild`.
    pub fn calls(&self) -> Vec<String> {
        self.depot.state().calls.clone()
    }

    /// Projects, oldest first.
    pub fn projects(&self) -> Vec<Project> {
        self.depot.state().projects.clone()
    }

    /// Builds, oldest first.
    pub fn builds(&self) -> Vec<BuildSeen> {
        let state = self.depot.state();
        state.builds.iter().map(log::Build::seen).collect()
    }

    /// One of them.
    pub fn build(&self, id: &str) -> Option<BuildSeen> {
        self.builds().into_iter().find(|b| b.id == id)
    }
}

async fn serve(depot: &Arc<Depot>, request: Request<Incoming>) -> std::io::Result<Response<Body>> {
    let (parts, body) = request.into_parts();
    let header = |name: &str| {
        let value = parts.headers.get(name).and_then(|v| v.to_str().ok());
        value.unwrap_or_default()
    };
    let protocol = Protocol::of(&parts.headers);
    let plain = ["", "identity"].contains(&header("content-encoding"));
    let Some(protocol) = protocol.filter(|_| plain) else {
        let nothing = http_body_util::Empty::new().map_err(|never| match never {});
        let mut response = Response::new(nothing.boxed());
        *response.status_mut() = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        return Ok(response);
    };
    let body = body.collect().await.map_err(std::io::Error::other)?;
    let bearer = header("authorization");
    let bearer = bearer.strip_prefix("Bearer ").unwrap_or_default();
    let path = parts.uri.path();
    depot.answer(path, protocol, bearer, &body.to_bytes()).await
}
