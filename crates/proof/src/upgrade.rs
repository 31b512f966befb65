//! The upgrade, rehearsed: a worker of one build is stopped in the middle of every story, a worker of another build is
//! registered at an address of its own, and what was in flight ends where it is told.
//!
//! Not for a journal that does not fit: the tests of this crate show that with services of their own.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use faults::StreamProxy;
use serde::Serialize;
use serde_json::json;

use crate::journal::by_story;
use crate::judge::judge;
use crate::lane::{VERSIONING, patience};
use crate::play::{Played, play};
use crate::runner::{Options, lock, plain};
use crate::scene::Request;
use crate::worker_process::WorkerProcess;
use crate::{Fault, Lane, Point, Story};

/// Where work ends that was in flight when the worker was replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ends {
    /// At the build it began with, which is brought back.
    Old,
    /// At the new one, to which it is moved; the journals must be the same.
    New,
}

impl fmt::Display for Ends {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Old => "old",
            Self::New => "new",
        })
    }
}

/// What to rehearse.
#[derive(Debug, Clone)]
pub struct UpgradeOptions {
    /// `old worker <config>` is the worker that is stopped.
    pub old: PathBuf,
    /// The same for the one that takes its place.
    pub new: PathBuf,
    /// Number of lanes.
    pub lanes: usize,
    /// Whether each play is told of on standard error.
    pub verbose: bool,
}

/// What came of one story.
#[derive(Debug, Clone, Serialize)]
pub struct Rehearsal {
    /// Name of the story.
    pub story: String,
    /// Where the worker was stopped; none where the handler has a single command, before which nothing has begun.
    pub stopped_at: Option<String>,
    /// By where the work ended: nothing, or what was not as it must be.
    pub ended: BTreeMap<String, Result<(), String>>,
    /// Whether the new build journals this story's handler as the old one does.
    pub same_journal: bool,
}

impl Rehearsal {
    /// Whether everything was as it must be.
    pub fn passed(&self) -> bool {
        let tried = !self.ended.is_empty() || self.stopped_at.is_none();
        tried && self.ended.values().all(Result::is_ok)
    }
}

/// The worker of the other build, in one lane.
#[derive(Default)]
pub(crate) struct Upgrade {
    program: Mutex<Option<PathBuf>>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Deployment of the build that is stopped.
    old: String,
    new: Option<Successor>,
    broken: Option<String>,
}

struct Successor {
    deployment: String,
    _proxy: StreamProxy,
    _worker: WorkerProcess,
}

/// Plays every story with its worker replaced in the middle: the work ends at the old build, and, where the journals are
/// the same, once more at the new one.
///
/// # Errors
/// A lane did not start, or a story does not even end as it must without an upgrade.
pub async fn rehearse(
    stories: &[Story],
    options: &UpgradeOptions,
) -> Result<Vec<Rehearsal>, String> {
    let of = |program: &PathBuf| Options {
        ready_timeout: READY_TIMEOUT,
        verbose: options.verbose,
        ..Options::plain(program.clone(), options.lanes)
    };
    let new = if options.new == options.old {
        None
    } else {
        Some(by_story(stories, &of(&options.new)).await?)
    };
    let (lanes, board) = plain(stories, &of(&options.old)).await?;
    let dry = lock(&board).dry.clone();
    let mut jobs = VecDeque::new();
    let mut found = Vec::new();
    for (index, (story, dry)) in stories.iter().zip(&dry).enumerate() {
        let dry = dry
            .as_ref()
            .ok_or_else(|| format!("{} does not pass without an upgrade", story.name))?;
        let point = middle(story, dry);
        let same_journal = new
            .as_ref()
            .is_none_or(|new| new.get(story.name) == Some(&dry.journal));
        found.push(Rehearsal {
            story: story.name.to_owned(),
            stopped_at: point.as_ref().map(ToString::to_string),
            ended: BTreeMap::new(),
            same_journal,
        });
        let Some(point) = point else { continue };
        jobs.push_back((index, point.clone(), Ends::Old));
        if same_journal {
            jobs.push_back((index, point, Ends::New));
        }
    }
    let (jobs, found) = (Mutex::new(jobs), Mutex::new(found));
    let work = lanes.iter().map(|lane| async {
        lane.upgrade.set_program(&options.new);
        loop {
            let Some((index, point, ends)) = lock(&jobs).pop_front() else {
                return;
            };
            let (story, began) = (&stories[index], Instant::now());
            let ended = one(lane, story, dry[index].as_deref(), (point, ends)).await;
            if options.verbose {
                let word = ended
                    .as_ref()
                    .map_or_else(|e| format!("BROKEN {e}"), |()| "whole".to_owned());
                eprintln!(
                    "{:24} ended at the {ends} build: {word}, {:.2} s",
                    story.name,
                    began.elapsed().as_secs_f32()
                );
            }
            lock(&found)[index].ended.insert(ends.to_string(), ended);
        }
    });
    futures::future::join_all(work).await;
    Ok(found.into_inner().unwrap_or_else(PoisonError::into_inner))
}

