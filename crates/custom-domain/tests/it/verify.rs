//! What proves a name and what does not, and what the row says about it.

use crate::fakes::Asked;
use crate::world::*;
use mysql::entity::custom_domains::Model;
use std::net::Ipv4Addr;
use testbed::{DnsData, DnsFailure, DnsKind};

fn flags(row: &Model) -> (bool, bool) {
    (row.ownership_verified, row.cname_verified)
}

#[test]
fn dom_1_a_cname_suffices_and_the_text_is_not_asked_for() {
    testbed::scenario!("DOM-1", "DOM-18");
    testbed::run(async {
        let w = World::new(&host()).await;
        w.publish_cname();
        w.verify().await;
        let row = w.until(Verified).await;
        assert_eq!(flags(&row), (true, true));
        assert_eq!((row.check_attempts, row.verification_error), (1, None));
        assert_eq!(w.queries(&w.txt_name(), None), 0);
        assert_eq!(w.challenges().await, [WAITING]);
        let live = (w.app.app_id.clone(), String::new(), "live".to_owned());
        assert_eq!(w.routes().await, [live]);
        w.settled().await;
        let once = Asked {
            key: w.domain.clone(),
            workspace_id: w.app.workspace_id.clone(),
            domain: w.domain.clone(),
            // the route was committed before the certificate was asked for
            routed: true,
        };
        assert_eq!(w.asked(), [once]);
    });
}

#[test]
fn dom_2_case_and_the_last_dot_do_not_matter() {
    testbed::scenario!("DOM-2");
    testbed::run(async {
        let w = World::new(&host()).await;
        let shouted = format!("{}.", w.target.to_ascii_uppercase());
        w.publish(&w.domain, &DnsData::Cname(shouted));
        w.verify().await;
        assert_eq!(flags(&w.until(Verified).await), (true, true));
    });
}

#[test]
fn dom_3_the_first_hop_counts() {
    testbed::scenario!("DOM-3");
    testbed::run(async {
        let w = World::new(&host()).await;
        w.publish_cname();
        w.publish(&w.target, &DnsData::Cname("lb.cloud.test".into()));
        w.publish("lb.cloud.test", &DnsData::A(Ipv4Addr::LOCALHOST));
        w.verify().await;
        assert_eq!(flags(&w.until(Verified).await), (true, true));
        // and only the first: an alias whose own alias leads to the target is not the customer's word
        let far = World::new(&host()).await;
        far.publish(&far.domain, &DnsData::Cname("detour.test".into()));
        far.publish("detour.test", &DnsData::Cname(far.target.clone()));
        far.verify().await;
        let row = far.row().await;
        assert_eq!(
            (row.verification_status, flags(&row)),
            (Verifying, (false, false))
        );
        assert!(
            World::error(&row).contains("a CNAME to detour.test, not to"),
            "{row:?}"
        );
    });
}

#[test]
fn dom_4_a_text_among_others_suffices() {
    testbed::scenario!("DOM-4");
    testbed::run(async {
        let w = World::new(&host()).await;
        w.publish(&w.txt_name(), &DnsData::txt("google-site-verification=x"));
        w.publish_txt();
        w.publish(
            &w.txt_name(),
            &DnsData::txt("unkey-domain-verify=of-another-installation"),
        );
        w.verify().await;
        let row = w.until(Verified).await;
        w.settled().await;
        assert_eq!(flags(&row), (true, false));
        // owned, and told that it leads nowhere yet
        assert!(
            World::error(&row).contains("owned but not routed"),
            "{row:?}"
        );
        assert_eq!(w.asked().len(), 1);
    });
}

#[test]
fn dom_5_without_records_it_is_checked_again() {
    testbed::scenario!("DOM-5");
    testbed::run(async {
        let w = World::new(&host()).await;
        let before = w.row().await;
        w.verify().await;
        let row = w.row().await;
        assert_eq!(
            (row.verification_status, row.check_attempts, flags(&row)),
            (Verifying, 1, (false, false))
        );
        let first = row.last_checked_at.expect("checked");
        let said = World::error(&row);
        assert!(
            said.contains("has no CNAME to") && said.contains("no TXT record at _unkey."),
            "{said}"
        );
        // nothing else has changed
        let unchanged = Model {
            verification_status: before.verification_status,
            check_attempts: before.check_attempts,
            last_checked_at: before.last_checked_at,
            verification_error: before.verification_error.clone(),
            invocation_id: before.invocation_id.clone(),
            updated_at: before.updated_at,
            ..row.clone()
        };
        assert_eq!(unchanged, before);
        assert_eq!(
            (w.routes().await, w.challenges().await, w.asked()),
            (vec![], vec![], vec![])
        );
        // the next check is one interval away, and not before
        let next = testbed::eventually(SOON, || async {
            let row = w.row().await;
            if row.check_attempts == 2 {
                Some(row)
            } else {
                None
            }
        })
        .await;
        let apart = next.last_checked_at.expect("checked") - first;
        let interval = i64::try_from(timings().check_interval.as_millis()).expect("small");
        assert!(apart >= interval, "{apart} ms apart");
        assert_ne!(
            next.invocation_id, row.invocation_id,
            "the row names the check to come"
        );
    });
}

