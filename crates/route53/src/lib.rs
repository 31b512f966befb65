//! Adapter for TXT records in Route53: find the zone of a name, add one value to a set that may hold others, take it
//! away again, and look whether the change has reached every server.
//!
//! Values of others are never touched: a set is changed by one batch that removes exactly what was read and creates
//! what shall be, which the service refuses as a whole when somebody else has changed the set in between; then it is
//! read again. Repeating a call does no harm.
//!
//! ```text
//! let route53 = Route53::new(Settings::default()).await?;
//! let zone = route53.zone_of("_acme-challenge.example.com").await?;
//! let put = route53.put(&zone, "_acme-challenge.example.com", value).await?;   // keep put.change
//! route53.in_sync(&change).await?                                              // look again until true
//! route53.visible(&zone, name, value).await?.everywhere()                      // look again until true
//! route53.take(&zone, name, value).await?;
//! ```
//!
//! Not here: waiting between two looks (durable code must not wait inside a step; [`Route53::wait_published`] is for
//! everybody else), other kinds of records, anything of Restate. Nothing of the libraries below shows through:
//! `aws-sdk-route53` by default, `rusoto_route53` behind the feature `rusoto`, see
//! `docs/decisions/0001-acme-and-route53-backends.md`.

mod aws;
mod backend;
mod call;
mod error;
mod name;
#[cfg(feature = "rusoto")]
mod second;
mod settings;
mod text;
mod visible;

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use backend::{Backend, TxtSet};
use call::call;

pub use error::{Class, Operation, Route53Error};
pub use settings::{Credentials, Limits, Settings};
pub use visible::Visibility;

/// Seconds that resolvers may keep a set we write.
pub const TTL: i64 = 600;
/// How often a set is read again because somebody else changed it meanwhile.
const CONFLICTS: u32 = 5;

/// A hosted zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zone {
    /// Its id, without `/hostedzone/`.
    pub id: String,
    /// Its name, lower case, without a dot at the end. Empty when only the id was configured.
    pub name: String,
}

/// What a change did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Put {
    /// The change to ask [`Route53::in_sync`] about; none when nothing had to be changed.
    pub change: Option<String>,
}

/// Route53 of one account. Clones share connections.
#[derive(Clone)]
pub struct Route53 {
    backend: Arc<dyn Backend>,
    settings: Arc<Settings>,
}

impl Route53 {
    /// Through the production backend. Without credentials in the settings the standard chain is used (environment,
    /// profile, container, machine).
    ///
    /// # Errors
    /// Class [`Class::Settings`], naming the wrong setting.
    pub async fn new(settings: Settings) -> Result<Self, Route53Error> {
        settings.check()?;
        Ok(Self {
            backend: Arc::new(aws::Aws::new(&settings).await),
            settings: Arc::new(settings),
        })
    }

    /// Through the crate `rusoto_route53`, unmaintained since 2022.
    ///
    /// # Errors
    /// Class [`Class::Settings`], naming the wrong setting.
    #[cfg(feature = "rusoto")]
    pub fn with_rusoto(settings: Settings) -> Result<Self, Route53Error> {
        settings.check()?;
        Ok(Self {
            backend: Arc::new(second::Second::new(&settings)?),
            settings: Arc::new(settings),
        })
    }

    /// The public zone with the longest name that is the name itself or above it; the configured zone, if one is,
    /// without asking.
    ///
    /// # Errors
    /// Any [`Route53Error`]; class [`Class::NotFound`] when the account has no such zone.
    pub async fn zone_of(&self, name: &str) -> Result<Zone, Route53Error> {
        let operation = Operation::FindZone;
        if let Some(id) = &self.settings.hosted_zone_id {
            return Ok(Zone {
                id: name::bare_id(id),
                name: String::new(),
            });
        }
        let name = name::plain(operation, name)?;
        for candidate in name::upwards(&name) {
            let found = call(&self.settings, operation, || {
                self.backend.zones_named(candidate)
            })
            .await?;
            if let Some(zone) = found.into_iter().find(|zone| zone.public) {
                return Ok(Zone {
                    id: name::bare_id(&zone.id),
                    name: candidate.to_owned(),
                });
            }
        }
        let why = format!("the account has no public hosted zone for {name}");
        Err(Route53Error::ours(operation, Class::NotFound, why))
    }

    /// The values of the TXT set at a name, unquoted.
    ///
    /// # Errors
    /// Any [`Route53Error`].
    pub async fn values(&self, zone: &Zone, name: &str) -> Result<Vec<String>, Route53Error> {
        let name = name::plain(Operation::Read, name)?;
        let set = self.read(Operation::Read, zone, &name).await?;
        Ok(set.map_or_else(Vec::new, |set| {
            set.values.iter().map(|v| text::read(v)).collect()
        }))
    }

    /// Adds a value to the TXT set at a name, which gets the TTL [`TTL`]. Looks first: a value that is there already
    /// is left alone.
    ///
    /// # Errors
    /// Any [`Route53Error`]; class [`Class::Conflict`] when others change the set all the time.
    pub async fn put(&self, zone: &Zone, name: &str, value: &str) -> Result<Put, Route53Error> {
        let quoted = text::quote(value)
            .map_err(|why| Route53Error::ours(Operation::Put, Class::BadRequest, why))?;
        let with = |old: Option<&TxtSet>| {
            let mut values = old.map_or_else(Vec::new, |set| set.values.clone());
            if values.iter().any(|v| text::read(v) == value) {
                return None;
            }
            values.push(quoted.clone());
            Some(Some(TxtSet { ttl: TTL, values }))
        };
        self.change(Operation::Put, zone, name, with).await
    }

