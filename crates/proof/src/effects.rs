//! What outside systems were told in a play, and the named list of effects that may be seen once more.
//!
//! Not for the outside systems themselves: see `outside` and `driver`.

use std::collections::BTreeMap;
use std::sync::{LazyLock, Mutex, PoisonError};

use crate::{Fault, Form, Story};

/// What was told, by the name it is about, in order.
static TOLD: LazyLock<Mutex<BTreeMap<String, Vec<String>>>> = LazyLock::new(Mutex::default);

/// Notes an effect. `about` is a name of the scene (a deployment, a host name, a workspace); `what` says the same
/// words for the same effect, and begins with those of [`Keyless`] where it is on the list.
pub(crate) fn tell(about: &str, what: String) {
    let mut told = TOLD.lock().unwrap_or_else(PoisonError::into_inner);
    told.entry(about.to_owned()).or_default().push(what);
}

/// What was told about a name.
pub(crate) fn told(about: &str) -> Vec<String> {
    let told = TOLD.lock().unwrap_or_else(PoisonError::into_inner);
    told.get(about).cloned().unwrap_or_default()
}

/// An effect whose outside has neither key nor look-up: it may be seen once more for an answer that was lost. Only the
/// list below makes one; it is the list of `docs/proof.md`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keyless(&'static str);

/// An order at the certificate authority.
pub const ACME_NEW_ORDER: Keyless = Keyless("acme newOrder");
/// A message to a Slack webhook.
pub const SLACK_WEBHOOK: Keyless = Keyless("slack webhook");
/// A build at Depot; the one whose answer was lost is never given a machine.
pub const DEPOT_CREATE_BUILD: Keyless = Keyless("depot CreateBuild");
/// The end of a build at Depot; only the same end may be told again.
pub const DEPOT_FINISH_BUILD: Keyless = Keyless("depot FinishBuild");
/// All of them.
pub const KEYLESS: [Keyless; 4] = [
    ACME_NEW_ORDER,
    SLACK_WEBHOOK,
    DEPOT_CREATE_BUILD,
    DEPOT_FINISH_BUILD,
];

impl Keyless {
    /// The words its line begins with.
    pub fn words(self) -> &'static str {
        self.0
    }
}

/// Which effects one play may show once more: those the story declares, where the fault loses an answer that may be
/// theirs. A step whose answer is lost by name is known; a crash or a cut loses whatever is on its way.
fn allowed(story: &Story, fault: &Fault) -> Vec<Keyless> {
    let of = |name: Option<&str>| {
        let declared = story.keyless.iter();
        let ours = declared.filter(|(_, step)| name.is_none_or(|name| name == *step));
        ours.map(|(effect, _)| *effect).collect()
    };
    match fault {
        // a cancellation cuts the stream too, so that it comes at its place
        Fault::Kill(_) | Fault::Cut(_) | Fault::Cancel(_) | Fault::Upgrade(..) => of(None),
        Fault::Lost(at) => of(Some(&at.name)),
        _ => Vec::new(),
    }
}

/// Takes the one allowed repetition out of the form. What is left must be there once.
///
/// # Errors
/// An effect that was seen twice and may not be.
pub(crate) fn once(story: &Story, fault: &Fault, form: &mut Form) -> Result<(), String> {
    let mut allowed = allowed(story, fault);
    let told = form.0.entry("told".to_owned()).or_default();
    let mut seen: Vec<String> = Vec::new();
    for line in std::mem::take(told) {
        if seen.contains(&line) {
            // a line is `<name> words…`
            let words = line.split_once(' ').map_or("", |(_, words)| words);
            if !allowed.iter().any(|e| words.starts_with(e.0)) {
                return Err(format!("an outside effect was seen twice: {line}"));
            }
            // one lost answer, one repetition, whichever effect it was
            allowed.clear();
        } else {
            seen.push(line);
        }
    }
    *told = seen;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Point;
    use faults::Kind;

    fn story() -> Story {
        let mut story = crate::stories().remove(0);
        story.keyless = &[(ACME_NEW_ORDER, "order"), (SLACK_WEBHOOK, "alert")];
        story
    }

    fn at(kind: Kind, name: &str) -> Point {
        Point {
            service: String::new(),
            handler: String::new(),
            key: String::new(),
            index: 1,
            kind,
            name: name.to_owned(),
        }
    }

    fn judge(fault: &Fault, lines: &[&str]) -> Result<usize, String> {
        let mut form = Form::default();
        let lines = lines.iter().map(|l| (*l).to_owned()).collect();
        form.0.insert("told".to_owned(), lines);
        once(&story(), fault, &mut form).map(|()| form.effects())
    }

    #[test]
    fn a_listed_effect_may_be_seen_once_more_where_its_answer_was_lost() {
        let order = "<host> acme newOrder for <host>";
        let slack = "<workspace> slack webhook";
        let lost = Fault::Lost(at(Kind::RUN_RESULT, "order"));
        assert_eq!(judge(&lost, &[order, order, slack]), Ok(2));
        assert!(judge(&lost, &[order, order, order]).is_err(), "only one");
        assert!(judge(&lost, &[slack, slack]).is_err(), "another step's");
        for fault in [Fault::Kill, Fault::Cut, Fault::Cancel] {
            let fault = fault(at(Kind::RUN, "order"));
            assert_eq!(judge(&fault, &[slack, slack]), Ok(1));
            assert!(judge(&fault, &[order, order, slack, slack]).is_err());
        }
    }

    #[test]
    fn nothing_is_allowed_without_a_lost_answer_or_off_the_list() {
        let order = "<host> acme newOrder for <host>";
        for fault in [
            Fault::None,
            Fault::Suspend(Vec::new()),
            Fault::Transient(at(Kind::RUN_RESULT, "order")),
            Fault::Terminal(at(Kind::RUN_RESULT, "order")),
        ] {
            assert!(judge(&fault, &[order, order]).is_err(), "{fault:?}");
        }
        let lost = Fault::Lost(at(Kind::RUN_RESULT, "order"));
        assert!(judge(&lost, &["<host> txt value", "<host> txt value"]).is_err());
    }
}
