//! Windows: when they end, and what begins a new one.

use crate::world::*;
use std::time::Duration;
use testbed::DnsFailure;

#[test]
fn dom_8_a_window_that_ran_out_fails_the_domain_without_asking() {
    testbed::scenario!("DOM-8");
    testbed::run(async {
        let w = World::new(&host()).await;
        w.verify().await;
        let row = w.until(Failed).await;
        let said = World::error(&row);
        assert!(
            said.starts_with("domain verification timed out after 24 hours"),
            "{said}"
        );
        assert!(
            said.contains("last seen: ") && said.contains("has no CNAME"),
            "{said}"
        );
        let attempts = usize::try_from(row.check_attempts).expect("positive");
        assert!(attempts > 5, "{attempts}");
        let ran = row.updated_at.expect("updated") - row.created_at;
        assert!(
            ran >= i64::try_from(timings().window.as_millis()).expect("small"),
            "{ran} ms"
        );
        w.settled().await;
        // one question per server and check, and none for the last
        assert_eq!(w.queries(&w.txt_name(), None), 3 * attempts);
        let end = last_check(&w.id).await.expect("ended");
        assert!(end.contains("408") && end.contains("CW0040"), "{end}");
        tokio::time::sleep(2 * timings().check_interval).await;
        assert_eq!(w.row().await, row, "nothing goes on");
    });
}

#[test]
fn dom_9_a_new_window_counts_from_its_own_start() {
    testbed::scenario!("DOM-9");
    testbed::run(async {
        let w = World::new(&host()).await;
        w.set("verification_status = 'failed', created_at = created_at - 259200000")
            .await;
        w.publish_cname();
        // the control API sends, then resets
        let sent = w.send(&w.id, "VerifyDomain").await;
        intent::reset_domain(&w.db, &w.id, &sent)
            .await
            .expect("reset");
        w.until(Verified).await;
        w.settled().await;
        assert_eq!(w.row().await.verification_status, Verified);
    });
}

#[test]
fn dom_14_a_missing_row_is_waited_for_and_then_given_up() {
    testbed::scenario!("DOM-14");
    testbed::run(async {
        let w = World::new(&host()).await;
        w.publish_cname();
        // sent before the row can be seen
        let row = w.row().await;
        intent::delete_domain(&w.db, &w.id).await.expect("deleted");
        w.verify().await;
        let again = "INSERT INTO custom_domains (id, workspace_id, project_id, app_id, environment_id, domain, challenge_type, \
             verification_token, target_cname, created_at) VALUES (?, ?, ?, ?, ?, ?, 'HTTP-01', ?, ?, 1)";
        let columns = [
            row.id,
            row.workspace_id,
            row.project_id,
            row.app_id,
            row.environment_id,
            row.domain,
            row.verification_token,
            row.target_cname,
        ];
        execute(&w.db, again, columns.map(Into::into)).await;
        w.until(Verified).await;
        w.settled().await;

        // and one that never comes
        let never = ids::random_of_length(ids::Prefix::DOMAIN, 12);
        let begun = std::time::Instant::now();
        w.call(&never, "VerifyDomain")
            .await
            .expect("not refused at once");
        let end = testbed::eventually(SOON, || async {
            last_check(&never)
                .await
                .filter(|end| end.contains("CW0038"))
        })
        .await;
        assert!(end.contains("404"), "{end}");
        assert!(begun.elapsed() >= timings().row_grace);
        testbed::assert_quiet(&[&never]).await;
    });
}

#[test]
fn dom_20_the_handler_resets_the_row_and_checks_at_once() {
    testbed::scenario!("DOM-20");
    testbed::run(async {
        let w = World::new(&host()).await;
        w.set(
            "verification_status = 'failed', check_attempts = 1440, verification_error = 'old', invocation_id = 'inv_old', \
             last_checked_at = 1",
        )
        .await;
        w.publish_cname();
        // slow enough to see the row between reset and result
        let late = DnsFailure::Late(Duration::from_millis(300));
        w.fail(&w.domain, None, late);
        let call = w.call(&w.id, "RetryVerification");
        let watch = testbed::eventually(SOON, || async {
            let row = w.row().await;
            let seen = (
                row.verification_status,
                row.check_attempts,
                row.verification_error,
                row.invocation_id,
                row.last_checked_at,
            );
            if seen == (Pending, 0, None, None, None) {
                Ok(())
            } else {
                Err(format!("{seen:?}"))
            }
        });
        let (answer, ()) = tokio::join!(call, watch);
        answer.expect("answers");
        let row = w.row().await;
        assert_eq!(
            (row.verification_status, row.check_attempts),
            (Verified, 1),
            "one pass, within the call"
        );
        w.settled().await;
    });
}

