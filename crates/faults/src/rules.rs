//! Where a stream is to be cut, what happens then, and the proof that it did.
//!
//! Not for cutting: see `stream`.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::future::BoxFuture;
use tokio::sync::watch;

use crate::message::{Kind, Seen};

/// What is done when a rule matches.
type Action = Arc<dyn Fn(Seen) -> BoxFuture<'static, ()> + Send + Sync>;

#[derive(Debug, Clone)]
enum At {
    Command(usize),
    RunResult(String),
}

/// A rule: the message that is not to reach the server. Both streams of the attempt are reset instead of passing it.
#[derive(Clone)]
#[must_use]
pub struct Cut {
    service: String,
    handler: String,
    at: At,
    invocation: Option<String>,
    key: Option<String>,
    times: usize,
    action: Option<Action>,
}

impl Cut {
    /// At the command with this journal index (see [`Seen::index`]), when the worker sends it for the first time or
    /// again because the server does not have it.
    pub fn command(service: &str, handler: &str, index: usize) -> Self {
        Self::new(service, handler, At::Command(index))
    }

    /// At the result of the run step with this name: its effect has happened, the answer is lost.
    pub fn run_result(service: &str, handler: &str, step: &str) -> Self {
        Self::new(service, handler, At::RunResult(step.to_owned()))
    }

    fn new(service: &str, handler: &str, at: At) -> Self {
        Self {
            service: service.to_owned(),
            handler: handler.to_owned(),
            at,
            invocation: None,
            key: None,
            times: 1,
            action: None,
        }
    }

    /// Only in the invocation with this id.
    pub fn of_invocation(mut self, id: &str) -> Self {
        self.invocation = Some(id.to_owned());
        self
    }

    /// Only in invocations on this object key.
    pub fn of_key(mut self, key: &str) -> Self {
        self.key = Some(key.to_owned());
        self
    }

    /// So many times instead of once; then the rule is used up.
    pub fn times(mut self, times: usize) -> Self {
        self.times = times;
        self
    }

    /// Done after the message was held back and before the streams are reset: kill the worker, look at the database.
    pub fn doing<F, Fut>(mut self, action: F) -> Self
    where
        F: Fn(Seen) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        self.action = Some(Arc::new(move |at| Box::pin(action(at))));
        self
    }

    fn matches(&self, seen: &Seen) -> bool {
        let at = match &self.at {
            At::Command(index) => seen.kind.is_command() && seen.index == Some(*index),
            At::RunResult(step) => seen.kind == Kind::RUN_RESULT && seen.name == *step,
        };
        at && self.service == seen.service
            && self.handler == seen.handler
            && self
                .invocation
                .as_ref()
                .is_none_or(|id| *id == seen.invocation)
            && self.key.as_ref().is_none_or(|key| *key == seen.key)
    }
}

impl fmt::Debug for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "cut {}/{} at {:?}, {} times",
            self.service, self.handler, self.at, self.times
        )
    }
}

/// The rule in force; dropping it withdraws the rule.
#[derive(Debug)]
#[must_use]
pub struct CutHandle {
    number: u64,
    times: usize,
    rules: Arc<Rules>,
    done: watch::Receiver<Vec<Seen>>,
}

impl CutHandle {
    /// The messages that were held back so far, in order; empty when the rule never matched.
    pub fn happened(&self) -> Vec<Seen> {
        self.done.borrow().clone()
    }

    /// Waits until the rule is used up; gives the last message that was held back. None if that does not come to pass
    /// in time.
    pub async fn wait(&self, within: Duration) -> Option<Seen> {
        let mut done = self.done.clone();
        let used_up = done.wait_for(|seen| seen.len() >= self.times);
        let seen = tokio::time::timeout(within, used_up).await.ok()?.ok()?;
        seen.last().cloned()
    }
}

impl Drop for CutHandle {
    fn drop(&mut self) {
        self.rules.withdraw(self.number);
    }
}

#[derive(Debug)]
struct Rule {
    number: u64,
    cut: Cut,
    /// Matches that are to come.
    left: usize,
    done: watch::Sender<Vec<Seen>>,
}

/// A match: carried out by the stream that found it.
pub(crate) struct Matched {
    action: Option<Action>,
    done: watch::Sender<Vec<Seen>>,
}

impl Matched {
    pub(crate) async fn act(&self, seen: &Seen) {
        if let Some(action) = &self.action {
            action(seen.clone()).await;
        }
    }

    /// Tells the handle that the streams are gone.
    pub(crate) fn tell(self, seen: Seen) {
        self.done.send_modify(|all| all.push(seen));
    }
}

/// All rules of a proxy, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Rules {
    rules: Mutex<(u64, Vec<Rule>)>,
}

impl Rules {
    pub(crate) fn add(self: &Arc<Self>, cut: Cut) -> CutHandle {
        let (sender, done) = watch::channel(Vec::new());
        let mut rules = self.lock();
        rules.0 += 1;
        let number = rules.0;
        let times = cut.times;
        rules.1.push(Rule {
            number,
            cut,
            left: times,
            done: sender,
        });
        CutHandle {
            number,
            times,
            rules: Arc::clone(self),
            done,
        }
    }

    /// Claims the first rule that wants this message cut.
    pub(crate) fn claim(&self, seen: &Seen) -> Option<Matched> {
        let mut rules = self.lock();
        let rule = rules
            .1
            .iter_mut()
            .find(|r| r.left > 0 && r.cut.matches(seen))?;
        rule.left -= 1;
        Some(Matched {
            action: rule.cut.action.clone(),
            done: rule.done.clone(),
        })
    }

    fn withdraw(&self, number: u64) {
        self.lock().1.retain(|r| r.number != number);
    }

    fn lock(&self) -> MutexGuard<'_, (u64, Vec<Rule>)> {
        self.rules.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
