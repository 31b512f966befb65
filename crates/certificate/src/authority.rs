//! The steps that reach the authority: preflight, order, challenges, certificate request. Each is one short exchange.
//!
//! What only waiting can mend is tried again by the step's policy; everything else comes back as data, because only a
//! text would survive a failed step. Not for what is done about it: see `issue`.

use crate::Deps;
use crate::account;
use crate::round::Record;
use crate::subject::Subject;
use crate::verdict::{Cause, Failure};
use acme::{
    Acme, AuthorizationStatus, CertificateKey, ChallengeKind, NewOrder, Order, Problem, Remedy,
};
use dns::Caa;
use durable::Stop;
use serde::{Deserialize, Serialize};
use vault::Vault;

/// An answer, or a problem that trying again soon does not mend.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Told<T> {
    /// The answer.
    Done(T),
    /// The problem.
    Refused(Problem),
}

/// Sorts an answer: what may pass soon is an error of the step.
pub(crate) fn told<T>(answer: Result<T, Problem>) -> Result<Told<T>, Stop> {
    match answer {
        Ok(value) => Ok(Told::Done(value)),
        Err(problem) if problem.remedy() == Remedy::Soon => Err(Stop::retry(problem)),
        Err(problem) => Ok(Told::Refused(problem)),
    }
}

/// The authority and the Vault, both configured.
#[derive(Clone, Copy)]
pub(crate) struct Authority<'a> {
    pub(crate) deps: &'a Deps,
    pub(crate) acme: &'a Acme,
    pub(crate) vault: &'a Vault,
}

/// What is known before anything is ordered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Preflight {
    /// Whether the authority takes the name of the certificate that is replaced.
    pub(crate) replaces: bool,
    /// Why the authority would refuse; in words.
    pub(crate) forbidden: Option<String>,
}

/// What was published.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Published {
    /// The rows the edge answers from.
    Rows,
    /// A DNS record.
    Record(Record),
    /// Nothing was asked for: the authority remembers an earlier proof.
    Nothing,
    /// The domain is gone.
    Gone,
    /// Cannot be published.
    Refused(Failure),
}

/// An order and when it was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Look {
    pub(crate) order: Order,
    pub(crate) now: i64,
}

