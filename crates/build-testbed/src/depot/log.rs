//! What a Depot has seen, and what a test says beforehand.
//!
//! Not for acting on it: `calls`.

use std::collections::{BTreeMap, VecDeque};

use super::machine::Machine;

/// A project that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Project {
    /// As Depot calls it.
    pub id: String,
    /// As its maker calls it.
    pub name: String,
    /// Where it builds.
    pub region: String,
    /// Its cache's size.
    pub keep_gb: i32,
    /// Its cache's life.
    pub keep_days: i32,
}

/// How a build was said to have ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finish {
    /// Well.
    Success,
    /// Not well, and why.
    Failed(String),
    /// It was stopped.
    Canceled,
}

/// A build as a test sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildSeen {
    /// Its id.
    pub id: String,
    /// Its project's id.
    pub project: String,
    /// Which platform was asked for last: 1 is amd64, 2 is arm64, 0 none yet.
    pub platform: i32,
    /// How often its machine was asked for.
    pub polls: usize,
    /// Machines started for it: one, unless one was lost.
    pub machines: usize,
    /// Connections with a good certificate to its present machine.
    pub connections: usize,
    /// Reports that its builder lives.
    pub health_reports: usize,
    /// Every end that was reported: one, if all is well.
    pub finishes: Vec<Finish>,
}

/// Instead of what would be answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// Nothing is done; a code of Connect's (`unavailable`, `resource_exhausted`, …), a text, seconds to wait.
    Refuse {
        /// Connect's code.
        code: &'static str,
        /// What it says.
        message: String,
        /// `retry-after`.
        retry_after: Option<u64>,
    },
    /// It is done, and the connection breaks before the answer.
    DoneThenGone,
    /// Nothing is done and nothing is ever answered.
    Silence,
}

#[derive(Debug)]
pub(crate) struct Build {
    pub(crate) id: String,
    pub(crate) token: String,
    pub(crate) project: String,
    pub(crate) platform: i32,
    pub(crate) pending: usize,
    pub(crate) polls: usize,
    pub(crate) machines: usize,
    pub(crate) machine: Option<Machine>,
    pub(crate) health_reports: usize,
    pub(crate) finishes: Vec<Finish>,
}

impl Build {
    pub(crate) fn new(id: &str, project: &str) -> Self {
        Self {
            id: id.to_owned(),
            token: String::new(),
            project: project.to_owned(),
            platform: 0,
            pending: 0,
            polls: 0,
            machines: 0,
            machine: None,
            health_reports: 0,
            finishes: Vec::new(),
        }
    }

    pub(crate) fn seen(&self) -> BuildSeen {
        BuildSeen {
            id: self.id.clone(),
            project: self.project.clone(),
            platform: self.platform,
            polls: self.polls,
            machines: self.machines,
            connections: self.machine.as_ref().map_or(0, Machine::connections),
            health_reports: self.health_reports,
            finishes: self.finishes.clone(),
        }
    }
}

#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) projects: Vec<Project>,
    pub(crate) builds: Vec<Build>,
    /// `package.Service/Method`, in order.
    pub(crate) calls: Vec<String>,
    pub(crate) troubles: BTreeMap<String, VecDeque<Trouble>>,
    /// How often the machine of a new build is not there yet.
    pub(crate) pending: usize,
    drawn: usize,
}

impl State {
    /// An id that no other Depot of this machine has drawn.
    pub(crate) fn draw(&mut self, kind: &str) -> String {
        self.drawn += 1;
        let random: u32 = rand::random();
        format!("{kind}{random:08x}{}", self.drawn)
    }

    pub(crate) fn trouble(&mut self, method: &str) -> Option<Trouble> {
        self.troubles.get_mut(method)?.pop_front()
    }
}
