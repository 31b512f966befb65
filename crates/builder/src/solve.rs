//! One image at one BuildKit, in two parts.
//!
//! BuildKit hands every secret of a session to whatever step asks for it by name, and a Dockerfile names what it likes. So
//! the first part only fetches the source, in a session of its own that holds the token it is fetched with. The second
//! builds in another session, opened after the first is closed; it finds the source in BuildKit's cache, for a commit is
//! fetched once, and there is no token it could ask for.

use std::collections::HashMap;
use std::time::Duration;

use bollard_buildkit_proto::moby::buildkit::v1::control_client::ControlClient;
use bollard_buildkit_proto::moby::buildkit::v1::{
    Exporter, SolveRequest, SolveResponse, StatusRequest,
};
use bollard_buildkit_proto::pb;
use prost::Message;
use sha2::{Digest, Sha256};
use tonic::Status;
use tonic::transport::Channel;
use uuid::Uuid;

use crate::measure::measured;
use crate::progress::Progress;
use crate::session::{self, Login, Served};
use crate::verdict::{Fault, Phase, judge};
use crate::{BuildError, Built, Operation, Order, env_file, image};

/// The name of the environment variables' file among a build's secrets.
const ENV: &str = "env";
/// The build argument with the file's other name, which changes when a variable does: a step that mounts the file by it
/// runs again then.
const SECRETS_ID: &str = "build-arg:UNKEY_SECRETS_ID";
const ENV_LABEL: &str = "label:org.unkey.env-hash";
const DIGEST: &str = "containerimage.digest";

/// Who may ask for the token.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Guard {
    /// The fetch alone.
    #[default]
    On,
    /// Everything in the build: what a test needs in order to see that the other is not idle.
    #[cfg(debug_assertions)]
    Off,
}

/// A machine, and what each build at it has in common.
pub(crate) struct Solver {
    pub(crate) adapter: &'static str,
    pub(crate) control: ControlClient<Channel>,
    pub(crate) guard: Guard,
    pub(crate) tail: Duration,
}

impl Solver {
    /// Builds and pushes.
    pub(crate) async fn build(
        &self,
        order: &Order,
        progress: &mut Progress<'_>,
    ) -> Result<Built, BuildError> {
        #[cfg_attr(not(debug_assertions), expect(unused_mut, reason = "only a test adds"))]
        let (request, mut served) = request(order)?;
        let mut phase = Phase::Whole;
        if let Some(token) = &order.git_token {
            let name = format!("{TOKEN}.{}", order.source.host());
            match self.guard {
                Guard::On => {
                    let secrets = [(name, token.clone())].into();
                    let login = None;
                    Box::pin(self.fetch(order, Served { secrets, login }, progress)).await?;
                    phase = Phase::Build;
                }
                #[cfg(debug_assertions)]
                Guard::Off => {
                    served.secrets.insert(name, token.clone());
                }
            }
        }
        let solved = Box::pin(self.solve(request, served, progress));
        let answer = measured(self.adapter, Operation::Solve, async {
            let solved = solved.await;
            solved.map_err(|status| judge(&Fault::of(&status), phase, order))
        });
        match answer.await?.exporter_response.remove(DIGEST) {
            Some(digest) => Ok(Built {
                image: order.image.clone(),
                digest,
            }),
            None => Err(BuildError::refused(
                Operation::Push,
                "the builder names no digest of the image: it is no BuildKit that can push",
            )),
        }
    }

    async fn fetch(
        &self,
        order: &Order,
        served: Served,
        progress: &mut Progress<'_>,
    ) -> Result<(), BuildError> {
        let request = SolveRequest {
            definition: Some(git_source(order)),
            ..SolveRequest::default()
        };
        let solved = Box::pin(self.solve(request, served, progress));
        measured(self.adapter, Operation::Fetch, async {
            let solved = solved.await;
            solved.map_err(|status| judge(&Fault::of(&status), Phase::Fetch, order))
        })
        .await?;
        Ok(())
    }

