//! The calls of BuildKit's control service that a builder makes.
//!
//! Not for history, cache and pruning: unimplemented.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use bollard_buildkit_proto::google::protobuf::Timestamp;
use bollard_buildkit_proto::moby::buildkit::v1::control_server::Control;
use bollard_buildkit_proto::moby::buildkit::v1::types::WorkerRecord;
use bollard_buildkit_proto::moby::buildkit::v1::{
    BuildHistoryEvent, BuildHistoryRequest, BytesMessage, DiskUsageRequest, DiskUsageResponse,
    InfoRequest, InfoResponse, ListWorkersRequest, ListWorkersResponse, PruneRequest, SolveRequest,
    SolveResponse, StatusRequest, StatusResponse, UpdateBuildHistoryRequest,
    UpdateBuildHistoryResponse, UsageRecord, Vertex, VertexLog,
};
use bollard_buildkit_proto::pb::{Definition, Op, Platform, op};
use prost::Message as _;
use sha2::{Digest as _, Sha256};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};

use super::Shared;
use super::log::{Ending, Progress, Script, Solve};

/// Lines that go into one message.
const LINES: usize = 100;

type Sent<T> = ReceiverStream<Result<T, Status>>;

pub(crate) struct Service(pub(crate) Arc<Shared>);

/// Says that nobody waits for the solve any more, unless it has ended.
struct Watch<'a> {
    shared: &'a Shared,
    reference: String,
}

impl Watch<'_> {
    fn ended(&self, progress: Progress) {
        self.shared.change(|state| {
            let mut all = state.solves.iter_mut().rev();
            let solve = all.find(|s| s.reference == self.reference);
            if let Some(solve) = solve.filter(|s| s.progress == Progress::Running) {
                solve.progress = progress;
            }
        });
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        self.ended(Progress::Canceled);
    }
}

impl Service {
    /// What a real one asks a session for in the course of a build: the token for the source's host, a login, the variables.
    async fn ask(&self, session: &str, solve: &mut Solve) -> Result<(), Status> {
        let context = solve.context().to_owned();
        let source = context.split_once("://").map_or("", |(_, rest)| rest);
        let host = source.split('/').next().unwrap_or_default();
        let names = [format!("GIT_AUTH_TOKEN.{host}"), "env".to_owned()];
        for name in names {
            if let Some(secret) = self.0.sessions.secret(session, &name).await? {
                solve.secrets.insert(name, secret);
            }
        }
        if solve.fetch {
            return Ok(());
        }
        let registry = solve.image().split('/').next().unwrap_or_default();
        solve.login = Some(self.0.sessions.login(session, registry).await?);
        Ok(())
    }

    async fn play(&self, script: &Script, solve: &Solve) -> Result<SolveResponse, Status> {
        if !script.delay.is_zero() {
            tokio::time::sleep(script.delay).await;
        }
        if script.hold {
            let released = |words: &String| solve.is_about(words);
            self.0
                .until(|s| s.released.iter().any(released).then_some(()))
                .await;
        }
        match &script.ending {
            Ending::Failure(text) => Err(Status::unknown(text.clone())),
            Ending::Unavailable(text) => Err(Status::unavailable(text.clone())),
            Ending::Success => {
                let digest = format!("sha256:{}", hex(solve.image()));
                let said = [
                    ("containerimage.digest", digest.as_str()),
                    ("image.name", solve.image()),
                ];
                let said = said.map(|(k, v)| (k.to_owned(), v.to_owned()));
                Ok(SolveResponse {
                    exporter_response: said.into_iter().collect(),
                })
            }
        }
    }
}

#[tonic::async_trait]
impl Control for Service {
    type PruneStream = Sent<UsageRecord>;
    type StatusStream = Sent<StatusResponse>;
    type SessionStream = Sent<BytesMessage>;
    type ListenBuildHistoryStream = Sent<BuildHistoryEvent>;

    async fn list_workers(
        &self,
        _: Request<ListWorkersRequest>,
    ) -> Result<Response<ListWorkersResponse>, Status> {
        let platform = |architecture: &str| Platform {
            os: "linux".to_owned(),
            architecture: architecture.to_owned(),
            ..Platform::default()
        };
        Ok(Response::new(ListWorkersResponse {
            record: vec![WorkerRecord {
                id: "instant".to_owned(),
                platforms: ["amd64", "arm64"].map(platform).to_vec(),
                ..WorkerRecord::default()
            }],
        }))
    }

    async fn session(
        &self,
        request: Request<Streaming<BytesMessage>>,
    ) -> Result<Response<Self::SessionStream>, Status> {
        let id = request.metadata().get("x-docker-expose-session-uuid");
        let id = id.and_then(|v| v.to_str().ok()).map(str::to_owned);
        let id = id.ok_or_else(|| Status::invalid_argument("a session needs an id"))?;
        let (answers, pump) = self.0.sessions.open(request.into_inner(), &id);
        let shared = Arc::clone(&self.0);
        shared.change(|s| s.sessions += 1);
        tokio::spawn(async move {
            pump.await;
            shared.sessions.close(&id);
        });
        Ok(Response::new(ReceiverStream::new(answers)))
    }