#[test]
fn dom_21_a_reset_that_comes_after_the_success_does_not_undo_it() {
    testbed::scenario!("DOM-21");
    testbed::run(async {
        let w = World::new(&host()).await;
        w.publish_cname();
        w.verify().await;
        w.settled().await;
        w.set("verification_status = 'failed'").await;
        let asked = w.asked().len();
        // cancel what is stored (long over), send, and reset only when the verification has succeeded
        let stored = w.row().await.invocation_id.expect("an id");
        let _ = testbed::admin().await.cancel(&stored).await;
        let sent = w.send(&w.id, "VerifyDomain").await;
        w.until(Verified).await;
        intent::reset_domain(&w.db, &w.id, &sent)
            .await
            .expect("reset");
        assert_eq!(w.row().await.verification_status, Pending);
        w.until(Verified).await;
        w.settled().await;
        assert_eq!(w.row().await.verification_status, Verified);
        assert_eq!(
            w.asked().len(),
            asked + 1,
            "no certificate is asked for twice"
        );
    });
}

/// A verification that is started again while one runs: the checks of the older one act no more.
#[test]
fn the_newest_window_alone_acts() {
    testbed::run(async {
        let w = World::new(&host()).await;
        w.verify().await;
        w.verify().await;
        w.verify().await;
        let before = w.queries(&w.txt_name(), None);
        tokio::time::sleep(timings().check_interval * 4).await;
        let checks = (w.queries(&w.txt_name(), None) - before) / 3;
        // three windows would make twelve; that one goes on is seen below
        assert!(checks <= 6, "{checks} checks in four intervals");
        w.publish_cname();
        w.until(Verified).await;
        w.settled().await;
    });
}

/// Nobody outside begins a check; what a foreign nonce does is seen in [`the_newest_window_alone_acts`].
#[test]
fn a_check_is_private() {
    testbed::run(async {
        let w = World::new(&host()).await;
        w.publish_cname();
        let ingress = testbed::ingress().await;
        let body = serde_json::json!({ "nonce": "any" });
        let answer = ingress
            .call(custom_domain_client::SERVICE, &*w.id, "Check", &body)
            .await;
        answer.expect_err("refused");
        assert_eq!(w.queries(&w.domain, None), 0);
        assert_eq!(w.row().await.verification_status, Pending);
    });
}

/// A verified domain whose window is begun again stays what it is (the existing worker makes it `verifying`).
#[test]
fn dom_13_a_verified_domain_may_be_verified_again() {
    testbed::scenario!("DOM-13");
    testbed::run(async {
        let w = World::verified(&host()).await;
        execute(
            &w.db,
            "UPDATE acme_challenges SET status = 'verified', token = 't', authorization = 'a' WHERE domain_id = ?",
            [w.id.as_str().into()],
        )
        .await;
        let (routes, asked) = (w.routes().await, w.asked().len());
        w.verify().await;
        w.settled().await;
        assert_eq!(w.row().await.verification_status, Verified);
        assert_eq!((w.routes().await, w.asked().len()), (routes, asked));
        assert_eq!(w.challenges().await, ["verified HTTP-01 1"]);
        // a lost route is made again, a failed challenge waits again and is sent for
        execute(
            &w.db,
            "DELETE FROM frontline_routes WHERE fully_qualified_domain_name = ?",
            [w.domain.as_str().into()],
        )
        .await;
        execute(
            &w.db,
            "UPDATE acme_challenges SET status = 'failed' WHERE domain_id = ?",
            [w.id.as_str().into()],
        )
        .await;
        // whatever the DNS says meanwhile
        w.fail(&w.txt_name(), None, DnsFailure::NxDomain);
        w.verify().await;
        w.settled().await;
        assert_eq!(w.row().await.verification_status, Verified);
        assert_eq!(w.routed_to().await.as_ref(), Some(&w.app.app_id));
        assert_eq!(w.challenges().await, [WAITING]);
        assert_eq!(w.asked().len(), asked + 1);
    });
}
