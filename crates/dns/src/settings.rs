//! Which servers are asked, and how they are reached.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{NameServerConfig, ResolveHosts, ResolverConfig};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::system_conf::read_system_conf;

use crate::lookup::Vantage;

/// More servers than these only cost time: the slowest of them is waited for.
const MAX_SERVERS: usize = 9;

/// Which servers are asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// `1.1.1.1`, `9.9.9.9:53`, `[2620:fe::fe]:53`; each is asked on its own. None: the system's servers, as one.
    pub servers: Vec<String>,
    /// How many must say the same; 0: more than half.
    pub quorum: usize,
    /// How long one question may take, over all tries.
    pub deadline: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            servers: Vec::new(),
            quorum: 0,
            deadline: Duration::from_secs(10),
        }
    }
}

/// Why nobody can be asked.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// Not an address.
    #[error("{0:?} is no address of a DNS server; write 1.1.1.1, 9.9.9.9:53 or [2620:fe::fe]:53")]
    Address(String),
    /// Too many.
    #[error("{0} DNS servers are too many; at most {MAX_SERVERS} are asked")]
    TooMany(usize),
    /// Twice the same is no second opinion.
    #[error("the DNS server {0} is named twice")]
    Twice(String),
    /// More than there are.
    #[error("a quorum of {quorum} needs as many DNS servers, and there are {servers}")]
    Quorum {
        /// Asked for.
        quorum: usize,
        /// There are.
        servers: usize,
    },
    /// The system has none.
    #[error("the system's DNS servers cannot be read ({0}); name some")]
    System(String),
    /// The resolver did not start.
    #[error("the resolver of {0} cannot be made: {1}")]
    Resolver(String, String),
}

impl Settings {
    pub(crate) fn vantages(&self) -> Result<Vec<Vantage>, SettingsError> {
        if self.servers.len() > MAX_SERVERS {
            return Err(SettingsError::TooMany(self.servers.len()));
        }
        if self.servers.is_empty() {
            let (system, _) =
                read_system_conf().map_err(|e| SettingsError::System(e.to_string()))?;
            let servers = system.name_servers().to_vec();
            if servers.is_empty() {
                return Err(SettingsError::System("none".to_owned()));
            }
            return Ok(vec![self.vantage("system".to_owned(), servers)?]);
        }
        let mut addresses: Vec<SocketAddr> = Vec::new();
        let mut vantages = Vec::new();
        for text in &self.servers {
            let address = address(text)?;
            if addresses.contains(&address) {
                return Err(SettingsError::Twice(text.clone()));
            }
            addresses.push(address);
            let mut server = NameServerConfig::udp_and_tcp(address.ip());
            server.trust_negative_responses = true;
            for connection in &mut server.connections {
                connection.port = address.port();
            }
            vantages.push(self.vantage(text.clone(), vec![server])?);
        }
        Ok(vantages)
    }

    pub(crate) fn quorum_of(&self, servers: usize) -> Result<usize, SettingsError> {
        match self.quorum {
            0 => Ok(servers / 2 + 1),
            quorum if quorum <= servers => Ok(quorum),
            quorum => Err(SettingsError::Quorum { quorum, servers }),
        }
    }

    fn vantage(
        &self,
        name: String,
        servers: Vec<NameServerConfig>,
    ) -> Result<Vantage, SettingsError> {
        let config = ResolverConfig::from_parts(None, Vec::new(), servers);
        let mut builder =
            TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
        let options = builder.options_mut();
        // A customer who has just changed a record must not be told what was there before.
        options.cache_size = 0;
        options.use_hosts_file = ResolveHosts::Never;
        options.ndots = 0;
        options.preserve_intermediates = true;
        // One try and one more, both within the deadline.
        options.attempts = 1;
        options.timeout = self.deadline * 2 / 5;
        let resolver = builder
            .build()
            .map_err(|e| SettingsError::Resolver(name.clone(), e.to_string()))?;
        Ok(Vantage::new(name, resolver))
    }
}

fn address(text: &str) -> Result<SocketAddr, SettingsError> {
    let text = text.trim();
    text.parse::<SocketAddr>()
        .or_else(|_| text.parse::<IpAddr>().map(|ip| SocketAddr::new(ip, 53)))
        .map_err(|_| SettingsError::Address(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(servers: &[&str], quorum: usize) -> Settings {
        Settings {
            servers: servers.iter().map(|&s| s.to_owned()).collect(),
            quorum,
            ..Settings::default()
        }
    }

    #[test]
    fn addresses_with_and_without_port() {
        let plain = |text| address(text).map(|a| a.to_string()).ok();
        assert_eq!(plain("1.1.1.1").as_deref(), Some("1.1.1.1:53"));
        assert_eq!(plain(" 9.9.9.9:5353 ").as_deref(), Some("9.9.9.9:5353"));
        assert_eq!(
            plain("[2620:fe::fe]:53").as_deref(),
            Some("[2620:fe::fe]:53")
        );
        assert_eq!(plain("2620:fe::fe").as_deref(), Some("[2620:fe::fe]:53"));
        assert_eq!(plain("dns.example"), None);
        assert_eq!(plain(""), None);
    }

    #[test]
    fn the_quorum_is_more_than_half_unless_said() {
        let quorum = |servers, quorum| settings(&[], quorum).quorum_of(servers).ok();
        assert_eq!(
            (quorum(1, 0), quorum(2, 0), quorum(3, 0)),
            (Some(1), Some(2), Some(2))
        );
        assert_eq!((quorum(3, 3), quorum(3, 4)), (Some(3), None));
    }

    #[test]
    fn a_server_named_twice_or_a_crowd_is_refused() {
        let refused = |servers: &[&str]| settings(servers, 0).vantages().err();
        assert!(matches!(
            refused(&["1.1.1.1", "1.1.1.1:53"]),
            Some(SettingsError::Twice(_))
        ));
        let crowd: Vec<String> = (1..=10).map(|n| format!("10.0.0.{n}")).collect();
        let crowd: Vec<&str> = crowd.iter().map(String::as_str).collect();
        assert!(matches!(refused(&crowd), Some(SettingsError::TooMany(10))));
    }
}