/// The command in the middle of the covered handler. Before its first one an invocation belongs to no build yet.
fn middle(story: &Story, dry: &Played) -> Option<Point> {
    let own = |p: &&Point| {
        p.kind.is_command() && p.service == story.service && p.handler == story.handler
    };
    let commands: Vec<&Point> = dry.points.iter().filter(own).collect();
    let middle = commands.get(commands.len() / 2).copied();
    middle.filter(|p| p.index > 1).cloned()
}

/// A wait goes on over the change of workers, which is the start of two of them on a machine that may be busy.
const READY_TIMEOUT: Duration = Duration::from_secs(20);

/// How often a play is begun in which the worker was not stopped at its place.
const TRIES: usize = 3;

async fn one(
    lane: &Arc<Lane>,
    story: &Story,
    dry: Option<&Played>,
    (point, ends): (Point, Ends),
) -> Result<(), String> {
    let fault = Fault::Upgrade(point, ends);
    for _ in 0..TRIES {
        lane.begin_with_old().await?;
        let played = play(lane, story, &fault).await;
        let after = lane.ended(ends).await;
        lane.retire().await?;
        let played = match played {
            Ok(played) => played,
            Err(error) => {
                lane.sweep().await;
                return Err(error);
            }
        };
        if !played.happened && played.broken.is_none() {
            continue;
        }
        judge(story, &fault, dry, &played)?;
        return after;
    }
    Err("the worker was not stopped at its place".to_owned())
}

impl Upgrade {
    fn set_program(&self, program: &Path) {
        *lock(&self.program) = Some(program.to_owned());
    }
}

impl Lane {
    /// Restate sends new work to the old build.
    async fn begin_with_old(&self) -> Result<(), String> {
        self.revive()?;
        let registered = self.admin().register(&self.proxy.url(), true).await;
        let registered = registered.map_err(|e| e.to_string())?;
        let old = registered.id;
        self.serves_new_work(&old).await?;
        *lock(&self.upgrade.state) = State {
            old,
            ..State::default()
        };
        Ok(())
    }

    /// The old build has just been stopped: the new one is registered, and what is in flight ends at one of them.
    pub(crate) async fn succeed(&self, ends: Ends) {
        let done = match self.replace().await {
            Ok(old) => match ends {
                Ends::Old => self.revive().map(drop),
                Ends::New => self.move_from(&old).await,
            },
            Err(error) => Err(error),
        };
        if let Err(error) = done {
            lock(&self.upgrade.state).broken = Some(error);
            // so that the play comes to its end
            let _revived = self.revive();
        }
    }

    /// Starts and registers the new build; gives the deployment of the old one.
    async fn replace(&self) -> Result<String, String> {
        let program = lock(&self.upgrade.program).clone();
        let program = program.ok_or("no other build is known")?;
        let worker = WorkerProcess::start(&program, &self.configuration());
        let worker = worker.map_err(|e| e.to_string())?;
        let proxy = StreamProxy::start(worker.address).await;
        let proxy = proxy.map_err(|e| e.to_string())?;
        let registered = self.admin().register(&proxy.url(), false).await;
        let deployment = registered.map_err(|e| e.to_string())?.id;
        let old = {
            // kept whatever follows: calls come to it from now on
            let mut state = lock(&self.upgrade.state);
            state.new = Some(Successor {
                deployment: deployment.clone(),
                _proxy: proxy,
                _worker: worker,
            });
            state.old.clone()
        };
        if self.unfinished(&old).await?.is_empty() {
            return Err("nothing of the old build's was in flight".to_owned());
        }
        self.serves_new_work(&deployment).await?;
        Ok(old)
    }

