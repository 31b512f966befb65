//! What is asked and how the answer is read.

use std::net::{Ipv4Addr, Ipv6Addr};

use dns::{Agreement, Answer, Verdict};
use testbed::{DnsData, DnsKind};

use crate::servers;

#[test]
fn the_first_alias_counts_and_case_and_dot_do_not() {
    testbed::run(async {
        let (servers, resolver) = servers(1).await;
        let dns = &servers[0];
        dns.add("api.acme.test", DnsData::Cname("ABC1.Cname.Test.".into()));
        dns.add("abc1.cname.test", DnsData::Cname("lb.cloud.test".into()));
        dns.add("lb.cloud.test", DnsData::A(Ipv4Addr::new(192, 0, 2, 7)));
        let seen = resolver.cname("api.acme.test").await;
        assert_eq!(seen.answers[0].1, Answer::Found("abc1.cname.test".into()));
        assert_eq!(seen.question().to_string(), "CNAME of api.acme.test");
        // the alias of nothing at all is an alias all the same
        dns.add("dangling.acme.test", DnsData::Cname("nowhere.test".into()));
        let seen = resolver.cname("dangling.acme.test").await;
        assert_eq!(seen.answers[0].1, Answer::Found("nowhere.test".into()));
        // a name with addresses alone has none
        let seen = resolver.cname("lb.cloud.test").await;
        assert_eq!(seen.answers[0].1, Answer::Missing);
    });
}

#[test]
fn every_text_of_a_set_is_read_and_its_strings_are_joined() {
    testbed::run(async {
        let (servers, resolver) = servers(1).await;
        let dns = &servers[0];
        dns.set(
            "_unkey.acme.test",
            [
                DnsData::txt("v=spf1 -all"),
                DnsData::Txt(vec!["unkey-domain-".into(), "verify=Ab1".into()]),
            ],
        );
        let seen = resolver.texts("_unkey.acme.test").await;
        let mut texts = seen.answers[0].1.found().expect("found").clone();
        texts.sort();
        assert_eq!(texts, ["unkey-domain-verify=Ab1", "v=spf1 -all"]);
        // an alias leads to the text, as some customers delegate it
        dns.add(
            "_unkey.www.acme.test",
            DnsData::Cname("_unkey.acme.test".into()),
        );
        let seen = resolver.texts("_unkey.www.acme.test").await;
        let found = seen.judge(Agreement::Quorum, |texts| texts.len() == 2);
        assert_eq!(found, Verdict::Yes);
    });
}

/// More than fits one UDP packet: the answer comes over TCP, whole.
#[test]
fn a_set_too_large_for_a_packet_is_read_whole() {
    testbed::run(async {
        let (servers, resolver) = servers(1).await;
        let texts = (0..40).map(|n| DnsData::txt(format!("{n:02}{}", "x".repeat(200))));
        servers[0].set("big.acme.test", texts);
        let seen = resolver.texts("big.acme.test").await;
        assert_eq!(seen.answers[0].1.found().map(Vec::len), Some(40));
        assert!(servers[0].queries("big.acme.test", Some(DnsKind::Txt)) >= 2);
    });
}

#[test]
fn both_kinds_of_address_are_read_behind_every_alias() {
    testbed::run(async {
        let (servers, resolver) = servers(1).await;
        let dns = &servers[0];
        dns.add("acme.test", DnsData::Cname("one.test".into()));
        dns.add("one.test", DnsData::Cname("two.test".into()));
        dns.add("two.test", DnsData::A(Ipv4Addr::new(192, 0, 2, 1)));
        dns.add("two.test", DnsData::Aaaa(Ipv6Addr::LOCALHOST));
        let seen = resolver.addresses("acme.test").await;
        let found = seen.answers[0].1.found().expect("found");
        assert_eq!(found.aliases, ["one.test", "two.test"]);
        assert_eq!(found.addresses.len(), 2);
        // one kind is enough, none is none
        dns.add("four.test", DnsData::A(Ipv4Addr::new(192, 0, 2, 1)));
        let seen = resolver.addresses("four.test").await;
        assert_eq!(
            seen.answers[0].1.found().map(|a| a.addresses.len()),
            Some(1)
        );
        dns.add("text.test", DnsData::txt("x"));
        assert_eq!(
            resolver.addresses("text.test").await.answers[0].1,
            Answer::Missing
        );
    });
}

/// A customer who has just changed a record is told what is there now.
#[test]
fn nothing_is_remembered() {
    testbed::run(async {
        let (servers, resolver) = servers(1).await;
        let dns = &servers[0];
        let ask = async || resolver.texts("x.acme.test").await.answers[0].1.clone();
        assert_eq!(ask().await, Answer::Missing);
        dns.add("x.acme.test", DnsData::txt("one"));
        assert_eq!(ask().await, Answer::Found(vec!["one".into()]));
        dns.set("x.acme.test", [DnsData::txt("two")]);
        assert_eq!(ask().await, Answer::Found(vec!["two".into()]));
        dns.remove("x.acme.test");
        assert_eq!(ask().await, Answer::Missing);
    });
}
