//! Asks the DNS what it says right now: nothing is remembered between two questions, several servers are asked
//! independently, and "there is none" is never confused with "nobody answered".
//!
//! Every answer keeps who said what, so that a person can be told what was seen. Not for deciding who owns a name (crate
//! `custom-domain`), not for writing records (crate `route53`), and nothing of Restate.

mod answer;
mod caa;
mod lookup;
mod name;
mod settings;

use std::time::Duration;

use futures::future::join_all;

pub use answer::{Agreement, Answer, Seen, Verdict};
pub use caa::{Caa, CaaRecord, CaaSet};
pub use lookup::Addresses;
pub use name::{NameError, apex, check_host_name};
pub use settings::{Settings, SettingsError};

use lookup::Vantage;

/// The longest climb for CAA: a host name has at most 127 labels, and nobody needs more than these.
const MAX_CLIMB: usize = 16;

/// Asks all configured servers. Clones share sockets.
#[derive(Clone)]
pub struct Resolver {
    vantages: Vec<Vantage>,
    quorum: usize,
    deadline: Duration,
}

impl std::fmt::Debug for Resolver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Resolver")
            .field(
                "servers",
                &self.vantages.iter().map(Vantage::name).collect::<Vec<_>>(),
            )
            .field("quorum", &self.quorum)
            .field("deadline", &self.deadline)
            .finish()
    }
}

impl Resolver {
    /// Opens no connection yet.
    ///
    /// # Errors
    /// An address that is none, a quorum above the number of servers, or a system without DNS servers.
    pub fn new(settings: &Settings) -> Result<Self, SettingsError> {
        let vantages = settings.vantages()?;
        let quorum = settings.quorum_of(vantages.len())?;
        Ok(Self {
            vantages,
            quorum,
            deadline: settings.deadline,
        })
    }

    /// How many servers must say the same.
    pub fn quorum(&self) -> usize {
        self.quorum
    }

    /// The first alias of a name: where its own CNAME record leads, lower case, without a dot at the end.
    pub async fn cname(&self, name: &str) -> Seen<String> {
        self.ask("CNAME", name, |vantage| vantage.cname(name)).await
    }

    /// Every text at a name, the strings of one record joined.
    pub async fn texts(&self, name: &str) -> Seen<Vec<String>> {
        self.ask("TXT", name, |vantage| vantage.texts(name)).await
    }

    /// IPv4 and IPv6 addresses behind a name, and the aliases on the way there.
    pub async fn addresses(&self, name: &str) -> Seen<Addresses> {
        self.ask("A/AAAA", name, |vantage| vantage.addresses(name))
            .await
    }

    /// Who may issue certificates for a name (`*.` in front is left out): the records at the nearest name upwards
    /// that has any. Takes no longer than one deadline.
    pub async fn caa(&self, name: &str) -> Caa {
        let climb = async {
            for level in caa::climb(name).take(MAX_CLIMB) {
                let seen = self.ask("CAA", level, |vantage| vantage.caa(level)).await;
                match caa::at(level, &seen, self.quorum) {
                    Some(found) => return found,
                    None => continue,
                }
            }
            Caa::Unrestricted
        };
        tokio::time::timeout(self.deadline, climb)
            .await
            .unwrap_or_else(|_| Caa::Unknown(format!("CAA of {name}: not answered in time")))
    }

    async fn ask<'a, T, F>(
        &'a self,
        kind: &'static str,
        name: &str,
        question: impl Fn(&'a Vantage) -> F,
    ) -> Seen<T>
    where
        F: Future<Output = Answer<T>>,
    {
        let answers = self.vantages.iter().map(|vantage| {
            let answer = lookup::measured(kind, self.deadline, question(vantage));
            async move { (vantage.name().to_owned(), answer.await) }
        });
        Seen::new(kind, name, self.quorum, join_all(answers).await)
    }
}
