//! What an authority keeps for us, as plain data: its directory, orders, authorisations, challenges, renewal windows.
//!
//! Everything here can be serialised: none of it is secret (a key authorisation is served to anybody who asks).
//! Not here: private keys.

use serde::{Deserialize, Serialize};

use crate::Problem;

/// What the authority says about itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Directory {
    /// Whether it offers renewal information (RFC 9773).
    pub renewal_info: bool,
    /// Whether accounts need an external binding.
    pub external_account_required: bool,
    /// The names by which it goes in CAA records.
    pub caa_identities: Vec<String>,
    /// The certificate profiles it offers.
    pub profiles: Vec<String>,
}

/// What to order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewOrder {
    /// DNS names in ASCII; a wildcard keeps its `*.`.
    pub names: Vec<String>,
    /// The certificate this one replaces ([`crate::certificate_id`]), where the authority offers renewal information.
    pub replaces: Option<String>,
    /// A profile of [`Directory::profiles`].
    pub profile: Option<String>,
}

impl NewOrder {
    /// An order for names, without more.
    pub fn of<N: Into<String>>(names: impl IntoIterator<Item = N>) -> Self {
        Self {
            names: names.into_iter().map(Into::into).collect(),
            ..Self::default()
        }
    }
}

/// The state of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Where it is looked at again, also by another process and after months.
    pub url: String,
    /// How far it is.
    pub status: OrderStatus,
    /// Why it failed, where it did.
    pub problem: Option<Problem>,
    /// Not before this instant (Unix milliseconds) the authority wants to be asked again, where it said so.
    pub retry_after_ms: Option<i64>,
}

/// How far an order is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OrderStatus {
    /// Authorisations are missing.
    Pending,
    /// May be finalized.
    Ready,
    /// The authority is making the certificate.
    Processing,
    /// The certificate can be fetched.
    Valid,
    /// Failed, for good; make another order.
    Invalid,
}

/// The right to a name, as far as it is proven.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Authorization {
    /// Its address.
    pub url: String,
    /// The name, without `*.`.
    pub name: String,
    /// Whether it is for the wildcard below the name.
    pub wildcard: bool,
    /// How far it is. A valid one needs nothing more.
    pub status: AuthorizationStatus,
    /// The ways to prove it.
    pub challenges: Vec<Challenge>,
}

impl Authorization {
    /// The challenge of a kind, where the authority offers it.
    #[must_use]
    pub fn challenge(&self, kind: ChallengeKind) -> Option<&Challenge> {
        self.challenges.iter().find(|c| c.kind == kind)
    }

    /// Why it failed, where it did.
    #[must_use]
    pub fn problem(&self) -> Option<&Problem> {
        self.challenges.iter().find_map(|c| c.problem.as_ref())
    }
}

/// How far an authorisation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AuthorizationStatus {
    /// Waits for a challenge.
    Pending,
    /// Proven.
    Valid,
    /// A challenge failed.
    Invalid,
    /// Given up, withdrawn or too old.
    Gone,
}

/// One way to prove the right to a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Challenge {
    /// Which way.
    pub kind: ChallengeKind,
    /// How far it is.
    pub status: ChallengeStatus,
    /// The token: the last part of the path asked for by HTTP-01.
    pub token: String,
    /// What HTTP-01 must answer: the token and our key's thumbprint.
    pub key_authorization: String,
    /// What the TXT record of DNS-01 must hold (unquoted).
    pub dns_value: String,
    /// Why it failed, where it did.
    pub problem: Option<Problem>,
}

/// The kinds of challenges we can answer; others that an authority offers are left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ChallengeKind {
    /// A text below `http://<name>/.well-known/acme-challenge/`.
    #[serde(rename = "http-01")]
    Http01,
    /// A TXT record at `_acme-challenge.<name>`.
    #[serde(rename = "dns-01")]
    Dns01,
}

impl ChallengeKind {
    /// Its name in the protocol.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Http01 => "http-01",
            Self::Dns01 => "dns-01",
        }
    }
}

/// How far a challenge is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ChallengeStatus {
    /// The authority has not been told that it is ready.
    Pending,
    /// The authority is looking.
    Processing,
    /// Found good.
    Valid,
    /// Found wanting.
    Invalid,
}

/// When the authority wants a certificate renewed (RFC 9773).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RenewalInfo {
    /// Begin of the window, Unix milliseconds.
    pub start_ms: i64,
    /// End of the window, Unix milliseconds.
    pub end_ms: i64,
    /// A page that says why, where there is one.
    pub explanation_url: Option<String>,
    /// When to ask again, Unix milliseconds.
    pub retry_after_ms: i64,
}
