//! Faults at a named step, for tests: an error before the effect, an answer lost after it, a delay.
//!
//! Exists only with the feature `faults`, which a release build refuses. Not for faults of the connection to Restate
//! (see crate `faults`), and not reachable from any configuration: whoever links the feature in gives the rules, in
//! process by [`add`], or through the loopback listener of [`listen_from_env`].

mod control;

use crate::codes;
use crate::error::Stop;
use std::future::Future;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

pub use control::{VARIABLE, listen_from_env};

#[cfg(not(debug_assertions))]
compile_error!(
    "the feature `faults` of crate `durable` is for debug builds only: a release must not carry it"
);

/// Text of every injected terminal error.
pub const INJECTED: &str = "injected fault";

/// What happens at the step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// An error worth another try, before the effect.
    Transient,
    /// A terminal error, before the effect.
    Terminal,
    /// The body runs; its answer is thrown away and the step is tried again.
    Lost,
    /// The body runs this much later.
    Delay(Duration),
}

/// Where and how often.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Name of the step.
    pub step: String,
    /// Only in invocations with this id or on this object key; any when absent.
    pub of: Option<String>,
    /// What happens.
    pub kind: Kind,
    /// How often it happens; then the rule is used up.
    pub times: u32,
}

/// A fault that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    /// Name of the step.
    pub step: String,
    /// The invocation.
    pub invocation: String,
    /// Its object key.
    pub key: String,
}

#[derive(Default)]
struct Registry {
    rules: Vec<Rule>,
    hits: Vec<Hit>,
}

static REGISTRY: Mutex<Registry> = Mutex::new(Registry {
    rules: Vec::new(),
    hits: Vec::new(),
});

tokio::task_local! {
    /// Invocation id and object key of the handler this task polls.
    static CURRENT: (String, String);
}

/// Puts a rule in force.
pub fn add(rule: Rule) {
    registry().rules.push(rule);
}

/// Withdraws every rule and forgets every hit.
pub fn clear() {
    *registry() = Registry::default();
}

/// What happened since the last [`clear`], in order.
pub fn hits() -> Vec<Hit> {
    registry().hits.clone()
}

/// Runs a handler's body so that its steps know whose they are.
pub(crate) async fn within<F: Future>(invocation: &str, key: &str, body: F) -> F::Output {
    CURRENT
        .scope((invocation.to_owned(), key.to_owned()), body)
        .await
}

/// Runs a step's body, or what a rule makes of it.
pub(crate) async fn around<T, F>(step: &str, body: F) -> Result<T, Stop>
where
    F: Future<Output = Result<T, Stop>>,
{
    match claim(step) {
        None => body.await,
        Some(Kind::Transient) => Err(Stop::retry(format!("{INJECTED}: {step} fails for now"))),
        Some(Kind::Terminal) => Err(Stop::fault(
            codes::RETRIES_EXHAUSTED,
            format!("{INJECTED}: {step} fails for good"),
        )),
        Some(Kind::Lost) => {
            let _lost = body.await?;
            Err(Stop::retry(format!(
                "{INJECTED}: the answer of {step} is lost"
            )))
        }
        Some(Kind::Delay(delay)) => {
            tokio::time::sleep(delay).await;
            body.await
        }
    }
}

fn claim(step: &str) -> Option<Kind> {
    let (invocation, key) = CURRENT.try_with(Clone::clone).unwrap_or_default();
    let mut registry = registry();
    let rule = registry.rules.iter_mut().find(|r| {
        r.times > 0
            && r.step == step
            && r.of
                .as_ref()
                .is_none_or(|of| *of == invocation || *of == key)
    })?;
    rule.times -= 1;
    let kind = rule.kind;
    registry.hits.push(Hit {
        step: step.to_owned(),
        invocation,
        key,
    });
    Some(kind)
}

fn registry() -> MutexGuard<'static, Registry> {
    REGISTRY.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
