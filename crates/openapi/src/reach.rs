//! Which addresses a scrape may connect to, and the resolver that lets no other through. A name is judged by what it
//! resolves to at the moment of connecting, so that a record that changes in between opens nothing.

use futures::future::BoxFuture;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

/// Where a request may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Addresses of the public Internet.
    Public,
    /// Private ones, too, as instances have them in a development cluster; never link-local ones, where cloud
    /// providers serve credentials.
    Cluster,
}

/// A name led to no address that may be reached.
#[derive(Debug, thiserror::Error)]
#[error("the host leads to an address that is not public")]
pub(crate) struct Forbidden;

/// Looks a name up; ports do not matter.
pub(crate) type Lookup =
    Arc<dyn Fn(String) -> BoxFuture<'static, std::io::Result<Vec<SocketAddr>>> + Send + Sync>;

/// The system's resolver.
pub(crate) fn system() -> Lookup {
    Arc::new(|name: String| {
        Box::pin(async move { Ok(tokio::net::lookup_host((name.as_str(), 0)).await?.collect()) })
    })
}

/// Resolves like `lookup`, without what must not be reached.
pub(crate) struct Guard {
    pub(crate) lookup: Lookup,
    pub(crate) reach: Reach,
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let (lookup, reach) = (self.lookup.clone(), self.reach);
        Box::pin(async move {
            let found = lookup(name.as_str().to_owned()).await?;
            let allowed: Vec<SocketAddr> = found
                .into_iter()
                .filter(|a| may_reach(a.ip(), reach))
                .collect();
            if allowed.is_empty() {
                return Err(Forbidden.into());
            }
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}

/// Whether an address may be connected to.
pub(crate) fn may_reach(ip: IpAddr, reach: Reach) -> bool {
    match (ip, reach) {
        (IpAddr::V4(ip), Reach::Public) => is_public_v4(ip),
        (IpAddr::V6(ip), Reach::Public) => is_public_v6(ip),
        (IpAddr::V4(ip), Reach::Cluster) => {
            !(ip.is_link_local() || ip.is_unspecified() || ip.is_multicast() || ip.is_broadcast())
        }
        (IpAddr::V6(ip), Reach::Cluster) => match ip.to_ipv4_mapped() {
            Some(ip) => may_reach(ip.into(), reach),
            None => !(ip.is_unicast_link_local() || ip.is_unspecified() || ip.is_multicast()),
        },
    }
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    !(ip.is_private()
        || ip.is_loopback()
        || ip.is_link_local()
        || ip.is_multicast()
        || ip.is_documentation()
        || a == 0
        || a >= 240
        || a == 100 && (64..128).contains(&b)
        || a == 198 && (b == 18 || b == 19)
        || a == 192 && b == 0 && c == 0)
}

/// Global unicast only; forms that carry an IPv4 address are judged by it.
fn is_public_v6(ip: Ipv6Addr) -> bool {
    let s = ip.segments();
    let v4 = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        is_public_v4(Ipv4Addr::new(a, b, c, d))
    };
    match s {
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => v4(high, low),
        [0x2002, high, low, ..] => v4(high, low),
        // Teredo, benchmarking, documentation.
        [0x2001, 0 | 2 | 0xdb8, ..] => false,
        [first, ..] => first & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(list: &[&str], reach: Reach) -> Vec<bool> {
        list.iter()
            .map(|ip| may_reach(ip.parse().expect("an address"), reach))
            .collect()
    }

    #[test]
    fn only_public_addresses_are_reached_from_outside() {
        let private = [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "192.0.0.8",
            "198.18.0.1",
            "203.0.113.9",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::1",
            "::",
            "fe80::1",
            "fc00::1",
            "fd12::1",
            "ff02::1",
            "::ffff:127.0.0.1",
            "::ffff:8.8.8.8",
            "64:ff9b::a01:203",
            "2002:a01:203::1",
            "2001:db8::1",
            "2001::1",
            "::7f00:1",
        ];
        assert_eq!(all(&private, Reach::Public), vec![false; private.len()]);
        let public = [
            "8.8.8.8",
            "100.63.0.1",
            "172.32.0.1",
            "2606:4700::1111",
            "64:ff9b::808:808",
            "2002:808:808::1",
        ];
        assert_eq!(all(&public, Reach::Public), vec![true; public.len()]);
    }

    #[test]
    fn a_cluster_has_private_addresses_but_no_metadata() {
        let good = ["10.1.2.3", "127.0.0.1", "fd12::1", "::1", "8.8.8.8"];
        assert_eq!(all(&good, Reach::Cluster), vec![true; good.len()]);
        let bad = [
            "169.254.169.254",
            "fe80::1",
            "0.0.0.0",
            "224.0.0.1",
            "::ffff:169.254.169.254",
        ];
        assert_eq!(all(&bad, Reach::Cluster), vec![false; bad.len()]);
    }
}
