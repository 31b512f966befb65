//! Servers that fail, lie or say nothing: what is unknown is never called missing.

use dns::{Agreement, Answer, Verdict};
use testbed::{DnsData, DnsFailure, DnsKind};

use crate::{resolver_of, servers};

const NAME: &str = "_unkey.acme.test";

#[test]
fn a_failing_server_is_unknown_and_a_denying_one_is_not() {
    testbed::run(async {
        let (servers, resolver) = servers(1).await;
        let dns = &servers[0];
        dns.add(NAME, DnsData::txt("t"));
        for failure in [
            DnsFailure::ServFail,
            DnsFailure::Refused,
            DnsFailure::Silence,
        ] {
            dns.fail(NAME, None, failure, None);
            let answer = resolver.texts(NAME).await.answers[0].1.clone();
            assert!(
                matches!(answer, Answer::Unknown(_)),
                "{failure:?}: {answer:?}"
            );
            dns.heal(NAME);
        }
        dns.fail(NAME, None, DnsFailure::NxDomain, None);
        assert_eq!(resolver.texts(NAME).await.answers[0].1, Answer::Missing);
        dns.heal(NAME);
        assert!(resolver.texts(NAME).await.answers[0].1.found().is_some());
    });
}

#[test]
fn one_failure_of_one_packet_is_tried_again() {
    testbed::run(async {
        let (servers, resolver) = servers(1).await;
        servers[0].add(NAME, DnsData::txt("t"));
        servers[0].fail(NAME, Some(DnsKind::Txt), DnsFailure::Silence, Some(1));
        let seen = resolver.texts(NAME).await;
        assert!(seen.answers[0].1.found().is_some(), "{seen:?}");
    });
}

#[test]
fn an_address_kind_that_fails_does_not_hide_the_other() {
    testbed::run(async {
        let (servers, resolver) = servers(1).await;
        let dns = &servers[0];
        dns.add("acme.test", DnsData::A(std::net::Ipv4Addr::LOCALHOST));
        dns.fail("acme.test", Some(DnsKind::Aaaa), DnsFailure::ServFail, None);
        assert!(
            resolver.addresses("acme.test").await.answers[0]
                .1
                .found()
                .is_some()
        );
        // the kind that exists fails, the other is missing: unknown, not missing
        dns.heal("acme.test");
        dns.fail("acme.test", Some(DnsKind::A), DnsFailure::ServFail, None);
        let answer = resolver.addresses("acme.test").await.answers[0].1.clone();
        assert!(matches!(answer, Answer::Unknown(_)), "{answer:?}");
    });
}

#[test]
fn a_quorum_outvotes_a_liar_and_survives_a_silent_server() {
    testbed::run(async {
        let (servers, resolver) = servers(3).await;
        let right = |texts: &Vec<String>| texts.iter().any(|t| t == "right");
        servers[0].add(NAME, DnsData::txt("right"));
        let judge = async |agreement| resolver.texts(NAME).await.judge(agreement, right);
        // one forged answer of three
        assert_eq!(judge(Agreement::Quorum).await, Verdict::No);
        servers[1].add(NAME, DnsData::txt("right"));
        assert_eq!(judge(Agreement::Quorum).await, Verdict::Yes);
        assert_eq!(judge(Agreement::All).await, Verdict::No);
        servers[2].fail("*", None, DnsFailure::ServFail, None);
        assert_eq!(judge(Agreement::Quorum).await, Verdict::Yes);
        assert_eq!(judge(Agreement::All).await, Verdict::Unknown);
        servers[1].fail("*", None, DnsFailure::Silence, None);
        assert_eq!(judge(Agreement::Quorum).await, Verdict::Unknown);
        let seen = resolver.texts(NAME).await;
        let silent = seen.silent();
        assert!(silent.contains(&servers[1].addr().to_string()), "{silent}");
        assert!(silent.contains("no answer in time"), "{silent}");
        assert!(silent.contains("server failure"), "{silent}");
        // a quorum of one takes any server's word
        let lenient = resolver_of(&servers, 1);
        let seen = lenient.texts(NAME).await;
        assert_eq!(seen.judge(Agreement::Quorum, right), Verdict::Yes);
    });
}
