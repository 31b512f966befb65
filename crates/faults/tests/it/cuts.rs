//! A stream is cut where the rule says, once, and the invocation still ends as without the cut.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use faults::{Cut, Kind};

use crate::order::{self, SERVICE, STEPS};

const SOON: Duration = Duration::from_secs(10);
/// Commands of `Place`, without the input.
const COMMANDS: usize = 7;
/// Journal index of each step.
const ANNOUNCED: [usize; 3] = [1, 3, 6];

#[test]
fn cut_at_each_command_the_result_is_the_same_and_at_most_the_next_effect_is_repeated() {
    testbed::run(async {
        let proxy = order::proxy().await;
        let expected = order::place("cuts-dry").await;
        for k in 1..=COMMANDS {
            let key = format!("cut-{k}");
            let cut = proxy.cut(Cut::command(SERVICE, "Place", k).of_key(&key));
            assert_eq!(order::place(&key).await, expected, "cut at {k}");
            let at = cut.wait(SOON).await.expect("the cut happened");
            assert_eq!(
                (at.index, at.key.as_str(), at.attempt, at.cut),
                (Some(k), key.as_str(), 1, true)
            );
            assert_eq!(cut.happened().len(), 1);
            // a worker that is not killed goes on until it notices: it may have run the next step before
            let effects = order::effects(&key);
            for (step, announced_at) in effects.iter().zip(ANNOUNCED) {
                let allowed = if announced_at < k { 1..=1 } else { 1..=2 };
                assert!(allowed.contains(step), "{effects:?} with a cut at {at}");
            }
            assert!(
                effects.iter().sum::<usize>() <= 4,
                "{effects:?} with a cut at {at}"
            );
            let sent: Vec<_> = proxy
                .journal()
                .into_iter()
                .filter(|s| s.key == key && s.index == Some(k) && s.kind.is_command())
                .collect();
            assert_eq!(
                sent.iter().map(|s| (s.step(), s.cut)).collect::<Vec<_>>(),
                [(at.step(), true), (at.step(), false)]
            );
        }
    });
}

#[test]
fn a_lost_run_result_repeats_the_effect_of_that_step_alone() {
    testbed::run(async {
        let proxy = order::proxy().await;
        let expected = order::place("results-dry").await;
        for (number, step) in STEPS.iter().enumerate() {
            let key = format!("result-{step}");
            let cut = proxy.cut(Cut::run_result(SERVICE, "Place", step).of_key(&key));
            assert_eq!(order::place(&key).await, expected, "{step}");
            let at = cut.wait(SOON).await.expect("the cut happened");
            assert_eq!(
                (at.kind, at.name.as_str(), at.index),
                (Kind::RUN_RESULT, *step, Some(ANNOUNCED[number]))
            );
            let mut effects = [1; 3];
            effects[number] = 2;
            assert_eq!(order::effects(&key), effects);
        }
    });
}

#[test]
fn a_rule_is_used_as_often_as_it_says() {
    testbed::run(async {
        let proxy = order::proxy().await;
        let cut = proxy.cut(
            Cut::run_result(SERVICE, "Place", "charge")
                .of_key("thrice")
                .times(3),
        );
        order::place("thrice").await;
        let attempts: Vec<u32> = cut.happened().iter().map(|s| s.attempt).collect();
        assert_eq!(attempts, [1, 2, 3]);
        assert_eq!(order::effects("thrice"), [1, 4, 1]);
    });
}

#[test]
fn the_action_runs_while_the_message_is_held_back() {
    testbed::run(async {
        let proxy = order::proxy().await;
        let stored = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&stored);
        let look = move |at: faults::Seen| {
            let sink = Arc::clone(&sink);
            async move {
                let sql = format!(
                    "SELECT status, journal_commands_size AS n FROM sys_invocation WHERE id = '{}'",
                    at.invocation
                );
                let rows = testbed::admin().await.query(&sql).await.unwrap();
                sink.lock().unwrap().extend(rows);
            }
        };
        let cut = proxy.cut(
            Cut::command(SERVICE, "Place", 4)
                .of_key("looked")
                .doing(look),
        );
        order::place("looked").await;
        assert!(cut.wait(SOON).await.is_some());
        let stored = stored.lock().unwrap();
        assert_eq!(stored.len(), 1);
        assert_eq!(stored[0]["status"], "running");
        assert_eq!(stored[0]["n"], 4, "the input and three commands");
    });
}

#[test]
fn a_rule_that_nothing_matches_says_so_and_changes_nothing() {
    testbed::run(async {
        let proxy = order::proxy().await;
        let never = [
            Cut::command(SERVICE, "Place", COMMANDS + 1).of_key("whole"),
            Cut::command(SERVICE, "Place", 1).of_key("another"),
            Cut::command(SERVICE, "Place", 1).of_invocation("inv_1"),
            Cut::command(SERVICE, "Note", 2).of_key("whole-ledger"),
            Cut::run_result(SERVICE, "Place", "refund").of_key("whole"),
        ]
        .map(|cut| proxy.cut(cut));
        order::place("whole").await;
        assert_eq!(order::effects("whole"), [1, 1, 1]);
        for cut in &never {
            assert!(cut.happened().is_empty(), "{cut:?}");
        }
        assert!(never[0].wait(Duration::from_millis(10)).await.is_none());
    });
}

#[test]
fn a_withdrawn_rule_cuts_nothing() {
    testbed::run(async {
        let proxy = order::proxy().await;
        drop(proxy.cut(Cut::run_result(SERVICE, "Place", "ship").of_key("withdrawn")));
        order::place("withdrawn").await;
        assert_eq!(order::effects("withdrawn"), [1, 1, 1]);
    });
}
