//! What differs between the services of two releases, and what each difference means for work that is in flight.
//!
//! An invocation stays on the revision it began on, with that revision's settings; whatever has not begun (calls that
//! queue, delayed sends, timers of objects that send to themselves) begins on the newest one. Every meaning below follows
//! from these two. Not for the order of journal commands, which a manifest does not show: docs/releases.md.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde_json::Value;

/// How much a difference asks of whoever releases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Weight {
    /// Nothing in flight notices.
    Safe,
    /// Nothing breaks by itself; somebody has to judge.
    Look,
    /// Restate refuses it, or work that has not begun is lost or stuck.
    Breaking,
}

/// One difference.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Difference {
    pub(crate) weight: Weight,
    /// Service, or service and handler.
    pub(crate) place: String,
    pub(crate) what: String,
    pub(crate) meaning: &'static str,
}

const SERVICE_ADDED: &str =
    "nothing in flight knows it; its first caller must be registered no earlier than it is";
const SERVICE_REMOVED: &str = "Restate refuses the registration unless it is marked as breaking; calls and delayed sends that have not begun \
     would find nobody: keep it for one release, answering, and remove it when none are left (`ctl doctor`, `sys_invocation`)";
const KIND_OF_SERVICE: &str = "Restate refuses the registration; the state of its keys belongs to the kind: give the new kind a new name";
const HANDLER_ADDED: &str = "safe: what is in flight does not call it";
const HANDLER_REMOVED: &str = "calls and delayed sends to it that have not begun would fail on the newest revision, and Restate refuses the \
     registration unless it is marked as breaking; a renamed handler is one removed and one added: keep the old name for one release";
const HANDLER_KIND: &str = "what runs ends as it began; between the revisions a key may have an exclusive and a shared invocation at a \
     time, so the handler must bear company until the old revision has drained";
const NOW_PRIVATE: &str = "callers from outside are refused from the registration on, also by a control API that still sends";
const NOW_PUBLIC: &str = "nothing in flight notices; anybody who reaches the ingress may call it from the registration on";
const RETRIES: &str = "invocations in flight keep the policy of the revision they began on; those that queue get the new one";
const ON_LAST_TRY: &str = "invocations in flight keep the old ending; pause needs a person for each, kill leaves undo to nobody";
const TIMEOUTS: &str = "invocations in flight keep the old timeouts; a shorter abort timeout must still be longer than the longest step";
const RETENTION: &str = "holds for invocations that begin after the registration; a shorter idempotency retention lets a late repeat of an \
     older request run again";
const LAZY_STATE: &str = "reads of state are journaled in another form: an invocation must not be resumed on a revision of the other kind";
const MESSAGES: &str = "delayed sends may be weeks old: the new revision must read what the old one sent, and old callers what it answers";
const PROTOCOL: &str =
    "the Restate cluster must speak it: docs/takeover.md names the oldest that does";
const WORDS: &str = "words only";
const UNKNOWN: &str = "nobody has said yet what this setting means: find out, and add it to xtask/src/release/manifest.rs";

/// All differences, by place.
pub(crate) fn differences(old: &Value, new: &Value) -> Vec<Difference> {
    let (before, after) = (by_name(&old["services"]), by_name(&new["services"]));
    let mut found = Vec::new();
    for field in ["minProtocolVersion", "maxProtocolVersion", "protocolMode"] {
        if old[field] != new[field] {
            let what = format!("{field} {} → {}", old[field], new[field]);
            found.push(Difference {
                weight: Weight::Look,
                place: "all services".to_owned(),
                what,
                meaning: PROTOCOL,
            });
        }
    }
    for name in names(&before, &after) {
        let mut add = |weight, what: &str, meaning| {
            found.push(Difference {
                weight,
                place: name.to_owned(),
                what: what.to_owned(),
                meaning,
            });
        };
        match (before.get(name), after.get(name)) {
            (None, _) => add(Weight::Safe, "service added", SERVICE_ADDED),
            (_, None) => add(Weight::Breaking, "service removed", SERVICE_REMOVED),
            (Some(old), Some(new)) => {
                settings(name, old, new, &mut found);
                handlers(name, old, new, &mut found);
            }
        }
    }
    found
}

fn handlers(service: &str, old: &Value, new: &Value, found: &mut Vec<Difference>) {
    let (before, after) = (by_name(&old["handlers"]), by_name(&new["handlers"]));
    for name in names(&before, &after) {
        let place = format!("{service}/{name}");
        let mut add = |weight, what: &str, meaning| {
            found.push(Difference {
                weight,
                place: place.clone(),
                what: what.to_owned(),
                meaning,
            });
        };
        match (before.get(name), after.get(name)) {
            (None, _) => add(Weight::Safe, "handler added", HANDLER_ADDED),
            (_, None) => add(
                Weight::Breaking,
                "handler removed or renamed",
                HANDLER_REMOVED,
            ),
            (Some(old), Some(new)) => settings(&place, old, new, found),
        }
    }
}