impl Authority<'_> {
    /// Reads directory and CAA records. Servers that do not answer about CAA do not keep an order from being made: the
    /// authority asks by itself and is told the same or not.
    pub(crate) async fn preflight(&self, subject: &Subject) -> Result<Told<Preflight>, Stop> {
        let directory = match told(self.acme.directory().await)? {
            Told::Done(directory) => directory,
            Told::Refused(problem) => return Ok(Told::Refused(problem)),
        };
        let issuers = match directory.caa_identities.is_empty() {
            true => &self.deps.settings.caa_issuers,
            false => &directory.caa_identities,
        };
        let forbidden = match &self.deps.dns {
            Some(dns) if !issuers.is_empty() => match dns.caa(&subject.name()).await {
                Caa::Set(set) if !set.allows(issuers, subject.is_wildcard()) => Some(format!(
                    "{}, which does not allow this platform's authority ({}); add a record that does, or remove them.",
                    set.describe(),
                    issuers.join(", ")
                )),
                Caa::Unknown(why) => {
                    tracing::info!(why, "CAA is not known; the authority will look by itself");
                    None
                }
                _ => None,
            },
            _ => None,
        };
        Ok(Told::Done(Preflight {
            replaces: directory.renewal_info,
            forbidden,
        }))
    }

    /// Makes an order: the only exchange whose repetition makes something new.
    pub(crate) async fn new_order(
        &self,
        account_url: &str,
        subject: &Subject,
        replaces: Option<String>,
    ) -> Result<Told<Look>, Stop> {
        let account = account::of(self.deps, self.acme, self.vault, account_url).await?;
        let mut order = NewOrder::of([subject.name()]);
        order.replaces = replaces;
        order.profile = self.deps.settings.profile.clone();
        told(account.new_order(&order).await.map(look))
    }

    /// Looks at the order. What a failed one has to say stands in its authorisations.
    pub(crate) async fn look(
        &self,
        account_url: &str,
        order_url: &str,
    ) -> Result<Told<Look>, Stop> {
        let account = account::of(self.deps, self.acme, self.vault, account_url).await?;
        let mut order = match told(account.order(order_url).await)? {
            Told::Done(order) => order,
            Told::Refused(problem) => return Ok(Told::Refused(problem)),
        };
        if order.status == acme::OrderStatus::Invalid {
            let all = account.authorizations(order_url).await.unwrap_or_default();
            let told = all.iter().find_map(|a| a.problem().cloned());
            order.problem = told.or(order.problem);
        }
        Ok(Told::Done(look(order)))
    }

    /// Publishes what the authority will ask for: rows for the edge, or a DNS record and then the rows.
    pub(crate) async fn publish(
        &self,
        account_url: &str,
        order_url: &str,
        subject: &Subject,
    ) -> Result<Told<Published>, Stop> {
        let account = account::of(self.deps, self.acme, self.vault, account_url).await?;
        let all = match told(account.authorizations(order_url).await)? {
            Told::Done(all) => all,
            Told::Refused(problem) => return Ok(Told::Refused(problem)),
        };
        // one name, so one authorisation
        let Some(wanted) = all
            .iter()
            .find(|a| a.status == AuthorizationStatus::Pending)
        else {
            return Ok(Told::Done(Published::Nothing));
        };
        let Some(challenge) = wanted.challenge(kind_of(subject)) else {
            let text = format!(
                "the authority offers no {} challenge",
                kind_of(subject).name()
            );
            return Ok(Told::Done(Published::Refused(Failure::new(
                Cause::Operator,
                text,
            ))));
        };
        let mut record = None;
        if subject.is_wildcard() {
            match self
                .publish_record(&wanted.name, &challenge.dns_value)
                .await?
            {
                Ok(published) => record = Some(published),
                Err(failure) => return Ok(Told::Done(Published::Refused(failure))),
            }
        }
        let kept = crate::challenge::present(
            &self.deps.db,
            subject,
            &challenge.token,
            &challenge.key_authorization,
            durable::clock::wall_ms(),
        )
        .await?;
        Ok(Told::Done(match (kept, record) {
            (_, Some(record)) => Published::Record(record),
            (crate::challenge::Kept::Gone, None) => Published::Gone,
            (crate::challenge::Kept::Yes, None) => Published::Rows,
        }))
    }

    async fn publish_record(
        &self,
        base: &str,
        value: &str,
    ) -> Result<Result<Record, Failure>, Stop> {
        let Some(route53) = &self.deps.route53 else {
            let text = "a wildcard needs acme.route53.enabled = true";
            return Ok(Err(Failure::new(Cause::Operator, text)));
        };
        crate::record::publish(route53, &format!("_acme-challenge.{base}"), value).await
    }

    /// Tells the authority that it may look.
    pub(crate) async fn set_ready(
        &self,
        account_url: &str,
        order_url: &str,
        subject: &Subject,
    ) -> Result<Told<()>, Stop> {
        let account = account::of(self.deps, self.acme, self.vault, account_url).await?;
        told(account.set_ready(order_url, kind_of(subject)).await)
    }

    /// Makes the private key; gives the Vault's ciphertext.
    pub(crate) async fn make_key(&self, subject: &Subject) -> Result<String, Stop> {
        let algorithm = self.deps.settings.key_algorithm;
        let key = tokio::task::spawn_blocking(move || CertificateKey::generate(algorithm))
            .await
            .map_err(Stop::retry)?
            .map_err(Stop::retry)?;
        let sealed = self
            .vault
            .encrypt(&subject.workspace_id, key.pem())
            .await
            .map_err(Stop::retry)?;
        Ok(sealed.blob)
    }

    /// Sends the certificate request.
    pub(crate) async fn finalize(
        &self,
        account_url: &str,
        order_url: &str,
        subject: &Subject,
        sealed: &str,
    ) -> Result<Told<Look>, Stop> {
        let account = account::of(self.deps, self.acme, self.vault, account_url).await?;
        let pem = self
            .vault
            .decrypt(&subject.workspace_id, sealed)
            .await
            .map_err(Stop::retry)?;
        let csr = CertificateKey::from_pem(pem.expose())
            .and_then(|key| key.csr(&[subject.name()]))
            .map_err(Stop::retry)?;
        told(account.finalize(order_url, &csr).await.map(look))
    }
}

fn look(order: Order) -> Look {
    Look {
        order,
        now: durable::clock::wall_ms(),
    }
}

fn kind_of(subject: &Subject) -> ChallengeKind {
    if subject.is_wildcard() {
        ChallengeKind::Dns01
    } else {
        ChallengeKind::Http01
    }
}
