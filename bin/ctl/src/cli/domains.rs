//! Custom domains and certificates.

use clap::{Args, Subcommand};

use super::Environment;

#[derive(Debug, Subcommand)]
pub(crate) enum Certificates {
    /// List certificates: host name, end, next renewal.
    List {
        /// At most so many.
        #[arg(long, default_value_t = 100)]
        limit: u64,
    },
    /// Show a certificate: names, issuer, serial number, end, next renewal.
    Show {
        /// Host name; a wildcard keeps its `*.`.
        host: String,
    },
    /// Obtain a new certificate now, whenever the stored one ends.
    Renew {
        /// Host name; a wildcard keeps its `*.`.
        host: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Domains {
    /// Add a domain to an app, print the records to publish, and follow it until it is verified or has failed.
    Add(AddDomain),
    /// Show a domain: status, what the last check saw, records, route, certificate.
    Status {
        /// Domain: `dom_…`, or the host name.
        domain: String,
    },
    /// Begin a new verification.
    Retry {
        /// Domain: `dom_…`, or the host name.
        domain: String,
        /// Begin it and return at once.
        #[arg(long)]
        no_wait: bool,
        /// Seconds to follow it; the checks go on.
        #[arg(long, default_value_t = 300, value_name = "SECONDS")]
        timeout: u64,
    },
    /// Delete a domain with its challenge and its own route.
    Delete {
        /// Domain: `dom_…`, or the host name.
        domain: String,
    },
}

#[derive(Args, Debug)]
pub(crate) struct AddDomain {
    /// Host name, e.g. www.example.com.
    pub(crate) domain: String,
    /// App: id, or workspace/project[/app].
    #[arg(long, env = "CTRL_APP")]
    pub(crate) app: String,
    /// Which environment.
    #[arg(long, default_value = "production")]
    pub(crate) environment: Environment,
    /// Domain below which CNAME targets lie: the worker's `cname_domain`.
    #[arg(long, env = "CTRL_CNAME_DOMAIN", value_name = "DOMAIN")]
    pub(crate) cname_domain: String,
    /// Begin the verification and return at once.
    #[arg(long)]
    pub(crate) no_wait: bool,
    /// Seconds to follow it; the checks go on.
    #[arg(long, default_value_t = 300, value_name = "SECONDS")]
    pub(crate) timeout: u64,
}
