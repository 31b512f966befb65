//! The production backend, on the crate `instant-acme`.
//!
//! Three things the library does not give are done here: it makes up account keys itself, so accounts are registered
//! in `register`; it drops `Retry-After` of refusals, so the HTTP client below records it; and it asks for renewal
//! information only through an account.

mod http;
mod read;
mod register;

use async_trait::async_trait;
use instant_acme::{Account, AuthorizationStatus, CertificateIdentifier, Identifier, NewOrder};
use rustls::pki_types::PrivatePkcs8KeyDer;
use std::sync::Mutex;
use std::time::{Duration, Instant as Moment};

use crate::backend::{Backend, Identity};
use crate::{
    AccountKey, Authorization, ChallengeKind, ChallengeStatus, Directory, KeyKind, Operation,
    Order, OrderStatus, Problem, RenewalInfo, Settings,
};
use http::{Http, Seen, watch};

/// After this time the directory is read anew.
const DIRECTORY_FRESH: Duration = Duration::from_secs(3600);

/// The backend.
pub(crate) struct Instant {
    settings: Settings,
    http: Http,
    /// The account used last, with the directory the library read for it: a worker has one.
    last: Mutex<Option<Opened>>,
}

struct Opened {
    url: String,
    thumbprint: String,
    account: Account,
    since: Moment,
}

impl Instant {
    pub(crate) fn new(settings: Settings) -> Result<Self, Problem> {
        Ok(Self {
            http: Http::new(&settings)?,
            settings,
            last: Mutex::new(None),
        })
    }

    /// The library's account; reads the directory now and then.
    async fn open(&self, who: &Identity) -> Result<Account, instant_acme::Error> {
        let known = |opened: &Opened| {
            opened.url == who.url
                && opened.thumbprint == who.key.thumbprint()
                && opened.since.elapsed() < DIRECTORY_FRESH
        };
        if let Some(opened) = self.last().as_ref().filter(|opened| known(opened)) {
            return Ok(opened.account.clone());
        }
        let account = Account::builder_with_http(Box::new(self.http.clone()))
            .from_parts(
                who.url.clone(),
                PrivatePkcs8KeyDer::from(who.key.pkcs8()),
                self.settings.directory.clone(),
            )
            .await?;
        *self.last() = Some(Opened {
            url: who.url.clone(),
            thumbprint: who.key.thumbprint().to_owned(),
            account: account.clone(),
            since: Moment::now(),
        });
        Ok(account)
    }

    fn last(&self) -> std::sync::MutexGuard<'_, Option<Opened>> {
        self.last.lock().unwrap_or_else(|e| e.into_inner())
    }

    /// Runs an exchange as an account and turns the library's error into a problem.
    async fn exchange<T>(
        &self,
        operation: Operation,
        who: &Identity,
        with: impl AsyncFnOnce(Account) -> Result<T, instant_acme::Error> + Send,
    ) -> Result<(T, Seen), Problem>
    where
        T: Send,
    {
        if who.key.kind() != KeyKind::P256 {
            let why = "account keys other than P-256; register a new account";
            return Err(Problem::unsupported(operation, why));
        }
        let (result, seen) = watch(async { with(self.open(who).await?).await }).await;
        match result {
            Ok(value) => Ok((value, seen)),
            Err(error) => Err(read::problem(operation, error, &seen)),
        }
    }
}

