//! The authority and an account there: what the rest of the worker calls.
//!
//! Not here: how a backend speaks; see `backend`, and `call` for limits, repetitions and metrics.

use std::fmt;
use std::sync::Arc;

use crate::backend::{Backend, Identity};
use crate::call::{Calls, call};
use crate::instant::Instant;
use crate::{
    AccountKey, Authorization, AuthorizationStatus, ChallengeKind, ChallengeStatus, Directory,
    KeyKind, NewOrder, Operation, Order, Problem, RenewalInfo, Settings,
};

/// One certificate authority. Clones share connections.
#[derive(Clone)]
pub struct Acme {
    backend: Arc<dyn Backend>,
    calls: Arc<Calls>,
}

impl Acme {
    /// The authority through the production backend.
    ///
    /// # Errors
    /// A problem of class [`crate::Class::Settings`] that names the wrong setting.
    pub fn new(settings: Settings) -> Result<Self, Problem> {
        let calls = Arc::new(Calls::new(&settings)?);
        Ok(Self {
            backend: Arc::new(Instant::new(settings)?),
            calls,
        })
    }

    /// The authority through the crate `acme2`. It knows RSA account keys only and refuses with
    /// [`crate::Class::Unsupported`]: elliptic account keys, external account binding, renewal information and
    /// `replaces`, profiles, and orders begun by another process. It gives no `Retry-After`.
    ///
    /// # Errors
    /// A problem of class [`crate::Class::Settings`] that names the wrong setting.
    #[cfg(feature = "acme2")]
    pub fn with_acme2(settings: Settings) -> Result<Self, Problem> {
        let calls = Arc::new(Calls::new(&settings)?);
        Ok(Self {
            backend: Arc::new(crate::second::Second::new(settings)?),
            calls,
        })
    }

    /// The kind of account keys to make for this backend.
    #[must_use]
    pub fn key_kind(&self) -> KeyKind {
        self.backend.key_kind()
    }

    /// What the authority says about itself; asked anew each time.
    ///
    /// # Errors
    /// Any [`Problem`].
    pub async fn directory(&self) -> Result<Directory, Problem> {
        let calls = &self.calls;
        call(calls, Operation::Directory, || self.backend.directory()).await
    }

    /// The account of a key, created where the authority has none, with the contact and binding of the settings. The
    /// terms of service are agreed to. Repeating it gives the same account.
    ///
    /// # Errors
    /// Any [`Problem`].
    pub async fn register(&self, key: &AccountKey) -> Result<Account, Problem> {
        self.find_or_create(key, true).await
    }

    /// The account of a key that has one already.
    ///
    /// # Errors
    /// Any [`Problem`]; [`crate::Remedy::Register`] when there is none.
    pub async fn find(&self, key: &AccountKey) -> Result<Account, Problem> {
        self.find_or_create(key, false).await
    }

    async fn find_or_create(&self, key: &AccountKey, create: bool) -> Result<Account, Problem> {
        let url = call(&self.calls, Operation::Account, || {
            self.backend.register(key, create)
        })
        .await?;
        Ok(self.account(key, &url))
    }

    /// The account with a stored key and URL, without asking the authority.
    #[must_use]
    pub fn account(&self, key: &AccountKey, url: &str) -> Account {
        Account {
            acme: self.clone(),
            who: Arc::new(Identity {
                key: key.clone(),
                url: url.to_owned(),
            }),
        }
    }

    /// When a certificate ([`crate::certificate_id`]) should be renewed. Needs no account.
    ///
    /// # Errors
    /// Any [`Problem`]; class [`crate::Class::Unsupported`] when the authority offers no renewal information.
    pub async fn renewal_info(&self, certificate_id: &str) -> Result<RenewalInfo, Problem> {
        call(&self.calls, Operation::RenewalInfo, || {
            self.backend.renewal_info(certificate_id)
        })
        .await
    }
}

impl fmt::Debug for Acme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Acme")
            .field("backend", &self.backend.name())
            .finish_non_exhaustive()
    }
}

/// An account at an authority. Clones are cheap.
#[derive(Debug, Clone)]
pub struct Account {
    acme: Acme,
    who: Arc<Identity>,
}

impl Account {
    /// Its URL, which goes with the key: store both.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.who.url
    }

    /// Makes an order. The only call with an effect that repeating does not find again: keep the URL at once.
    ///
    /// # Errors
    /// Any [`Problem`].
    pub async fn new_order(&self, order: &NewOrder) -> Result<Order, Problem> {
        let backend = &self.acme.backend;
        call(&self.acme.calls, Operation::NewOrder, || {
            backend.new_order(&self.who, order)
        })
        .await
    }

    /// Looks at an order, also one of another process.
    ///
    /// # Errors
    /// Any [`Problem`]; [`crate::Remedy::NewOrder`] when the authority does not know it any more.
    pub async fn order(&self, url: &str) -> Result<Order, Problem> {
        let backend = &self.acme.backend;
        call(&self.acme.calls, Operation::Order, || {
            backend.order(&self.who, url)
        })
        .await
    }

    /// The authorisations of an order with the challenges we can answer.
    ///
    /// # Errors
    /// Any [`Problem`].
    pub async fn authorizations(&self, order_url: &str) -> Result<Vec<Authorization>, Problem> {
        let backend = &self.acme.backend;
        call(&self.acme.calls, Operation::Authorizations, || {
            backend.authorizations(&self.who, order_url)
        })
        .await
    }

    /// Tells that all challenges of a kind are published: every authorisation of the order that is still pending is
    /// looked at by the authority. Authorisations that are not pending are left alone, so repeating it does no harm.
    ///
    /// # Errors
    /// Any [`Problem`]; class [`crate::Class::Unsupported`] when the authority does not offer the kind for a name.
    pub async fn set_ready(&self, order_url: &str, kind: ChallengeKind) -> Result<(), Problem> {
        let backend = &self.acme.backend;
        let told = call(&self.acme.calls, Operation::SetReady, || {
            backend.set_ready(&self.who, order_url, kind)
        })
        .await;
        match told {
            // told before, the authority may have looked between our reading and our telling, and refuses the second
            Err(problem) if problem.kind == "malformed" => {
                let all = self.authorizations(order_url).await?;
                let open = |c: &crate::Challenge| c.status == ChallengeStatus::Pending;
                let waits = |one: &Authorization| {
                    one.status == AuthorizationStatus::Pending
                        && one.challenge(kind).is_none_or(open)
                };
                if all.iter().any(waits) {
                    return Err(problem);
                }
                Ok(())
            }
            told => told,
        }
    }

    /// Sends the certificate request (DER) of a ready order. An order that is processing or valid already is only
    /// looked at, so repeating it makes no second certificate.
    ///
    /// # Errors
    /// Any [`Problem`]; [`crate::Remedy::Look`] when authorisations are missing.
    pub async fn finalize(&self, order_url: &str, csr: &[u8]) -> Result<Order, Problem> {
        let backend = &self.acme.backend;
        call(&self.acme.calls, Operation::Finalize, || {
            backend.finalize(&self.who, order_url, csr)
        })
        .await
    }

    /// The chain of a valid order in PEM, leaf first. Not trusted: pass it to [`crate::check`].
    ///
    /// # Errors
    /// Any [`Problem`]; [`crate::Remedy::Look`] when it is not made yet.
    pub async fn certificate(&self, order_url: &str) -> Result<String, Problem> {
        let backend = &self.acme.backend;
        call(&self.acme.calls, Operation::Certificate, || {
            backend.certificate(&self.who, order_url)
        })
        .await
    }
}
