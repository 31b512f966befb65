//! Which account, which zone, and how long a call may take.
//!
//! Not here: reading configuration files; crate `config` does.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use crate::{Class, Operation, Route53Error};

/// The settings of one account.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The region requests are signed for; Route53 itself has none.
    pub region: String,
    /// A static key; none: the standard chain.
    pub credentials: Option<Credentials>,
    /// The only zone to use, instead of looking for one.
    pub hosted_zone_id: Option<String>,
    /// Another address for the service, for tests.
    pub endpoint: Option<String>,
    /// The authoritative servers to ask instead of those Route53 names, for tests and split DNS.
    pub authoritative: Option<Vec<SocketAddr>>,
    /// Time and number limits.
    pub limits: Limits,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            region: "us-east-1".to_owned(),
            credentials: None,
            hosted_zone_id: None,
            endpoint: None,
            authoritative: None,
            limits: Limits::default(),
        }
    }
}

impl Settings {
    pub(crate) fn check(&self) -> Result<(), Route53Error> {
        let refuse = |why: &str| {
            Err(Route53Error::ours(
                Operation::Settings,
                Class::Settings,
                why,
            ))
        };
        if self.region.is_empty() {
            return refuse("the region is empty");
        }
        if self.hosted_zone_id.as_deref() == Some("") {
            return refuse("the hosted zone id is empty");
        }
        if self.authoritative.as_ref().is_some_and(Vec::is_empty) {
            return refuse("the list of authoritative servers is empty");
        }
        if let Some(credentials) = &self.credentials
            && (credentials.access_key_id.is_empty() || credentials.secret_access_key.is_empty())
        {
            return refuse("an access key needs an id and a secret");
        }
        if self.limits.tries == 0 || self.limits.attempt.is_zero() {
            return refuse("a limit is zero");
        }
        Ok(())
    }
}

/// A static access key.
#[derive(Clone)]
pub struct Credentials {
    /// Its id.
    pub access_key_id: String,
    pub(crate) secret_access_key: String,
}

impl Credentials {
    /// From both halves.
    #[must_use]
    pub fn new(access_key_id: &str, secret_access_key: &str) -> Self {
        Self {
            access_key_id: access_key_id.to_owned(),
            secret_access_key: secret_access_key.to_owned(),
        }
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("access_key_id", &self.access_key_id)
            .field("secret_access_key", &"***")
            .finish()
    }
}

/// Bounds of a call.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// For one request.
    pub attempt: Duration,
    /// Requests per call, when the service throttles or fails.
    pub tries: u32,
    /// Bound of the pause before the second try; it doubles with each further one. The pause is drawn below it.
    pub pause: Duration,
    /// Between two looks of [`crate::Route53::wait_published`].
    pub between_looks: Duration,
    /// For one question to an authoritative server.
    pub question: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            attempt: Duration::from_secs(15),
            tries: 5,
            pause: Duration::from_millis(400),
            between_looks: Duration::from_secs(4),
            question: Duration::from_secs(10),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_settings_are_named_and_secrets_never_shown() {
        let good = Settings {
            credentials: Some(Credentials::new("AKIA", "hunter2")),
            ..Settings::default()
        };
        good.check().unwrap();
        assert!(!format!("{good:?}").contains("hunter2"));
        let wrong: [fn(&mut Settings); 6] = [
            |s| s.region.clear(),
            |s| s.hosted_zone_id = Some(String::new()),
            |s| s.authoritative = Some(Vec::new()),
            |s| s.credentials = Some(Credentials::new("", "x")),
            |s| s.credentials = Some(Credentials::new("x", "")),
            |s| s.limits.tries = 0,
        ];
        for change in wrong {
            let mut settings = good.clone();
            change(&mut settings);
            assert_eq!(settings.check().unwrap_err().class, Class::Settings);
        }
    }
}