#[async_trait]
impl Backend for Instant {
    fn name(&self) -> &'static str {
        "instant-acme"
    }

    fn key_kind(&self) -> KeyKind {
        KeyKind::P256
    }

    async fn directory(&self) -> Result<Directory, Problem> {
        let url = &self.settings.directory;
        let (found, _) = self.http.get(Operation::Directory, url).await?;
        read::directory(&found)
    }

    async fn register(&self, key: &AccountKey, create: bool) -> Result<String, Problem> {
        register::register(&self.http, &self.settings, key, create).await
    }

    async fn new_order(&self, who: &Identity, order: &crate::NewOrder) -> Result<Order, Problem> {
        let names: Vec<Identifier> = order.names.iter().cloned().map(Identifier::Dns).collect();
        let replaces = order.replaces.as_deref().map(certificate_identifier);
        let replaces = replaces.transpose()?;
        let (made, seen) = self
            .exchange(Operation::NewOrder, who, async |account: Account| {
                let mut new = NewOrder::new(&names);
                if let Some(id) = replaces {
                    new = new.replaces(id);
                }
                if let Some(profile) = &order.profile {
                    new = new.profile(profile);
                }
                Ok(account.new_order(&new).await?.into_parts())
            })
            .await?;
        Ok(read::order(made.0, &made.1, &seen))
    }

    async fn order(&self, who: &Identity, url: &str) -> Result<Order, Problem> {
        let (found, seen) = self
            .exchange(Operation::Order, who, async |account: Account| {
                Ok(account.order(url.to_owned()).await?.into_parts())
            })
            .await?;
        Ok(read::order(found.0, &found.1, &seen))
    }

    async fn authorizations(
        &self,
        who: &Identity,
        order_url: &str,
    ) -> Result<Vec<Authorization>, Problem> {
        let found = self
            .exchange(Operation::Authorizations, who, async |account: Account| {
                let mut order = account.order(order_url.to_owned()).await?;
                let mut authorizations = order.authorizations();
                let mut all = Vec::new();
                while let Some(one) = authorizations.next().await {
                    let one = one?;
                    all.push(read::authorization(one.url(), &one, &who.key));
                }
                Ok(all)
            })
            .await?;
        Ok(found.0)
    }

    async fn set_ready(
        &self,
        who: &Identity,
        order_url: &str,
        kind: ChallengeKind,
    ) -> Result<(), Problem> {
        let (missing, _) = self
            .exchange(Operation::SetReady, who, async |account: Account| {
                let mut order = account.order(order_url.to_owned()).await?;
                let mut authorizations = order.authorizations();
                while let Some(one) = authorizations.next().await {
                    let mut one = one?;
                    if one.status != AuthorizationStatus::Pending {
                        continue;
                    }
                    let name = one.identifier().to_string();
                    let Some(mut challenge) = one.challenge(read::kind_out(kind)) else {
                        return Ok(Some(name));
                    };
                    if read::challenge_status(challenge.status) == ChallengeStatus::Pending {
                        challenge.set_ready().await?;
                    }
                }
                Ok(None)
            })
            .await?;
        match missing {
            None => Ok(()),
            Some(name) => Err(Problem::unsupported(
                Operation::SetReady,
                format!("the authority offers no {} for {name}", kind.name()),
            )),
        }
    }

    async fn finalize(
        &self,
        who: &Identity,
        order_url: &str,
        csr: &[u8],
    ) -> Result<Order, Problem> {
        let ((url, state, early), seen) = self
            .exchange(Operation::Finalize, who, async |account: Account| {
                let mut order = account.order(order_url.to_owned()).await?;
                let status = read::order_status(order.state().status);
                if status == OrderStatus::Ready {
                    order.finalize_csr(csr).await?;
                }
                let (url, state) = order.into_parts();
                Ok((url, state, status == OrderStatus::Pending))
            })
            .await?;
        if early {
            return Err(too_early(Operation::Finalize, "authorisations are missing"));
        }
        Ok(read::order(url, &state, &seen))
    }

    async fn certificate(&self, who: &Identity, order_url: &str) -> Result<String, Problem> {
        let ((url, state, chain), seen) = self
            .exchange(Operation::Certificate, who, async |account: Account| {
                let mut order = account.order(order_url.to_owned()).await?;
                let chain = match read::order_status(order.state().status) {
                    OrderStatus::Valid => order.certificate().await?,
                    _ => None,
                };
                let (url, state) = order.into_parts();
                Ok((url, state, chain))
            })
            .await?;
        match chain {
            Some(chain) => Ok(chain),
            None => Err(no_certificate(read::order(url, &state, &seen))),
        }
    }

    async fn renewal_info(&self, certificate_id: &str) -> Result<RenewalInfo, Problem> {
        let operation = Operation::RenewalInfo;
        certificate_identifier(certificate_id)?;
        let directory = self.http.get(operation, &self.settings.directory).await?.0;
        let Some(base) = read::renewal_info_url(&directory)? else {
            let why = "the authority offers no renewal information";
            return Err(Problem::unsupported(operation, why));
        };
        let url = format!("{}/{certificate_id}", base.trim_end_matches('/'));
        let (found, seen) = self.http.get(operation, &url).await?;
        read::renewal_info(&found, seen.retry_after_ms)
    }
}

/// Why there is no chain: the order's own problem, or that it is too early.
pub(crate) fn no_certificate(order: Order) -> Problem {
    let operation = Operation::Certificate;
    match (order.status, order.problem) {
        (OrderStatus::Invalid, Some(problem)) => problem,
        (OrderStatus::Invalid, None) => {
            Problem::told(operation, 410, None, Some("the order has failed"))
        }
        _ => {
            let mut problem = too_early(operation, "the certificate is not made yet");
            problem.retry_after_ms = order.retry_after_ms;
            problem
        }
    }
}

/// The order is not as far as that.
pub(crate) fn too_early(operation: Operation, why: &str) -> Problem {
    let kind = "urn:ietf:params:acme:error:orderNotReady";
    Problem::told(operation, 403, Some(kind), Some(why))
}

fn certificate_identifier(id: &str) -> Result<CertificateIdentifier<'static>, Problem> {
    let plain = |part: &str| {
        !part.is_empty()
            && part.len() <= 200
            && part
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    match id.split_once('.') {
        Some((issuer, serial)) if plain(issuer) && plain(serial) => Ok(CertificateIdentifier {
            authority_key_identifier: issuer.to_owned().into(),
            serial: serial.to_owned().into(),
        }),
        _ => Err(Problem::settings(
            Operation::RenewalInfo,
            "a certificate is named by its issuer's key identifier, a dot and its serial number",
        )),
    }
}