    async fn solve(
        &self,
        request: Request<SolveRequest>,
    ) -> Result<Response<SolveResponse>, Status> {
        let asked = request.into_inner();
        let exporter = asked.exporters.into_iter().next();
        let exporter = exporter.map_or(asked.exporter_attrs_deprecated, |e| e.attrs);
        let mut frontend: BTreeMap<_, _> = asked.frontend_attrs.into_iter().collect();
        let source = asked.definition.as_ref().and_then(source);
        let fetch = source.is_some();
        if let Some(source) = source {
            frontend.insert("context".to_owned(), source);
        }
        let mut solve = Solve {
            reference: asked.r#ref.clone(),
            frontend,
            exporter: exporter.into_iter().collect(),
            secrets: BTreeMap::new(),
            login: None,
            progress: Progress::Running,
            fetch,
        };
        self.0.change(|s| s.solves.push(solve.clone()));
        let watch = Watch {
            shared: &self.0,
            reference: asked.r#ref,
        };
        if let Err(status) = self.ask(&asked.session, &mut solve).await {
            let text = status.message().to_owned();
            watch.ended(Progress::Ended(Ending::Failure(text)));
            return Err(status);
        }
        let script = self.0.change(|state| {
            let mut kept = state.solves.iter_mut().rev();
            let kept = kept.find(|s| s.reference == solve.reference);
            if let Some(kept) = kept {
                *kept = solve.clone();
            }
            state.script(&solve)
        });
        let played = self.play(&script, &solve).await;
        watch.ended(Progress::Ended(script.ending));
        played.map(Response::new)
    }

    async fn status(
        &self,
        request: Request<StatusRequest>,
    ) -> Result<Response<Self::StatusStream>, Status> {
        let reference = request.into_inner().r#ref;
        let (sender, receiver) = mpsc::channel(16);
        let shared = Arc::clone(&self.0);
        tokio::spawn(async move {
            tokio::select! {
                () = tell(&shared, &reference, &sender) => {}
                // asked about what never comes, or gone
                () = sender.closed() => {}
            }
        });
        Ok(Response::new(ReceiverStream::new(receiver)))
    }

    async fn info(&self, _: Request<InfoRequest>) -> Result<Response<InfoResponse>, Status> {
        Ok(Response::new(InfoResponse::default()))
    }

    async fn disk_usage(
        &self,
        _: Request<DiskUsageRequest>,
    ) -> Result<Response<DiskUsageResponse>, Status> {
        Err(Status::unimplemented("no cache here"))
    }

    async fn prune(&self, _: Request<PruneRequest>) -> Result<Response<Self::PruneStream>, Status> {
        Err(Status::unimplemented("no cache here"))
    }

    async fn listen_build_history(
        &self,
        _: Request<BuildHistoryRequest>,
    ) -> Result<Response<Self::ListenBuildHistoryStream>, Status> {
        Err(Status::unimplemented("no history here"))
    }

    async fn update_build_history(
        &self,
        _: Request<UpdateBuildHistoryRequest>,
    ) -> Result<Response<UpdateBuildHistoryResponse>, Status> {
        Err(Status::unimplemented("no history here"))
    }
}

/// The address of the Git source that a definition is about, as a build would be given it.
fn source(definition: &Definition) -> Option<String> {
    let ops = definition.def.iter().map(|op| Op::decode(op.as_slice()));
    ops.flatten().find_map(|op| match op.op {
        Some(op::Op::Source(source)) => {
            let (_, fragment) = source.identifier.split_once('#')?;
            Some(format!("{}#{fragment}", source.attrs.get("git.fullurl")?))
        }
        _ => None,
    })
}

/// Tells of a solve from its beginning to its end: a cached step, then one that writes the lines.
async fn tell(
    shared: &Shared,
    reference: &str,
    sender: &mpsc::Sender<Result<StatusResponse, Status>>,
) {
    let begun = shared.until(|s| s.of(reference).cloned());
    let solve = begun.await;
    if solve.fetch {
        return;
    }
    let script = shared.read().script(&solve);
    let began = now();
    let mut first = vertex(reference, "[internal] load git source");
    first.started = Some(began);
    first.completed = Some(now());
    first.cached = true;
    let mut second = vertex(reference, "[1/1] the build itself");
    second.started = Some(now());
    let mut message = StatusResponse {
        vertexes: vec![first, second.clone()],
        ..StatusResponse::default()
    };
    for from in (0..script.lines).step_by(LINES) {
        let lines = from..(from + LINES).min(script.lines);
        message.logs = lines
            .map(|n| VertexLog {
                vertex: second.digest.clone(),
                timestamp: Some(now()),
                stream: 1,
                msg: format!("line {n}\n").into_bytes(),
            })
            .collect();
        if sender.send(Ok(std::mem::take(&mut message))).await.is_err() {
            return;
        }
    }
    if !message.vertexes.is_empty() && sender.send(Ok(message)).await.is_err() {
        return;
    }
    let over = shared.until(|s| match &s.of(reference)?.progress {
        Progress::Running => None,
        ended => Some(ended.clone()),
    });
    second.error = match over.await {
        Progress::Ended(Ending::Failure(text) | Ending::Unavailable(text)) => text,
        Progress::Canceled => "context canceled".to_owned(),
        _ => String::new(),
    };
    second.completed = Some(now());
    let last = StatusResponse {
        vertexes: vec![second],
        ..StatusResponse::default()
    };
    let _ = sender.send(Ok(last)).await;
}

fn vertex(reference: &str, name: &str) -> Vertex {
    Vertex {
        digest: format!("sha256:{}", hex(&format!("{reference} {name}"))),
        name: name.to_owned(),
        ..Vertex::default()
    }
}

fn hex(text: &str) -> String {
    let digest = Sha256::digest(text.as_bytes());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let since = since.unwrap_or_default();
    Timestamp {
        seconds: i64::try_from(since.as_secs()).unwrap_or_default(),
        nanos: i32::try_from(since.subsec_nanos()).unwrap_or_default(),
    }
}
