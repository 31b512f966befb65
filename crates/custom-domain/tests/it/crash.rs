//! The effect of a step has happened and its record is lost: the step runs again and changes nothing more.

use crate::world::*;
use custom_domain_client::SERVICE;
use faults::Cut;
use mysql::entity::custom_domains::Model;
use std::sync::{Arc, Mutex};
use testbed::DnsData;

#[test]
fn dom_12_a_crash_after_mark_verified_leaves_one_of_everything() {
    testbed::scenario!("DOM-12");
    testbed::run(async {
        let w = World::new(&host()).await;
        w.publish_cname();
        let (db, id, seen) = (w.db.clone(), w.id.clone(), Arc::new(Mutex::new(None)));
        let before = Arc::clone(&seen);
        let cut = Cut::run_result(SERVICE, "VerifyDomain", "mark verified").of_key(&w.id);
        let cut = w.stack.proxy.cut(cut.doing(move |_| {
            let (db, id, before) = (db.clone(), id.clone(), Arc::clone(&before));
            async move {
                let row = intent::domain_row(&db, &id).await.expect("a row");
                *before.lock().expect("not poisoned") = Some(row);
            }
        }));
        w.verify().await;
        assert!(cut.wait(SOON).await.is_some(), "the answer was lost");
        let at_the_cut: Model = seen
            .lock()
            .expect("not poisoned")
            .clone()
            .expect("a row at the cut");
        assert_eq!(
            at_the_cut.verification_status, Verified,
            "the effect had happened"
        );
        w.settled().await;
        let row = w.row().await;
        assert_eq!((row.verification_status, row.check_attempts), (Verified, 1));
        assert_eq!(
            (w.routes().await.len(), w.challenges().await),
            (1, vec![WAITING.to_owned()])
        );
        assert_eq!(w.asked().len(), 1);
    });
}

#[test]
fn a_lost_decision_takes_a_name_over_once() {
    testbed::run(async {
        let domain = host();
        let a = World::verified(&domain).await;
        let b = World::new(&domain).await;
        b.publish_cname();
        b.publish_txt();
        let (db, id, seen) = (b.db.clone(), a.id.clone(), Arc::new(Mutex::new(None)));
        let lost = Arc::clone(&seen);
        let cut = Cut::run_result(SERVICE, "VerifyDomain", "decide").of_key(&b.id);
        let cut = b.stack.proxy.cut(cut.doing(move |_| {
            let (db, id, lost) = (db.clone(), id.clone(), Arc::clone(&lost));
            async move {
                *lost.lock().expect("not poisoned") = intent::domain_row(&db, &id).await.ok();
            }
        }));
        b.verify().await;
        assert!(cut.wait(SOON).await.is_some(), "the answer was lost");
        b.settled().await;
        let at_the_cut = seen
            .lock()
            .expect("not poisoned")
            .clone()
            .expect("a row at the cut");
        assert_eq!(at_the_cut.verification_status, Failed);
        assert_eq!(a.row().await, at_the_cut, "the loser is not touched twice");
        assert_eq!(b.row().await.verification_status, Verified);
        assert_eq!(b.routed_to().await.as_ref(), Some(&b.app.app_id));
        assert_eq!(b.asked().len(), 2);
    });
}

/// Each step that writes, in each handler that has it.
#[test]
fn a_lost_answer_of_any_step_changes_nothing_more() {
    testbed::run(async {
        for (handler, step) in [
            ("VerifyDomain", "decide"),
            ("VerifyDomain", "note check"),
            ("RetryVerification", "reset verification"),
            ("Check", "decide"),
            ("Check", "note check"),
        ] {
            let w = World::new(&host()).await;
            let cut = w
                .stack
                .proxy
                .cut(Cut::run_result(SERVICE, handler, step).of_key(&w.id));
            let begin = if handler == "Check" {
                "VerifyDomain"
            } else {
                handler
            };
            w.call(&w.id, begin).await.expect("answers");
            assert!(
                cut.wait(SOON).await.is_some(),
                "{handler} {step}: the answer was lost"
            );
            let row = w.row().await;
            assert_eq!(row.verification_status, Verifying, "{handler} {step}");
            w.publish_cname();
            let row = w.until(Verified).await;
            w.settled().await;
            assert!(
                (2..=8).contains(&row.check_attempts),
                "{handler} {step}: {row:?}"
            );
            assert_eq!(
                (
                    w.routes().await.len(),
                    w.challenges().await.len(),
                    w.asked().len()
                ),
                (1, 1, 1),
                "{handler} {step}"
            );
        }
    });
}

#[test]
fn a_lost_answer_of_the_last_step_of_a_window_still_ends_it() {
    testbed::run(async {
        let w = World::new(&host()).await;
        let cut = w
            .stack
            .proxy
            .cut(Cut::run_result(SERVICE, "Check", "mark failed").of_key(&w.id));
        w.verify().await;
        let row = w.until(Failed).await;
        assert!(cut.wait(SOON).await.is_some(), "the answer was lost");
        w.settled().await;
        assert_eq!(w.row().await, row);
        let end = last_check(&w.id).await.expect("ended");
        assert!(end.contains("CW0040"), "{end}");
        // and of the refusal of a name
        let bad = World::new(&format!("{}_.test", ids::dns_label(8))).await;
        let cut = bad
            .stack
            .proxy
            .cut(Cut::run_result(SERVICE, "VerifyDomain", "refuse name").of_key(&bad.id));
        bad.call(&bad.id, "VerifyDomain")
            .await
            .expect_err("refused");
        assert!(cut.wait(SOON).await.is_some(), "the answer was lost");
        assert_eq!(bad.row().await.verification_status, Failed);
    });
}

/// The call to RoutingService and everything around it, cut at each command: the world is the same in the end.
#[test]
fn a_cut_at_any_command_of_a_takeover_ends_the_same() {
    testbed::run(async {
        for index in 1..=9 {
            let domain = host();
            let a = World::verified(&domain).await;
            let b = World::new(&domain).await;
            b.publish(&b.domain, &DnsData::Cname(b.target.clone()));
            b.publish_txt();
            let cut = b
                .stack
                .proxy
                .cut(Cut::command(SERVICE, "VerifyDomain", index).of_key(&b.id));
            b.verify().await;
            assert!(cut.wait(SOON).await.is_some(), "command {index} was cut");
            b.settled().await;
            let (lost, won) = (a.row().await, b.row().await);
            assert_eq!(
                (lost.verification_status, won.verification_status),
                (Failed, Verified),
                "{index}"
            );
            assert_eq!(b.routed_to().await.as_ref(), Some(&b.app.app_id), "{index}");
            assert_eq!(
                (a.challenges().await.len(), b.challenges().await),
                (0, vec![WAITING.to_owned()]),
                "{index}"
            );
            assert_eq!(b.asked().len(), 2, "{index}");
        }
    });
}
