//! Names that somebody else holds.

use crate::world::*;
use testbed::DnsData;

#[test]
fn dom_6_a_cname_alone_takes_no_name_from_another_workspace() {
    testbed::scenario!("DOM-6");
    testbed::run(async {
        let domain = host();
        let a = World::verified(&domain).await;
        let before = a.row().await;
        let b = World::new(&domain).await;
        b.publish_cname();
        b.verify().await;
        let row = b.row().await;
        assert_eq!(row.verification_status, Verifying);
        assert_eq!((row.ownership_verified, row.cname_verified), (false, true));
        assert!(
            World::error(&row).contains("the name is in use elsewhere"),
            "{row:?}"
        );
        assert_eq!(a.row().await, before, "A is untouched");
        assert_eq!(a.routed_to().await.as_ref(), Some(&a.app.app_id));
        assert_eq!(a.challenges().await, [WAITING]);
        assert_eq!(a.asked().len(), 1);
    });
}

#[test]
fn dom_7_with_the_text_the_name_changes_hands() {
    testbed::scenario!("DOM-7");
    testbed::run(async {
        let domain = host();
        let a = World::verified(&domain).await;
        let b = World::new(&domain).await;
        b.publish_cname();
        b.publish_txt();
        b.verify().await;
        let row = b.until(Verified).await;
        assert_eq!((row.ownership_verified, row.cname_verified), (true, true));
        let lost = a.row().await;
        assert_eq!(lost.verification_status, Failed);
        assert_eq!(World::error(&lost), "domain claimed by another workspace");
        assert_eq!(a.challenges().await, [""; 0]);
        assert_eq!(b.challenges().await, [WAITING]);
        assert_eq!(b.routed_to().await.as_ref(), Some(&b.app.app_id));
        b.settled().await;
        assert_eq!(b.asked().len(), 2, "one for A, one for B");

        // A's old TXT record is still published; it does not take the name back
        assert_ne!(lost.verification_token, a.token);
        a.call(&a.id, "RetryVerification").await.expect("answers");
        assert_eq!(a.row().await.verification_status, Verifying);
        assert_eq!(b.row().await.verification_status, Verified);
        assert_eq!(b.routed_to().await.as_ref(), Some(&b.app.app_id));
        // with a fresh one it does
        let fresh = format!("unkey-domain-verify={}", lost.verification_token);
        a.publish(&a.txt_name(), &DnsData::txt(fresh));
        a.until(Verified).await;
        assert_eq!(b.row().await.verification_status, Failed);
        assert_eq!(b.routed_to().await.as_ref(), Some(&a.app.app_id));
    });
}

/// For a free name two of three servers are enough; for one that is held, all three must say it.
#[test]
fn a_takeover_waits_for_every_server() {
    testbed::run(async {
        let domain = host();
        let a = World::verified(&domain).await;
        let b = World::new(&domain).await;
        b.publish_cname();
        for dns in &b.stack.dns[..2] {
            dns.add(&b.txt_name(), DnsData::txt(b.value()));
        }
        b.verify().await;
        let row = b.row().await;
        assert_eq!(
            (row.verification_status, row.ownership_verified),
            (Verifying, false)
        );
        assert!(World::error(&row).contains("only 2 of 3"), "{row:?}");
        assert_eq!(a.row().await.verification_status, Verified);
        b.stack.dns[2].add(&b.txt_name(), DnsData::txt(b.value()));
        b.until(Verified).await;
        assert_eq!(a.row().await.verification_status, Failed);
    });
}

/// The text alone suffices for a free name; a holder is met all the same.
#[test]
fn without_a_cname_the_holder_still_loses_only_to_the_text_seen_by_all() {
    testbed::run(async {
        let domain = host();
        let a = World::verified(&domain).await;
        let b = World::new(&domain).await;
        for dns in &b.stack.dns[..2] {
            dns.add(&b.txt_name(), DnsData::txt(b.value()));
        }
        b.verify().await;
        assert_eq!(b.row().await.verification_status, Verifying);
        assert_eq!(a.routed_to().await.as_ref(), Some(&a.app.app_id));
        b.stack.dns[2].add(&b.txt_name(), DnsData::txt(b.value()));
        b.until(Verified).await;
        assert_eq!(b.routed_to().await.as_ref(), Some(&b.app.app_id));
    });
}

/// A route left behind by a domain that is gone: nobody's name moves on a CNAME alone.
#[test]
fn a_name_that_is_routed_elsewhere_is_taken_with_the_text_alone() {
    testbed::run(async {
        let domain = host();
        let w = World::new(&domain).await;
        let foreign = "INSERT INTO frontline_routes (id, project_id, app_id, deployment_id, environment_id, \
             fully_qualified_domain_name, sticky, created_at) VALUES (?, 'proj_old', 'app_old', '', 'env_old', ?, 'live', 1)";
        let id = ids::random(ids::Prefix::ROUTE);
        execute(&w.db, foreign, [id.into(), domain.as_str().into()]).await;
        w.publish_cname();
        w.verify().await;
        assert_eq!(w.row().await.verification_status, Verifying);
        assert_eq!(w.routed_to().await.as_deref(), Some("app_old"));
        w.publish_txt();
        w.until(Verified).await;
        assert_eq!(w.routed_to().await.as_ref(), Some(&w.app.app_id));
    });
}

/// Ten workspaces with the right records at the same moment: one holds the name in the end, and the route is its.
#[test]
fn many_at_once_leave_one_holder() {
    testbed::run(async {
        let domain = host();
        let mut worlds = Vec::new();
        for _ in 0..6 {
            let w = World::new(&domain).await;
            w.publish_txt();
            worlds.push(w);
        }
        futures::future::join_all(worlds.iter().map(World::verify)).await;
        // whoever comes last with every server's word has it
        testbed::eventually(SOON, || async {
            let mut holders = Vec::new();
            for w in &worlds {
                if w.row().await.verification_status == Verified {
                    holders.push(w.app.app_id.clone());
                }
            }
            let routed = worlds[0].routed_to().await;
            if holders.len() == 1 && routed.as_ref() == holders.first() {
                Ok(())
            } else {
                Err(format!("{holders:?} {routed:?}"))
            }
        })
        .await;
    });
}
