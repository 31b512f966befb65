//! What the tests share: the servers, orders for them, and an ear for events.

use std::sync::{Mutex, PoisonError};

use build_testbed::{BuildPeers, busybox};
use builder::{
    BuildError, BuildKit, BuildKitSettings, Builder, Built, Event, LogLine, Order, Platform,
    Registry, Secret, Sink, Source, Step,
};
use tokio_util::sync::CancellationToken;

/// What a commit is fetched with. Unlike any other word, so that a leak is found.
pub(crate) const TOKEN: &str = "ghs_token-of-the-fetch-5e1c77";

/// The servers, with the token accepted; nothing where builds cannot run.
pub(crate) async fn servers() -> Option<&'static BuildPeers> {
    let peers = build_testbed::peers().await?;
    peers.git().accept(TOKEN);
    Some(peers)
}

/// A name nobody has used.
pub(crate) fn fresh(prefix: &str) -> String {
    format!("{prefix}-{}", uuid::Uuid::new_v4().simple())
}

/// The first lines of a Dockerfile whose commands are busybox's, and whose steps nobody else has in the cache.
pub(crate) const SHELL: &str = "FROM scratch\nCOPY busybox /busybox\nCOPY fresh /fresh\nSHELL [\"/busybox\", \"sh\", \"-c\"]\n";

/// A private repository with a Dockerfile of these last lines; its name and commit.
pub(crate) async fn repository(peers: &BuildPeers, lines: &str) -> (String, String) {
    let name = fresh("acme/shop");
    let dockerfile = format!("{SHELL}{lines}\n");
    let files: [(&str, Vec<u8>); 3] = [
        ("Dockerfile", dockerfile.into_bytes()),
        ("busybox", busybox()),
        ("fresh", fresh("").into_bytes()),
    ];
    let sha = peers.git().create_repo(&name, &files).await;
    (name, sha)
}

pub(crate) fn order(peers: &BuildPeers, repository: &str, sha: &str) -> Order {
    let registry = peers.registry();
    Order {
        image: format!("{}:{}", registry.repository, fresh("prj")),
        source: Source::new(&peers.git().url(), repository, sha, "", "").expect("a source"),
        platform: Platform::Amd64,
        git_token: Some(Secret::new(TOKEN)),
        env: [].into(),
        registry: Registry {
            username: registry.username.clone(),
            password: Secret::new(registry.password.as_str()),
            insecure: true,
        },
    }
}

/// The BuildKit as one of the operator's own.
pub(crate) fn buildkit(peers: &BuildPeers) -> BuildKit {
    BuildKit::new(&BuildKitSettings::new(peers.buildkit_address())).expect("a builder")
}

/// Builds at a builder that has no projects; what came of it and what was told.
pub(crate) async fn run(
    builder: &dyn Builder,
    order: &Order,
) -> (Result<Built, BuildError>, Heard) {
    let heard = Heard::default();
    let ticket = builder.create_build(None).await.expect("a ticket");
    let stop = CancellationToken::new();
    let built = builder.run(&ticket, order, &heard, &stop).await;
    (built, heard)
}

/// Keeps all it hears.
#[derive(Default)]
pub(crate) struct Heard(Mutex<Vec<Event>>);

impl Sink for Heard {
    fn emit(&self, event: Event) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.push(event);
    }
}

impl Heard {
    pub(crate) fn events(&self) -> Vec<Event> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.clone()
    }

    pub(crate) fn steps(&self) -> Vec<Step> {
        let steps = self.events().into_iter().filter_map(|event| match event {
            Event::Step(step) => Some(step),
            Event::Log(_) => None,
        });
        steps.collect()
    }

    /// The steps with these words in their names.
    pub(crate) fn steps_of(&self, words: &str) -> Vec<Step> {
        let mut steps = self.steps();
        steps.retain(|step| step.name.contains(words));
        steps
    }

    pub(crate) fn logs(&self) -> Vec<LogLine> {
        let logs = self.events().into_iter().filter_map(|event| match event {
            Event::Log(log) => Some(log),
            Event::Step(_) => None,
        });
        logs.collect()
    }

    /// All that was written.
    pub(crate) fn text(&self) -> String {
        self.logs().into_iter().map(|log| log.message).collect()
    }
}
