//! Sections for customers' domains and their certificates: `[dns]` and `[acme]`.
//!
//! Not for rules that span several keys (see `rules`).

use std::time::Duration;

use serde::Serialize;

use crate::reader::Reader;
use crate::{Secret, duration};

/// `[dns]`: who is asked for the records of customers' domains.
#[derive(Clone, Debug, Serialize)]
pub struct Dns {
    /// Addresses, each asked on its own; empty: the system's servers, as one.
    pub servers: Vec<String>,
    /// How many of them must say the same; 0: more than half.
    pub quorum: usize,
    /// How long one question may take.
    #[serde(serialize_with = "duration::serialize")]
    pub timeout: Duration,
    /// What customers' CAA records may call the certificate authority; empty: CAA is not looked at.
    pub caa_issuers: Vec<String>,
}

/// `[acme]`.
#[derive(Clone, Debug, Serialize)]
pub struct Acme {
    /// Whether certificates are issued.
    pub enabled: bool,
    /// The authority: `letsencrypt`, `letsencrypt-staging`, or the URL of a directory.
    pub directory: String,
    /// PEM file of authorities to trust besides the system's, for a private directory; empty: none.
    pub ca_file: String,
    /// Id of the key that binds the account to a customer of the authority; empty: none.
    pub external_account_key_id: String,
    /// That key, base64url.
    pub external_account_key: Secret,
    /// Kind of certificate keys: `p256` or `rsa2048`.
    pub key_type: String,
    /// Certificate profile, where the authority offers some; empty: its default.
    pub profile: String,
    /// Domain of the account's contact address.
    pub email_domain: String,
    /// DNS-01.
    pub route53: Route53,
}

/// `[acme.route53]`.
#[derive(Clone, Debug, Serialize)]
pub struct Route53 {
    /// Whether DNS-01 is used.
    pub enabled: bool,
    /// AWS key id.
    pub access_key_id: String,
    /// AWS secret.
    pub secret_access_key: Secret,
    /// AWS region.
    pub region: String,
    /// Empty: found by name.
    pub hosted_zone_id: String,
    /// Another address of the service; empty: AWS's own.
    pub endpoint: String,
    /// Name servers to ask whether a record is there, instead of those Route53 names; empty: those.
    pub authoritative: Vec<String>,
}

pub(crate) fn dns(r: &mut Reader) -> Dns {
    let quorum = r.int("dns.quorum", 0, 0..=9);
    let issuers = r.has("dns.caa_issuers");
    Dns {
        servers: r.texts("dns.servers"),
        quorum: usize::try_from(quorum).unwrap_or(0),
        timeout: r.duration("dns.timeout", Duration::from_secs(10)),
        caa_issuers: match r.texts("dns.caa_issuers") {
            absent if absent.is_empty() && !issuers => vec!["letsencrypt.org".to_owned()],
            said => said,
        },
    }
}

pub(crate) fn acme(r: &mut Reader) -> Acme {
    Acme {
        enabled: r.flag("acme.enabled", false),
        directory: r.text_or("acme.directory", "letsencrypt"),
        ca_file: r.text("acme.ca_file"),
        external_account_key_id: r.text("acme.external_account_key_id"),
        external_account_key: r.secret("acme.external_account_key"),
        key_type: r.text_or("acme.key_type", "p256"),
        profile: r.text("acme.profile"),
        email_domain: r.text_or("acme.email_domain", "unkey.com"),
        route53: Route53 {
            enabled: r.flag("acme.route53.enabled", false),
            access_key_id: r.text("acme.route53.access_key_id"),
            secret_access_key: r.secret("acme.route53.secret_access_key"),
            region: r.text_or("acme.route53.region", "us-east-1"),
            hosted_zone_id: r.text("acme.route53.hosted_zone_id"),
            endpoint: r.url_or("acme.route53.endpoint", ""),
            authoritative: r.texts("acme.route53.authoritative"),
        },
    }
}
