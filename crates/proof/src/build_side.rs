//! The outside systems of builds from Git: a GitHub, and a Depot whose machines build nothing and answer at once.
//!
//! Not for what must be true of them: see `effects` for what was told twice, and `BuildSide::broken` for the rest.

use std::sync::{Mutex, PoisonError};

use build_testbed::{BuildSeen, DEPOT_TOKEN, DepotFake, Ending, Finish, Progress, Script};
use github_fake::{APP, Fake, keys};
use serde_json::Value;

use crate::effects::{DEPOT_CREATE_BUILD, DEPOT_FINISH_BUILD};

/// Number of the installation that scenes use.
pub(crate) const INSTALLATION: i64 = github_fake::INSTALLATION;
/// The repository of scenes.
pub(crate) const REPOSITORY: &str = github_fake::REPOSITORY;
/// Its number.
pub(crate) const REPOSITORY_ID: i64 = 7;
/// The commit that is everywhere in it.
pub(crate) const SHA: &str = "0123456789abcdef0123456789abcdef01234567";
/// First part of the names of projects at Depot; behind it follows our project.
const PREFIX: &str = "proof";

/// Both, once a lane.
pub(crate) struct BuildSide {
    /// Takes deployments, statuses and comments.
    pub(crate) github: Fake,
    /// Takes projects and builds.
    pub(crate) depot: DepotFake,
    /// How many of each there were when the play began.
    before: Mutex<Before>,
}

#[derive(Debug, Clone, Default)]
struct Before {
    deployments: usize,
    statuses: usize,
    comments: usize,
    projects: usize,
    builds: usize,
    /// Ends of each of the builds.
    finishes: Vec<usize>,
    solves: usize,
}

impl BuildSide {
    /// Starts them.
    ///
    /// # Errors
    /// What did not start, in words.
    pub(crate) async fn start() -> Result<Self, String> {
        let depot = DepotFake::instant().await.map_err(|e| e.to_string())?;
        Ok(Self {
            github: Fake::start(&keys().public).await,
            depot,
            before: Mutex::default(),
        })
    }

    /// The worker's configuration for them, as TOML tables.
    pub(crate) fn config(&self) -> String {
        let (github, depot) = (self.github.url(), self.depot.api_url());
        // A timer or a sweep that is not the story's own comes after every play.
        format!(
            r#"
[github]
app_id = {APP}
private_key_pem = '''
{}'''
api_url = "{github}"
[registry]
repository = "127.0.0.1:5000/apps"
username = "x-token"
password = "{DEPOT_TOKEN}"
[depot]
api_url = "{depot}"
build_url = "{depot}"
project_prefix = "{PREFIX}"
[test_timings.build]
look_every = "50ms"
close_after = "4s"
sweep_every = "500ms"
[test_timings.slots]
settle = "1ms"
[test_timings.statuses]
patience = "2s"
settle_after = "1h"
"#,
            keys().pkcs8
        )
    }

    /// What happens in the solves of a deployment.
    pub(crate) fn script(&self, deployment: &str, ending: Ending, hold: bool) {
        let script = Script {
            ending,
            hold,
            ..Script::default()
        };
        self.depot.buildkit().script(deployment, script);
    }

    /// Builds in this project of ours since the play began.
    pub(crate) fn builds_of(&self, project: &str) -> Vec<BuildSeen> {
        let all = self.depot.builds();
        let since = self.before().builds;
        let ours = |b: &BuildSeen| self.project_of(b) == project;
        all.into_iter().skip(since).filter(ours).collect()
    }

    /// Images that were made for this project of ours, each once.
    pub(crate) fn images_of(&self, project: &str) -> Vec<String> {
        let mut images = self.images();
        images.retain(|image| image.contains(project));
        images
    }

    /// Statuses of a deployment of ours at GitHub, in order.
    pub(crate) fn states_of(&self, deployment: &str) -> Vec<String> {
        let of = |(id, status): (String, Value)| {
            (self.deployment_of(&id) == deployment).then(|| words(&status["state"]))
        };
        self.github.statuses().into_iter().filter_map(of).collect()
    }

    /// Lines of the comments on a pull request, without the time of day at their ends.
    pub(crate) fn comments_on(&self, pull: &str) -> Vec<String> {
        let all = self.github.comments();
        let ours = all
            .iter()
            .filter(|c| c["pull"].as_i64().is_some_and(|n| n.to_string() == pull));
        let lines = ours.flat_map(|c| {
            let body = words(&c["body"]);
            let rows: Vec<String> = body
                .lines()
                .filter(|l| l.contains("<!-- row:"))
                .map(|l| l.rsplitn(3, '|').nth(2).unwrap_or(l).trim().to_owned())
                .collect();
            rows
        });
        lines.collect()
    }

