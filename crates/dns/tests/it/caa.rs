//! The climb for CAA records, and what keeps it from being wrong.

use dns::Caa;
use testbed::{DnsData, DnsFailure, DnsKind};

use crate::servers;

fn at(caa: &Caa) -> Option<&str> {
    match caa {
        Caa::Set(set) => Some(&set.name),
        _ => None,
    }
}

#[test]
fn the_nearest_name_with_records_counts() {
    testbed::run(async {
        let (servers, resolver) = servers(1).await;
        let dns = &servers[0];
        assert_eq!(resolver.caa("a.b.acme.test").await, Caa::Unrestricted);
        // up to and with the top-level domain, and not the root
        assert_eq!(dns.queries("test", Some(DnsKind::Caa)), 1);
        dns.add("acme.test", DnsData::caa("issue", "otherca.example"));
        let caa = resolver.caa("a.b.acme.test").await;
        assert_eq!(at(&caa), Some("acme.test"));
        let Caa::Set(set) = &caa else {
            panic!("{caa:?}")
        };
        assert!(!set.allows(&["letsencrypt.org".into()], false));
        assert!(set.describe().contains("otherca.example"));
        dns.add("b.acme.test", DnsData::caa("issue", "letsencrypt.org"));
        let caa = resolver.caa("*.b.acme.test").await;
        assert_eq!(at(&caa), Some("b.acme.test"));
        // an alias's target has its own say
        dns.add("www.acme.test", DnsData::Cname("cdn.test".into()));
        dns.add("cdn.test", DnsData::caa("issue", "cdnca.example"));
        assert_eq!(
            at(&resolver.caa("www.acme.test").await),
            Some("www.acme.test")
        );
    });
}

#[test]
fn a_level_that_cannot_be_read_is_not_climbed_over() {
    testbed::run(async {
        let (servers, resolver) = servers(1).await;
        let dns = &servers[0];
        dns.add("acme.test", DnsData::caa("issue", "letsencrypt.org"));
        dns.fail(
            "api.acme.test",
            Some(DnsKind::Caa),
            DnsFailure::ServFail,
            None,
        );
        let Caa::Unknown(why) = resolver.caa("api.acme.test").await else {
            panic!("a server failure was climbed over");
        };
        assert!(why.contains("api.acme.test"), "{why}");
        dns.heal("api.acme.test");
        assert_eq!(at(&resolver.caa("api.acme.test").await), Some("acme.test"));
    });
}

#[test]
fn the_climb_ends_with_its_deadline() {
    testbed::run(async {
        let (servers, resolver) = servers(1).await;
        servers[0].fail(
            "*",
            None,
            DnsFailure::Late(std::time::Duration::from_millis(300)),
            None,
        );
        let begun = std::time::Instant::now();
        let caa = resolver.caa("a.b.c.d.e.f.g.h.acme.test").await;
        assert!(matches!(caa, Caa::Unknown(_)), "{caa:?}");
        assert!(begun.elapsed() < std::time::Duration::from_millis(1600));
    });
}