/// Everything else that is said of a service or a handler.
fn settings(place: &str, old: &Value, new: &Value, found: &mut Vec<Difference>) {
    let is_handler = place.contains('/');
    for field in names(&fields(old), &fields(new)) {
        if matches!(field, "name" | "handlers") || old[field] == new[field] {
            continue;
        }
        let (weight, meaning) = judge(field, &new[field], is_handler);
        let what = if meaning == WORDS {
            format!("{field} changed")
        } else {
            format!("{field} {} → {}", shown(&old[field]), shown(&new[field]))
        };
        found.push(Difference {
            weight,
            place: place.to_owned(),
            what,
            meaning,
        });
    }
}

fn judge(field: &str, new: &Value, is_handler: bool) -> (Weight, &'static str) {
    match field {
        "ty" if is_handler => (Weight::Look, HANDLER_KIND),
        "ty" => (Weight::Breaking, KIND_OF_SERVICE),
        "ingressPrivate" if new == true => (Weight::Look, NOW_PRIVATE),
        "ingressPrivate" => (Weight::Look, NOW_PUBLIC),
        "retryPolicyOnMaxAttempts" => (Weight::Look, ON_LAST_TRY),
        "inactivityTimeout" | "abortTimeout" => (Weight::Look, TIMEOUTS),
        "journalRetention" | "idempotencyRetention" | "workflowCompletionRetention" => {
            (Weight::Look, RETENTION)
        }
        "enableLazyState" => (Weight::Look, LAZY_STATE),
        "input" | "output" => (Weight::Look, MESSAGES),
        "documentation" | "metadata" => (Weight::Safe, WORDS),
        retry if retry.starts_with("retryPolicy") => (Weight::Safe, RETRIES),
        _ => (Weight::Look, UNKNOWN),
    }
}

/// The chapter of the release notes.
pub(crate) fn chapter(last: Option<&str>, differences: &[Difference]) -> String {
    let mut out = "## What it means for work in flight\n\n".to_owned();
    let Some(last) = last else {
        out.push_str("The first release: there is no earlier one to compare the services with.\n");
        return out;
    };
    let count = |weight| differences.iter().filter(|d| d.weight == weight).count();
    let _ = writeln!(
        out,
        "Services compared with {last}: {} differences, {} to judge, {} breaking. What has begun stays on the revision it \
         began on until it ends.",
        differences.len(),
        count(Weight::Look),
        count(Weight::Breaking)
    );
    if differences.is_empty() {
        return out;
    }
    out.push_str("\n| | where | what | work in flight |\n|---|---|---|---|\n");
    let mut sorted: Vec<&Difference> = differences.iter().collect();
    sorted.sort_by(|a, b| b.weight.cmp(&a.weight).then_with(|| a.place.cmp(&b.place)));
    for d in sorted {
        let word = match d.weight {
            Weight::Safe => "safe",
            Weight::Look => "judge",
            Weight::Breaking => "**breaking**",
        };
        let _ = writeln!(out, "| {word} | {} | {} | {} |", d.place, d.what, d.meaning);
    }
    out
}

fn by_name(list: &Value) -> BTreeMap<&str, &Value> {
    let list = list.as_array().map_or(&[][..], Vec::as_slice);
    list.iter()
        .filter_map(|v| Some((v["name"].as_str()?, v)))
        .collect()
}

fn fields(value: &Value) -> BTreeMap<&str, &Value> {
    value
        .as_object()
        .into_iter()
        .flatten()
        .map(|(k, v)| (k.as_str(), v))
        .collect()
}

fn names<'a>(a: &BTreeMap<&'a str, &Value>, b: &BTreeMap<&'a str, &Value>) -> BTreeSet<&'a str> {
    a.keys().chain(b.keys()).copied().collect()
}

