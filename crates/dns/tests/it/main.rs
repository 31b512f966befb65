//! The resolver against real DNS servers of the testbed: real packets over UDP and TCP.
#![recursion_limit = "256"]

mod caa;
mod questions;
mod silence;

use std::time::Duration;

use dns::{Resolver, Settings};
use testbed::DnsServer;

/// As many servers as asked for, and a resolver that asks them all.
async fn servers(count: usize) -> (Vec<DnsServer>, Resolver) {
    let mut servers = Vec::new();
    for _ in 0..count {
        servers.push(DnsServer::start().await.expect("starts"));
    }
    let resolver = resolver_of(&servers, 0);
    (servers, resolver)
}

fn resolver_of(servers: &[DnsServer], quorum: usize) -> Resolver {
    Resolver::new(&Settings {
        servers: servers.iter().map(|s| s.addr().to_string()).collect(),
        quorum,
        deadline: Duration::from_secs(1),
    })
    .expect("addresses")
}
