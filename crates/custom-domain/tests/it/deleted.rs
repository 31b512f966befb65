//! Domains that are deleted while they are verified, with the control API's real sequence.

use crate::world::*;
use testbed::DnsData;

/// What the control API does with the id it has stored: its answer counts for nothing.
async fn cancel_stored(w: &World) -> Result<(), restate_api::ApiError> {
    let stored = w.row().await.invocation_id.expect("a stored invocation");
    testbed::admin().await.cancel(&stored).await
}

#[test]
fn dom_10_a_domain_deleted_while_it_is_verified_is_gone_whatever_the_cancellation_says() {
    testbed::scenario!("DOM-10");
    testbed::run(async {
        // the stored id is that of the check to come: cancelling it ends the checks
        let w = World::new(&host()).await;
        let sent = w.send(&w.id, "VerifyDomain").await;
        intent::store_invocation(&w.db, &w.id, &sent)
            .await
            .expect("stored");
        let next = testbed::eventually(SOON, || async {
            w.row().await.invocation_id.filter(|id| *id != sent)
        })
        .await;
        cancel_stored(&w).await.expect("a live invocation");
        assert!(intent::delete_domain(&w.db, &w.id).await.expect("deleted"));
        let status = testbed::admin()
            .await
            .invocation_status(&[&next])
            .await
            .expect("asked");
        assert!(
            status.get(&next).is_none_or(|s| s == "completed"),
            "{status:?}"
        );
        testbed::assert_quiet(&[&w.id]).await;

        // ids that nobody knows and that are long over: the cancellation fails, and nothing remains all the same
        for stored in ["inv_1nobodyknowsthisone0000000000000000", sent.as_str()] {
            let w = World::new(&host()).await;
            w.verify().await;
            intent::store_invocation(&w.db, &w.id, stored)
                .await
                .expect("stored");
            let refused = cancel_stored(&w).await;
            assert!(refused.is_err(), "{stored}");
            assert!(intent::delete_domain(&w.db, &w.id).await.expect("deleted"));
            // the records turn up after the deletion
            w.publish_cname();
            w.settled().await;
            assert_eq!(
                (w.routes().await, w.challenges().await, w.asked()),
                (vec![], vec![], vec![])
            );
        }
    });
}

#[test]
fn dom_10_a_domain_deleted_while_it_is_being_routed_leaves_no_route() {
    testbed::scenario!("DOM-10");
    testbed::run(async {
        let w = World::new(&host()).await;
        w.publish_cname();
        let (db, id) = (w.db.clone(), w.id.clone());
        // between the decision and the route
        let cut = faults::Cut::run_result(custom_domain_client::SERVICE, "VerifyDomain", "decide")
            .of_key(&w.id);
        let cut = w.stack.proxy.cut(cut.doing(move |_| {
            let (db, id) = (db.clone(), id.clone());
            async move {
                intent::delete_domain(&db, &id).await.expect("deleted");
            }
        }));
        w.verify().await;
        assert!(cut.wait(SOON).await.is_some());
        w.settled().await;
        assert_eq!(
            (w.routes().await, w.challenges().await, w.asked()),
            (vec![], vec![], vec![])
        );
    });
}

#[test]
fn a_domain_deleted_after_its_route_was_made_loses_it() {
    testbed::run(async {
        let w = World::new(&host()).await;
        w.publish_cname();
        let (db, id) = (w.db.clone(), w.id.clone());
        // the effect of `mark verified` is taken away before it is recorded: it runs again and finds no row
        let cut = faults::Cut::run_result(
            custom_domain_client::SERVICE,
            "VerifyDomain",
            "mark verified",
        )
        .of_key(&w.id);
        let cut = w.stack.proxy.cut(cut.doing(move |_| {
            let (db, id) = (db.clone(), id.clone());
            async move {
                // a control API that forgets the route
                execute(
                    &db,
                    "DELETE FROM custom_domains WHERE id = ?",
                    [id.as_str().into()],
                )
                .await;
                execute(
                    &db,
                    "DELETE FROM acme_challenges WHERE domain_id = ?",
                    [id.as_str().into()],
                )
                .await;
            }
        }));
        w.verify().await;
        assert!(cut.wait(SOON).await.is_some());
        w.settled().await;
        assert_eq!(
            (w.routes().await, w.challenges().await, w.asked()),
            (vec![], vec![], vec![])
        );
    });
}

#[test]
fn dom_11_deleting_an_unproven_domain_leaves_the_holders_route() {
    testbed::scenario!("DOM-11");
    testbed::run(async {
        let domain = host();
        let a = World::verified(&domain).await;
        let b = World::new(&domain).await;
        b.publish_cname();
        b.verify().await;
        assert!(intent::delete_domain(&b.db, &b.id).await.expect("deleted"));
        b.settled().await;
        assert_eq!(a.routed_to().await.as_ref(), Some(&a.app.app_id));
        assert_eq!(a.row().await.verification_status, Verified);
        assert_eq!(a.challenges().await, [WAITING]);
    });
}

#[test]
fn dom_22_an_environment_deleted_takes_its_verifications_along() {
    testbed::scenario!("DOM-22");
    testbed::run(async {
        let w = World::new(&host()).await;
        let environment = w.app.production_environment_id.clone();
        let second = intent::add_domain(&w.db, &w.app, &environment, &host(), CNAME_DOMAIN)
            .await
            .expect("added");
        w.verify().await;
        w.call(&second.id, "VerifyDomain").await.expect("answers");
        let domains = intent::domains_of(&w.db, &environment)
            .await
            .expect("listed");
        assert_eq!(domains.len(), 2);
        let admin = testbed::admin().await;
        for domain in &domains {
            // what is stored is alive: the check to come, or the one that is just being made
            testbed::eventually(SOON, || async {
                let row = intent::domain_row(&w.db, &domain.id).await.expect("a row");
                let stored = row
                    .invocation_id
                    .expect("the worker stored the check to come");
                admin.cancel(&stored).await.map_err(|e| e.to_string())
            })
            .await;
            assert!(
                intent::delete_domain(&w.db, &domain.id)
                    .await
                    .expect("deleted")
            );
            // the records turn up too late
            w.publish(&domain.domain, &DnsData::Cname(domain.target_cname.clone()));
        }
        let sql = format!(
            "SELECT id, status FROM sys_invocation WHERE status <> 'completed' AND target_service_key IN ('{}', '{}')",
            w.id, second.id
        );
        testbed::eventually(SOON, || async {
            let left = admin.query(&sql).await.expect("asked");
            if left.is_empty() {
                Ok(())
            } else {
                Err(format!("{left:?}"))
            }
        })
        .await;
        for domain in &domains {
            let sql = "SELECT status FROM acme_challenges WHERE domain_id = ?";
            assert!(
                query(&w.db, sql, [domain.id.as_str().into()])
                    .await
                    .is_empty()
            );
            let sql = "SELECT id FROM frontline_routes WHERE fully_qualified_domain_name = ?";
            assert!(
                query(&w.db, sql, [domain.domain.as_str().into()])
                    .await
                    .is_empty()
            );
        }
    });
}