    /// One solve in a session of its own, with its stream of steps and logs.
    async fn solve(
        &self,
        mut request: SolveRequest,
        served: Served,
        progress: &mut Progress<'_>,
    ) -> Result<SolveResponse, Status> {
        let id = Uuid::new_v4().simple().to_string();
        request.r#ref = id.clone();
        session::with(&self.control, served, async |session| {
            request.session = session;
            let (mut solving, mut asking) = (self.control.clone(), self.control.clone());
            let status = async {
                let messages = asking.status(StatusRequest { r#ref: id }).await;
                let mut messages = messages?.into_inner();
                while let Some(message) = messages.message().await? {
                    progress.feed(message);
                }
                Ok::<_, Status>(())
            };
            let solved = together(solving.solve(request), status, self.tail).await;
            progress.settle();
            solved.map(tonic::Response::into_inner)
        })
        .await
    }
}

/// Solves and listens, and goes on listening for a little when it is solved.
async fn together<T>(
    solve: impl Future<Output = Result<T, Status>>,
    status: impl Future<Output = Result<(), Status>>,
    tail: Duration,
) -> Result<T, Status> {
    let (mut solve, mut status) = (std::pin::pin!(solve), std::pin::pin!(status));
    tokio::select! {
        biased;
        solved = &mut solve => {
            // it ends by itself once all is told
            if tokio::time::timeout(tail, status).await.is_err() {
                tracing::warn!("the builder did not end the stream of a build's steps");
            }
            solved
        }
        ended = &mut status => {
            if let Err(status) = ended {
                tracing::debug!(code = ?status.code(), "no steps of a build any more");
            }
            solve.await
        }
    }
}

/// Refuses what cannot be built, before anything is asked for.
pub(crate) fn check(order: &Order) -> Result<(), BuildError> {
    request(order).map(drop)
}

/// The second part, and what its session serves.
fn request(order: &Order) -> Result<(SolveRequest, Served), BuildError> {
    image::check(&order.image)?;
    let mut served = Served {
        login: Some(Login {
            image: order.image.clone(),
            username: order.registry.username.clone(),
            password: order.registry.password.clone(),
        }),
        ..Served::default()
    };
    let text = str::to_owned;
    let mut frontend = HashMap::from([
        (text("context"), order.source.context_url()),
        (text("filename"), text(order.source.dockerfile())),
        (text("platform"), text(order.platform.as_str())),
    ]);
    if !order.env.is_empty() {
        let (file, hash) = env_file(&order.env)?;
        frontend.insert(text(ENV_LABEL), hash.clone());
        frontend.insert(text(SECRETS_ID), hash.clone());
        served.secrets.insert(hash, file.clone());
        served.secrets.insert(text(ENV), file);
    }
    let mut attrs = HashMap::from([
        (text("name"), order.image.clone()),
        (text("push"), text("true")),
        (text("oci-mediatypes"), text("true")),
    ]);
    if order.registry.insecure {
        attrs.insert(text("registry.insecure"), text("true"));
    }
    let request = SolveRequest {
        frontend: text("dockerfile.v0"),
        frontend_attrs: frontend,
        // both spellings: older servers know the first only
        exporter_deprecated: text("image"),
        exporter_attrs_deprecated: attrs.clone(),
        exporters: vec![Exporter {
            r#type: text("image"),
            attrs,
        }],
        ..SolveRequest::default()
    };
    Ok((request, served))
}

/// The secret that BuildKit fetches with, by the host behind it.
const TOKEN: &str = "GIT_AUTH_TOKEN";

/// The source alone, defined as the Dockerfile frontend defines it: the same step, told once.
fn git_source(order: &Order) -> pb::Definition {
    let source = &order.source;
    let remote = source.remote();
    let bare = remote.split_once("://").map_or("", |(_, bare)| bare);
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let op = pb::Op {
        op: Some(pb::op::Op::Source(pb::SourceOp {
            identifier: format!("git://{bare}#{}", source.fragment()),
            attrs: [
                pair("git.authheadersecret", "GIT_AUTH_HEADER"),
                pair("git.authtokensecret", TOKEN),
                pair("git.fullurl", &remote),
            ]
            .into(),
        })),
        constraints: Some(pb::WorkerConstraints::default()),
        ..pb::Op::default()
    }
    .encode_to_vec();
    let digest = digest(&op);
    let end = pb::Op {
        inputs: vec![pb::Input {
            digest: digest.clone(),
            index: 0,
        }],
        ..pb::Op::default()
    };
    let name = format!("[internal] load git source {}", source.context_url());
    let metadata = pb::OpMetadata {
        description: [("llb.customname".to_owned(), name)].into(),
        ..pb::OpMetadata::default()
    };
    pb::Definition {
        def: vec![op, end.encode_to_vec()],
        metadata: [(digest, metadata)].into(),
        source: None,
    }
}

fn digest(op: &[u8]) -> String {
    let hex = Sha256::digest(op);
    let hex = hex.iter().map(|b| format!("{b:02x}"));
    format!("sha256:{}", hex.collect::<String>())
}

#[cfg(test)]
#[path = "solve_tests.rs"]
mod tests;
