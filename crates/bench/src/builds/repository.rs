//! Apps with a repository each, and pushes to them as the control API hands them over. Not for what comes of a push.

use std::time::{Duration, SystemTime};

use edge_sim::{AgentHandle, Behaviour};
use github_fake::INSTALLATION;
use intent::{AppRows, NewApp, NewProject, Runtime};
use serde_json::{Value, json};

use super::peers::Peers;
use crate::Result;
use crate::overhead::{agents, app};
use crate::stack::Stack;
use crate::worker::Worker;

const WEBHOOK: &str = "hydra.v1.GitHubWebhookService";

/// An app and where its code is.
pub(crate) struct Repository {
    pub(crate) app: AppRows,
    name: String,
    number: i64,
}

/// An app with its repository, agents whose instances are ready at once, and a worker started afresh.
pub(crate) struct One {
    pub(crate) repository: Repository,
    pub(crate) agents: Vec<AgentHandle>,
    pub(crate) worker: Worker,
}

impl One {
    pub(crate) async fn connect(stack: &Stack, peers: &Peers) -> Result<Self> {
        let app = app(stack, None).await?;
        let repository = Repository::connect(stack, peers, app).await?;
        let at_once = Behaviour::ready_after(Duration::ZERO);
        Ok(Self {
            agents: agents(&stack.db, &repository.app, &at_once),
            worker: peers.worker(stack).await?,
            repository,
        })
    }
}

/// A push on its way.
pub(crate) struct Pushed {
    /// Microseconds since 1970, before it was sent.
    pub(crate) at: i64,
    /// The invocation that handles it.
    pub(crate) invocation: String,
}

impl Repository {
    /// Connects an app with a repository of its own.
    pub(crate) async fn connect(stack: &Stack, peers: &Peers, app: AppRows) -> Result<Self> {
        let name = format!("acme/{}", app.project_slug);
        // A number nobody else has here, whatever was measured before.
        let number = 1 + i64::from(number_of(&name));
        peers.github.add_repository(&name, false);
        intent::connect_repository(&stack.db, &app, INSTALLATION, number, &name).await?;
        Ok(Self { app, name, number })
    }

    /// `count` of them in the workspace of the first, each in a project of its own, in the same regions.
    pub(crate) async fn connect_many(
        stack: &Stack,
        peers: &Peers,
        first: AppRows,
        count: usize,
    ) -> Result<Vec<Self>> {
        let mut all = Vec::new();
        for number in 1..count {
            let slug = format!("{}-{number}", first.project_slug);
            let project = NewProject {
                workspace_id: first.workspace_id.clone(),
                name: "Bench".to_owned(),
                slug,
            };
            let new = NewApp {
                workspace_id: first.workspace_id.clone(),
                project_id: intent::create_project(&stack.db, &project).await?,
                name: "Bench".to_owned(),
                slug: "default".to_owned(),
                default_branch: "main".to_owned(),
                runtime: Runtime::default(),
            };
            let mut app = intent::create_app(&stack.db, &new).await?;
            for region in &first.regions {
                intent::allow_region(&stack.db, &app, region, None).await?;
                app.regions.push(region.clone());
            }
            all.push(Self::connect(stack, peers, app).await?);
        }
        all.push(Self::connect(stack, peers, first).await?);
        Ok(all)
    }

    /// A source as Deploy takes it.
    pub(crate) fn source(&self, commit: usize) -> Value {
        json!({ "installationId": INSTALLATION.to_string(), "repository": self.name, "commitSha": sha(commit) })
    }

    /// Hands a push over as the control API does: one-way. `before` is the branch's commit before it, `delivery` GitHub's id.
    pub(crate) async fn push(
        &self,
        stack: &Stack,
        branch: &str,
        before: Option<usize>,
        commit: usize,
        delivery: &str,
    ) -> Result<Pushed> {
        let body = json!({
            "installationId": INSTALLATION.to_string(),
            "repositoryId": self.number.to_string(),
            "repositoryFullName": self.name,
            "branch": branch,
            "before": before.map_or_else(|| "0".repeat(40), sha),
            "after": sha(commit),
            "commitMessage": "Fix the cart",
            "commitAuthorHandle": "octo",
            "commitTimestamp": mysql::now_ms().to_string(),
            "deliveryId": delivery,
            "changedFiles": ["src/cart.rs"],
            "senderLogin": "octo",
        });
        let key = format!("{INSTALLATION}:{}", self.number);
        let at = now_micros()?;
        let sent = stack
            .ingress
            .send(WEBHOOK, key.as_str(), "HandlePush", &body, None);
        Ok(Pushed {
            at,
            invocation: sent.await?,
        })
    }
}

/// The hash of a made-up commit. All zeros would be none.
pub(crate) fn sha(commit: usize) -> String {
    format!("{:040x}", commit + 1)
}

fn now_micros() -> Result<i64> {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
    Ok(i64::try_from(since.as_micros())?)
}

/// A small number from a name: FNV-1a.
fn number_of(name: &str) -> u32 {
    let step = |hash: u32, byte: u8| (hash ^ u32::from(byte)).wrapping_mul(16_777_619);
    name.bytes().fold(2_166_136_261, step)
}