/// What a manifest leaves out is the most usual.
fn shown(value: &Value) -> String {
    if value.is_null() {
        "not said".to_owned()
    } else {
        value.to_string().replace('|', "\\|")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn manifest() -> Value {
        json!({ "minProtocolVersion": 5, "services": [
            { "name": "a.A", "ty": "VIRTUAL_OBJECT", "abortTimeout": 60_000, "retryPolicyMaxAttempts": 70,
              "handlers": [{ "name": "Do", "ty": "SHARED" }, { "name": "Say" }] },
            { "name": "a.B", "ty": "SERVICE", "handlers": [{ "name": "Run" }] },
        ] })
    }

    /// The only difference after this change.
    fn after(change: impl FnOnce(&mut Value)) -> Difference {
        let mut new = manifest();
        change(&mut new);
        let mut found = differences(&manifest(), &new);
        assert_eq!(found.len(), 1, "{found:?}");
        found.remove(0)
    }

    #[test]
    fn nothing_changed_is_nothing_to_say() {
        assert_eq!(differences(&manifest(), &manifest()), []);
        assert!(chapter(Some("1.0.0"), &[]).contains("0 differences"));
        assert!(chapter(None, &[]).contains("first release"));
    }

    #[test]
    fn what_is_added_is_safe_and_what_goes_is_breaking() {
        let handler = after(|m| {
            m["services"][1]["handlers"]
                .as_array_mut()
                .expect("a list")
                .push(json!({ "name": "New" }))
        });
        assert_eq!(
            (handler.weight, handler.place.as_str(), handler.meaning),
            (Weight::Safe, "a.B/New", HANDLER_ADDED)
        );
        let gone = after(|m| {
            drop(
                m["services"][0]["handlers"]
                    .as_array_mut()
                    .expect("a list")
                    .pop(),
            )
        });
        assert_eq!(
            (gone.weight, gone.place.as_str()),
            (Weight::Breaking, "a.A/Say")
        );
        let gone = after(|m| drop(m["services"].as_array_mut().expect("a list").pop()));
        assert_eq!(
            (gone.weight, gone.what.as_str()),
            (Weight::Breaking, "service removed")
        );
        let added = differences(
            &json!({ "minProtocolVersion": 5, "services": [] }),
            &manifest(),
        );
        assert!(
            added
                .iter()
                .all(|d| d.weight == Weight::Safe && d.what == "service added")
        );
        assert_eq!(added.len(), 2);
    }

    #[test]
    fn a_renamed_handler_is_one_gone_and_one_new() {
        let mut new = manifest();
        new["services"][0]["handlers"][1]["name"] = "Tell".into();
        let weights: Vec<Weight> = differences(&manifest(), &new)
            .iter()
            .map(|d| d.weight)
            .collect();
        assert_eq!(weights, [Weight::Breaking, Weight::Safe]);
    }

    #[test]
    fn every_setting_has_its_meaning() {
        let kind = after(|m| m["services"][0]["ty"] = "WORKFLOW".into());
        assert_eq!(
            (kind.weight, kind.meaning),
            (Weight::Breaking, KIND_OF_SERVICE)
        );
        let kind = after(|m| m["services"][0]["handlers"][0]["ty"] = "EXCLUSIVE".into());
        assert_eq!((kind.weight, kind.meaning), (Weight::Look, HANDLER_KIND));
        assert_eq!(kind.what, "ty \"SHARED\" → \"EXCLUSIVE\"");
        let table = [
            ("abortTimeout", json!(1), Weight::Look, TIMEOUTS),
            ("retryPolicyMaxAttempts", json!(1), Weight::Safe, RETRIES),
            (
                "retryPolicyOnMaxAttempts",
                json!("KILL"),
                Weight::Look,
                ON_LAST_TRY,
            ),
            ("journalRetention", json!(1), Weight::Look, RETENTION),
            ("ingressPrivate", json!(true), Weight::Look, NOW_PRIVATE),
            ("documentation", json!("x"), Weight::Safe, WORDS),
            ("enableLazyState", json!(true), Weight::Look, LAZY_STATE),
            ("neverHeardOf", json!(true), Weight::Look, UNKNOWN),
        ];
        for (field, value, weight, meaning) in table {
            let found = after(|m| m["services"][0][field] = value);
            assert_eq!((found.weight, found.meaning), (weight, meaning), "{field}");
        }
    }

    #[test]
    fn the_worst_stands_first() {
        let mut new = manifest();
        new["services"][0]["abortTimeout"] = 1.into();
        new["services"].as_array_mut().expect("a list").pop();
        let text = chapter(Some("1.0.0"), &differences(&manifest(), &new));
        assert!(
            text.contains("2 differences, 1 to judge, 1 breaking"),
            "{text}"
        );
        let rows: Vec<&str> = text
            .lines()
            .filter(|l| l.starts_with("| "))
            .skip(1)
            .collect();
        assert!(
            rows[0].starts_with("| **breaking** | a.B |") && rows[1].starts_with("| judge | a.A |"),
            "{text}"
        );
    }
}