    /// A call that is made now comes to this deployment.
    async fn serves_new_work(&self, deployment: &str) -> Result<(), String> {
        let key = format!("probe-{}", ids::dns_label(12));
        self.call(&Request {
            service: VERSIONING,
            key: key.clone(),
            handler: "GetVersion",
            body: json!({}),
        })
        .await;
        let sql = format!(
            "SELECT pinned_deployment_id AS d FROM sys_invocation WHERE target_service_name = '{VERSIONING}' AND target_service_key = '{key}'"
        );
        let rows = self.admin().query(&sql).await.map_err(|e| e.to_string())?;
        let served = rows.first().and_then(|r| r["d"].as_str());
        if served == Some(deployment) {
            Ok(())
        } else {
            Err(format!("new work goes to {served:?}, not to {deployment}"))
        }
    }

    /// Moves everything that began at a deployment to the latest: what runs or backs off is paused first. Each is asked to
    /// pause once: the second of two requests may come when it has been moved already, and nobody resumes it there.
    async fn move_from(&self, old: &str) -> Result<(), String> {
        let until = Instant::now() + patience();
        let admin = self.admin();
        let mut asked = BTreeSet::new();
        loop {
            let left = self.unfinished(old).await?;
            if left.is_empty() {
                return Ok(());
            }
            if Instant::now() > until {
                return Err(format!("not moved: {left:?}"));
            }
            for (id, status) in left {
                // one that has changed meanwhile is looked at again
                match (status.as_str(), asked.contains(&id)) {
                    ("paused", _) | ("suspended", false) => {
                        let _resumed = admin.resume_on(&id, "latest").await;
                    }
                    (_, true) => {}
                    (_, false) => {
                        if admin.pause(&id).await.is_ok() {
                            asked.insert(id);
                        }
                    }
                }
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Id and status of what began at this deployment and has not ended: empty when it is drained.
    async fn unfinished(&self, deployment: &str) -> Result<Vec<(String, String)>, String> {
        let sql = format!(
            "SELECT id, status FROM sys_invocation WHERE pinned_deployment_id = '{deployment}' AND status <> 'completed'"
        );
        let rows = self.admin().query(&sql).await.map_err(|e| e.to_string())?;
        let text = |row: &serde_json::Value, column: &str| {
            row[column].as_str().unwrap_or_default().to_owned()
        };
        Ok(rows
            .iter()
            .map(|r| (text(r, "id"), text(r, "status")))
            .collect())
    }

    /// After the play: the old build is drained, and its work ended where it was to.
    async fn ended(&self, ends: Ends) -> Result<(), String> {
        let (old, new, broken) = {
            let state = lock(&self.upgrade.state);
            let new = state.new.as_ref().map(|s| s.deployment.clone());
            (state.old.clone(), new, state.broken.clone())
        };
        if let Some(broken) = broken {
            return Err(broken);
        }
        let new = new.ok_or("the new build was never started")?;
        let left = self.unfinished(&old).await?;
        if !left.is_empty() {
            return Err(format!("the old build is not drained: {left:?}"));
        }
        let sql = format!(
            "SELECT pinned_deployment_id AS d FROM sys_invocation WHERE id = {}",
            restate_api::quoted(&lock(&self.struck).clone())
        );
        let rows = self.admin().query(&sql).await.map_err(|e| e.to_string())?;
        let at = rows.first().and_then(|r| r["d"].as_str());
        let wanted = match ends {
            Ends::Old => &old,
            Ends::New => &new,
        };
        if at == Some(wanted) {
            Ok(())
        } else {
            Err(format!(
                "it ended at {at:?}, not at the {ends} build, {wanted}"
            ))
        }
    }

    /// New work goes to the old build again; the new one is drained and goes.
    async fn retire(&self) -> Result<(), String> {
        self.revive()?;
        let admin = self.admin();
        let registered = admin.register(&self.proxy.url(), true).await;
        registered.map_err(|e| e.to_string())?;
        let new = lock(&self.upgrade.state).new.take();
        let Some(new) = new else { return Ok(()) };
        let until = Instant::now() + patience();
        // what the workers send of their own accord may have begun there
        while !self.unfinished(&new.deployment).await?.is_empty() {
            if Instant::now() > until {
                return Err("the new build is not drained".to_owned());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let removed = admin.remove_deployment(&new.deployment).await;
        removed.map_err(|e| e.to_string())
    }
}