    /// What must never be, whatever happened: a build with a machine and without an end, or with two different ones.
    pub(crate) fn broken(&self) -> Vec<String> {
        let since = self.before().builds;
        let mut broken = Vec::new();
        for build in self.depot.builds().into_iter().skip(since) {
            let id = self.project_of(&build);
            if build.polls > 0 && build.finishes.is_empty() {
                broken.push(format!("a build of {id} is open at Depot"));
            }
            if build.finishes.windows(2).any(|w| w[0] != w[1]) {
                let ends = &build.finishes;
                broken.push(format!("a build of {id} ended in two ways: {ends:?}"));
            }
        }
        broken
    }

    /// Effects since the play began. A line begins with a name of ours, which the scene replaces.
    pub(crate) fn told(&self) -> Vec<String> {
        let before = self.before();
        let mut lines = Vec::new();
        for made in self.github.deployments().iter().skip(before.deployments) {
            let ours = words(&made["payload"]["deployment"]);
            lines.push(format!("{ours} github deployment {}", made["environment"]));
        }
        for (of, status) in self.github.statuses().into_iter().skip(before.statuses) {
            let said = words(&status["description"]);
            let state = words(&status["state"]);
            lines.push(format!(
                "{} github status {state} {said}",
                self.deployment_of(&of)
            ));
        }
        for made in self.github.comments().iter().skip(before.comments) {
            lines.push(format!("{REPOSITORY}#{} github comment", made["pull"]));
        }
        for project in self.depot.projects().iter().skip(before.projects) {
            let ours = ours(&project.name);
            lines.push(format!("{ours} depot CreateProject"));
        }
        for (at, build) in self.depot.builds().into_iter().enumerate() {
            let ours = self.project_of(&build);
            if at >= before.builds {
                lines.push(format!("{ours} {}", DEPOT_CREATE_BUILD.words()));
            }
            let known = before.finishes.get(at).copied().unwrap_or(0);
            for finish in build.finishes.iter().skip(known) {
                let end = match finish {
                    Finish::Success => "success",
                    Finish::Failed(_) => "failed",
                    Finish::Canceled => "canceled",
                };
                lines.push(format!("{ours} {} {end}", DEPOT_FINISH_BUILD.words()));
            }
        }
        // pushing the same image again is no other effect
        let images = self.images().into_iter();
        lines.extend(images.map(|image| format!("<outside> image {image}")));
        lines
    }

    /// A play begins: what was told before is another one's.
    pub(crate) fn forget(&self) {
        let builds = self.depot.builds();
        *self.before.lock().unwrap_or_else(PoisonError::into_inner) = Before {
            finishes: builds.iter().map(|b| b.finishes.len()).collect(),
            builds: builds.len(),
            deployments: self.github.deployments().len(),
            statuses: self.github.statuses().len(),
            comments: self.github.comments().len(),
            projects: self.depot.projects().len(),
            solves: self.depot.buildkit().solves().len(),
        };
    }

    fn before(&self) -> Before {
        let before = self.before.lock().unwrap_or_else(PoisonError::into_inner);
        before.clone()
    }

    fn images(&self) -> Vec<String> {
        let all = self.depot.buildkit().solves();
        let mut images: Vec<String> = all
            .iter()
            .skip(self.before().solves)
            .filter(|s| s.progress == Progress::Ended(Ending::Success))
            .map(|s| s.image().to_owned())
            .collect();
        images.sort();
        images.dedup();
        images
    }

    fn project_of(&self, build: &BuildSeen) -> String {
        let all = self.depot.projects();
        let project = all.iter().find(|p| p.id == build.project);
        project.map_or_else(String::new, |p| ours(&p.name).to_owned())
    }

    /// Our deployment behind a number at GitHub; a commit's hash stays as it is.
    fn deployment_of(&self, number: &str) -> String {
        let all = self.github.deployments();
        let made = all
            .iter()
            .find(|d| d["id"].as_i64().is_some_and(|n| n.to_string() == number));
        made.map_or_else(|| number.to_owned(), |d| words(&d["payload"]["deployment"]))
    }
}

fn ours(project: &str) -> &str {
    let behind = project.strip_prefix(PREFIX);
    behind.map_or(project, |p| p.trim_start_matches('-'))
}

fn words(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