#[test]
fn dom_15_a_resolver_that_fails_for_the_cname_does_not_hide_the_text() {
    testbed::scenario!("DOM-15");
    testbed::run(async {
        let w = World::new(&host()).await;
        w.fail(&w.domain, None, DnsFailure::Silence);
        w.publish_txt();
        w.verify().await;
        let row = w.until(Verified).await;
        assert_eq!(flags(&row), (true, false));
        // the same without the text: unknown, and said to be
        let blind = World::new(&host()).await;
        blind.fail(&blind.domain, None, DnsFailure::ServFail);
        blind.verify().await;
        let row = blind.row().await;
        assert_eq!(row.verification_status, Verifying);
        assert!(World::error(&row).contains("could not be read"), "{row:?}");
    });
}

#[test]
fn dom_16_a_forged_answer_of_one_server_proves_nothing() {
    testbed::scenario!("DOM-16");
    testbed::run(async {
        let w = World::new(&host()).await;
        w.stack.dns[1].add(&w.domain, DnsData::Cname(w.target.clone()));
        w.stack.dns[2].add(&w.txt_name(), DnsData::txt(w.value()));
        w.verify().await;
        let row = w.row().await;
        assert_eq!(
            (row.verification_status, flags(&row)),
            (Verifying, (false, false))
        );
        assert!(
            World::error(&row).contains("only 1 of 3 DNS servers see the CNAME"),
            "{row:?}"
        );
        // two of three are enough, with the third silent
        w.stack.dns[0].add(&w.domain, DnsData::Cname(w.target.clone()));
        w.stack.dns[2].fail(&w.domain, None, DnsFailure::ServFail, None);
        w.until(Verified).await;
    });
}

#[test]
fn dom_17_an_apex_needs_an_address() {
    testbed::scenario!("DOM-17");
    testbed::run(async {
        let w = World::new(&format!("{}.test", ids::dns_label(12))).await;
        w.publish_txt();
        w.verify().await;
        let row = w.row().await;
        assert_eq!(
            (row.verification_status, flags(&row)),
            (Verifying, (true, false))
        );
        assert!(
            World::error(&row).contains("alias record is missing"),
            "{row:?}"
        );
        assert!(World::error(&row).contains(&w.target), "{row:?}");
        w.publish(&w.domain, &DnsData::A(Ipv4Addr::new(192, 0, 2, 9)));
        w.publish(&w.target, &DnsData::A(Ipv4Addr::new(192, 0, 2, 9)));
        let row = w.until(Verified).await;
        assert_eq!(
            row.verification_error, None,
            "it leads where the target leads"
        );
    });
}

#[test]
fn dom_23_the_token_is_compared_exactly() {
    testbed::scenario!("DOM-23");
    testbed::run(async {
        let w = World::new(&host()).await;
        let other: String = w
            .token
            .chars()
            .map(|c| {
                if c.is_ascii_lowercase() {
                    c.to_ascii_uppercase()
                } else {
                    c.to_ascii_lowercase()
                }
            })
            .collect();
        w.publish(
            &w.txt_name(),
            &DnsData::txt(format!("unkey-domain-verify={other}")),
        );
        w.verify().await;
        let row = w.row().await;
        assert_eq!(
            (row.verification_status, flags(&row)),
            (Verifying, (false, false))
        );
        assert!(
            World::error(&row).contains("upper and lower case count"),
            "{row:?}"
        );
        // quotes that a provider added are no difference
        w.publish(&w.txt_name(), &DnsData::txt(format!("\"{}\"", w.value())));
        w.until(Verified).await;
    });
}

#[test]
fn dom_24_a_caa_conflict_is_told_and_does_not_hinder() {
    testbed::scenario!("DOM-24");
    testbed::run(async {
        let w = World::new(&host()).await;
        w.publish_cname();
        let apex = dns::apex(&w.domain).expect("a registrable domain");
        w.publish(&apex, &DnsData::caa("issue", "otherca.example"));
        w.verify().await;
        let row = w.until(Verified).await;
        let said = World::error(&row);
        assert!(
            said.contains("otherca.example")
                && said.contains(&apex)
                && said.contains("letsencrypt.org"),
            "{said}"
        );
        w.settled().await;
        // mended, and looked at again: the hint is gone
        for dns in &w.stack.dns {
            dns.set(&apex, [DnsData::caa("issue", "letsencrypt.org")]);
        }
        w.verify().await;
        assert_eq!(w.row().await.verification_error, None);
    });
}

#[test]
fn a_proxy_in_front_is_told_of_and_does_not_hinder() {
    testbed::run(async {
        let w = World::new(&host()).await;
        w.publish_txt();
        w.publish(&w.domain, &DnsData::A(Ipv4Addr::new(198, 51, 100, 4)));
        w.publish(&w.target, &DnsData::A(Ipv4Addr::new(192, 0, 2, 4)));
        w.verify().await;
        let row = w.until(Verified).await;
        assert!(
            World::error(&row).contains("leads to 198.51.100.4"),
            "{row:?}"
        );
        assert!(w.queries(&w.domain, Some(DnsKind::A)) > 0);
    });
}