    /// Takes a value out of the TXT set at a name; the last one takes the set with it. A value that is not there is no
    /// error.
    ///
    /// # Errors
    /// Any [`Route53Error`]; class [`Class::Conflict`] when others change the set all the time.
    pub async fn take(&self, zone: &Zone, name: &str, value: &str) -> Result<Put, Route53Error> {
        let without = |old: Option<&TxtSet>| {
            let old = old?;
            let mut left = old.values.clone();
            left.retain(|v| text::read(v) != value);
            match left.len() {
                0 => Some(None),
                n if n == old.values.len() => None,
                _ => Some(Some(TxtSet {
                    ttl: old.ttl,
                    values: left,
                })),
            }
        };
        self.change(Operation::Take, zone, name, without).await
    }

    /// Whether a change has reached all of Route53's servers.
    ///
    /// # Errors
    /// Any [`Route53Error`].
    pub async fn in_sync(&self, change: &str) -> Result<bool, Route53Error> {
        let change = name::bare_id(change);
        call(&self.settings, Operation::Look, || {
            self.backend.in_sync(&change)
        })
        .await
    }

    /// Asks every authoritative server of the zone for the value. The servers are those of the settings, or else those
    /// that Route53 gave the zone.
    ///
    /// # Errors
    /// Any [`Route53Error`]. Servers that do not answer are no error, see [`Visibility`].
    pub async fn visible(
        &self,
        zone: &Zone,
        name: &str,
        value: &str,
    ) -> Result<Visibility, Route53Error> {
        let operation = Operation::Ask;
        let name = name::plain(operation, name)?;
        let servers = match &self.settings.authoritative {
            Some(servers) => servers.iter().map(|s| (s.to_string(), *s)).collect(),
            None => {
                let names = call(&self.settings, operation, || {
                    self.backend.name_servers(&zone.id)
                })
                .await?;
                visible::addresses(&names).await?
            }
        };
        visible::ask(&self.settings, servers, &name, value).await
    }

    /// Looks until a change is in sync and every authoritative server has the value, or the time is over.
    ///
    /// # Errors
    /// Any [`Route53Error`]; class [`Class::Unavailable`] naming what was missing at the end.
    pub async fn wait_published(
        &self,
        zone: &Zone,
        name: &str,
        value: &str,
        put: &Put,
        within: Duration,
    ) -> Result<(), Route53Error> {
        let end = Instant::now() + within;
        let pause = self.settings.limits.between_looks;
        let late = |what: String| Route53Error::ours(Operation::Look, Class::Unavailable, what);
        if let Some(change) = &put.change {
            while !self.in_sync(change).await? {
                if Instant::now() + pause > end {
                    return Err(late(format!("change {change} is not in sync in time")));
                }
                tokio::time::sleep(pause).await;
            }
        }
        loop {
            let seen = self.visible(zone, name, value).await?;
            if seen.everywhere() {
                return Ok(());
            }
            if Instant::now() + pause > end {
                return Err(late(format!("not published in time: {seen}")));
            }
            tokio::time::sleep(pause).await;
        }
    }

    /// Reads the set, and changes it to what `next` says (`None`: leave it; `Some(None)`: remove it) unless somebody
    /// else has changed it meanwhile.
    async fn change(
        &self,
        operation: Operation,
        zone: &Zone,
        name: &str,
        next: impl Fn(Option<&TxtSet>) -> Option<Option<TxtSet>>,
    ) -> Result<Put, Route53Error> {
        let name = name::plain(operation, name)?;
        let mut conflicts = 0;
        loop {
            let old = self.read(operation, zone, &name).await?;
            let Some(new) = next(old.as_ref()) else {
                return Ok(Put { change: None });
            };
            let swapped = call(&self.settings, operation, || {
                let swap = self
                    .backend
                    .swap(&zone.id, &name, old.as_ref(), new.as_ref());
                async { swap.await.map_err(|error| error.at(operation)) }
            })
            .await;
            match swapped {
                Ok(change) => {
                    let change = Some(name::bare_id(&change));
                    return Ok(Put { change });
                }
                Err(error) if error.class == Class::Conflict && conflicts < CONFLICTS => {
                    conflicts += 1;
                    tokio::time::sleep(call::jitter(self.settings.limits.pause, conflicts)).await;
                }
                Err(error) => return Err(error),
            }
        }
    }

    async fn read(
        &self,
        operation: Operation,
        zone: &Zone,
        name: &str,
    ) -> Result<Option<TxtSet>, Route53Error> {
        call(&self.settings, operation, || {
            let read = self.backend.txt(&zone.id, name);
            async { read.await.map_err(|error| error.at(operation)) }
        })
        .await
    }
}

impl fmt::Debug for Route53 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Route53")
            .field("backend", &self.backend.name())
            .field("settings", &self.settings)
            .finish()
    }
}
