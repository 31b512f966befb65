//! Whether every authoritative server of a zone answers with a value.

use std::fmt;
use std::net::SocketAddr;

use dns::{Answer, Resolver};

use crate::{Class, Operation, Route53Error, Settings};

/// A zone has four servers; more addresses than this are not asked.
const SERVERS: usize = 9;

/// What the authoritative servers answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Visibility {
    /// Servers that answer with the value.
    pub with: Vec<String>,
    /// Servers that answer without it.
    pub without: Vec<String>,
    /// Servers that did not answer, with the reason.
    pub silent: Vec<String>,
}

impl Visibility {
    /// Whether all servers answer with the value. None asked is not everywhere.
    #[must_use]
    pub fn everywhere(&self) -> bool {
        !self.with.is_empty() && self.without.is_empty() && self.silent.is_empty()
    }
}

impl fmt::Display for Visibility {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = self.with.len() + self.without.len() + self.silent.len();
        write!(f, "{} of {all} servers have the value", self.with.len())?;
        if !self.without.is_empty() {
            write!(f, ", without it: {}", self.without.join(", "))?;
        }
        if !self.silent.is_empty() {
            write!(f, ", silent: {}", self.silent.join(", "))?;
        }
        Ok(())
    }
}

/// One address of each name server, IPv4 where it has one.
pub(crate) async fn addresses(names: &[String]) -> Result<Vec<(String, SocketAddr)>, Route53Error> {
    let mut all = Vec::new();
    for name in names.iter().take(SERVERS) {
        let plain = name.strip_suffix('.').unwrap_or(name);
        let found = tokio::net::lookup_host((plain, 53)).await;
        let found: Vec<SocketAddr> = found.map(Iterator::collect).unwrap_or_default();
        let first = found.iter().find(|a| a.is_ipv4()).or(found.first());
        let Some(address) = first else {
            let why = format!("the name server {plain} has no address");
            return Err(Route53Error::ours(Operation::Ask, Class::Unavailable, why));
        };
        if all.iter().all(|(_, known)| known != address) {
            all.push((plain.to_owned(), *address));
        }
    }
    if all.is_empty() {
        let why = "Route53 names no name servers for the zone";
        return Err(Route53Error::ours(Operation::Ask, Class::Unavailable, why));
    }
    Ok(all)
}

/// Asks each server on its own.
pub(crate) async fn ask(
    settings: &Settings,
    servers: Vec<(String, SocketAddr)>,
    name: &str,
    value: &str,
) -> Result<Visibility, Route53Error> {
    let resolver = Resolver::new(&dns::Settings {
        servers: servers.iter().map(|(_, a)| a.to_string()).collect(),
        quorum: servers.len(),
        deadline: settings.limits.question,
    })
    .map_err(|e| Route53Error::ours(Operation::Ask, Class::Settings, e.to_string()))?;
    let seen = resolver.texts(name).await;
    let mut visibility = Visibility {
        with: Vec::new(),
        without: Vec::new(),
        silent: Vec::new(),
    };
    for ((server, _), (_, answer)) in servers.into_iter().zip(seen.answers) {
        match answer {
            Answer::Found(texts) if texts.iter().any(|text| text == value) => {
                visibility.with.push(server);
            }
            Answer::Found(_) | Answer::Missing => visibility.without.push(server),
            Answer::Unknown(why) => visibility.silent.push(format!("{server} ({why})")),
        }
    }
    Ok(visibility)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everywhere_means_asked_and_all() {
        let of = |with: usize, without: usize, silent: usize| Visibility {
            with: vec!["a".to_owned(); with],
            without: vec!["b".to_owned(); without],
            silent: vec!["c (late)".to_owned(); silent],
        };
        assert!(of(4, 0, 0).everywhere());
        for missing in [of(0, 0, 0), of(3, 1, 0), of(3, 0, 1)] {
            assert!(!missing.everywhere(), "{missing}");
        }
        assert_eq!(
            of(2, 1, 1).to_string(),
            "2 of 4 servers have the value, without it: b, silent: c (late)"
        );
    }
}
