//! The second backend, on the crate `acme2`, behind the feature of that name: native TLS, no maintenance, and the HTTP
//! stack of 2022 with its advisories (`deny.toml`).
//!
//! It issues by HTTP-01 and DNS-01 with RSA account keys. It refuses what the crate cannot do: elliptic account keys (it
//! would panic), external account binding, renewal information and `replaces`, profiles, and orders of another process
//! (an order cannot be made from its URL). It drops `Retry-After`; the date in the words of a limit is read instead.

mod read;

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use acme2::{AccountBuilder, Csr, DirectoryBuilder, OrderBuilder};
use async_trait::async_trait;
use openssl::pkey::{PKey, Private};
use openssl::x509::X509Req;
use reqwest_0_11 as reqwest;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use crate::backend::{Backend, Identity};
use crate::instant::{no_certificate, too_early};
use crate::{
    AccountKey, Authorization, ChallengeKind, Directory, KeyKind, NewOrder, Operation, Order,
    OrderStatus, Problem, RenewalInfo, Settings,
};
use read::{front, problem, read_authorization, read_order, told};

/// Orders kept at a time; the oldest goes first.
const ORDERS: usize = 1000;
/// The backend.
pub(crate) struct Second {
    settings: Settings,
    http: reqwest::Client,
    /// Front of the URLs we make up for orders; no other client has the same.
    front: String,
    next: AtomicU64,
    /// The orders of this process, by the number in the URL we make up for them.
    orders: Mutex<BTreeMap<u64, Kept>>,
}

struct Kept {
    account: String,
    order: acme2::Order,
    finalized: Option<acme2::Order>,
}

impl Second {
    pub(crate) fn new(settings: Settings) -> Result<Self, Problem> {
        let refuse = |why: &str| Problem::settings(Operation::Settings, why);
        if settings.external_account.is_some() {
            let why = "external account binding is not in the crate acme2";
            return Err(Problem::unsupported(Operation::Settings, why));
        }
        let url = reqwest::Url::parse(&settings.directory)
            .map_err(|_| refuse("the directory is not a URL"))?;
        let loopback = matches!(url.host_str(), Some("127.0.0.1" | "localhost" | "[::1]"));
        if url.scheme() != "https" && !loopback {
            return Err(refuse("the directory's URL is not https"));
        }
        let mut builder = reqwest::Client::builder()
            .use_native_tls()
            .connect_timeout(settings.limits.connect)
            .timeout(settings.limits.exchange)
            .redirect(reqwest::redirect::Policy::none())
            .https_only(!loopback)
            .user_agent(concat!("ctrl-worker/", env!("CARGO_PKG_VERSION")));
        if loopback {
            builder = builder.no_proxy();
        }
        for der in CertificateDer::pem_slice_iter(settings.ca_bundle.as_deref().unwrap_or_default())
        {
            let der = der.map_err(|_| refuse("the CA bundle is not PEM"))?;
            let trusted = reqwest::Certificate::from_der(&der)
                .map_err(|_| refuse("the CA bundle holds something else than certificates"))?;
            builder = builder.add_root_certificate(trusted);
        }
        Ok(Self {
            http: builder
                .build()
                .map_err(|_| refuse("no HTTP client can be made"))?,
            settings,
            front: front(),
            next: AtomicU64::new(1),
            orders: Mutex::new(BTreeMap::new()),
        })
    }

    async fn account(
        &self,
        operation: Operation,
        key: &AccountKey,
        create: bool,
    ) -> Result<std::sync::Arc<acme2::Account>, Problem> {
        let key = rsa(operation, key)?;
        let directory = DirectoryBuilder::new(self.settings.directory.clone())
            .http_client(self.http.clone())
            .build()
            .await
            .map_err(|error| problem(operation, error))?;
        let mut builder = AccountBuilder::new(directory);
        builder.private_key(key);
        if create {
            builder
                .contact(self.settings.contact.clone())
                .terms_of_service_agreed(true);
        } else {
            builder.only_return_existing(true);
        }
        let account = builder.build().await;
        account.map_err(|error| problem(operation, error))
    }

    fn orders(&self) -> std::sync::MutexGuard<'_, BTreeMap<u64, Kept>> {
        self.orders.lock().unwrap_or_else(|e| e.into_inner())
    }

    /// Takes an order out, so that it can be used across an await; [`Self::keep`] puts it back.
    fn take(
        &self,
        operation: Operation,
        who: &Identity,
        url: &str,
    ) -> Result<(u64, Kept), Problem> {
        let number = url.strip_prefix(&self.front).and_then(|n| n.parse().ok());
        let Some(number) = number else {
            let why = "an order of another process cannot be gone on with by the crate acme2";
            return Err(Problem::unsupported(operation, why));
        };
        let mut orders = self.orders();
        match orders.remove(&number) {
            Some(kept) if kept.account == who.url => Ok((number, kept)),
            Some(kept) => {
                orders.insert(number, kept);
                Err(lost(operation))
            }
            None => Err(lost(operation)),
        }
    }

    fn keep(&self, number: u64, kept: Kept) {
        let mut orders = self.orders();
        orders.insert(number, kept);
        while orders.len() > ORDERS {
            orders.pop_first();
        }
    }

    /// The order as it is now. The crate's own look loses the order when it fails, so before finalizing the
    /// authorisations are looked at instead.
    async fn look(
        &self,
        operation: Operation,
        url: &str,
        kept: &mut Kept,
    ) -> Result<Order, Problem> {
        if let Some(order) = kept.finalized.take() {
            let order = match order.status {
                acme2::OrderStatus::Processing => order
                    .poll()
                    .await
                    .map_err(|error| problem(operation, error))?,
                _ => order,
            };
            let found = read_order(url, &order);
            kept.finalized = Some(order);
            return Ok(found);
        }
        let mut status = OrderStatus::Ready;
        let mut why = None;
        for one in authorizations(operation, &kept.order).await? {
            match one.status {
                acme2::AuthorizationStatus::Valid => {}
                acme2::AuthorizationStatus::Pending if status == OrderStatus::Ready => {
                    status = OrderStatus::Pending;
                }
                acme2::AuthorizationStatus::Pending => {}
                _ => {
                    status = OrderStatus::Invalid;
                    why = one
                        .challenges
                        .iter()
                        .find_map(|c| c.error.as_ref())
                        .map(told);
                }
            }
        }
        Ok(Order {
            url: url.to_owned(),
            status,
            problem: why,
            retry_after_ms: None,
        })
    }
}

#[async_trait]
impl Backend for Second {
    fn name(&self) -> &'static str {
        "acme2"
    }

    fn key_kind(&self) -> KeyKind {
        KeyKind::Rsa
    }

    async fn directory(&self) -> Result<Directory, Problem> {
        let found = DirectoryBuilder::new(self.settings.directory.clone())
            .http_client(self.http.clone())
            .build()
            .await
            .map_err(|error| problem(Operation::Directory, error))?;
        let meta = found.meta.clone();
        Ok(Directory {
            renewal_info: false,
            external_account_required: meta
                .as_ref()
                .and_then(|m| m.external_account_required)
                .unwrap_or(false),
            caa_identities: meta.and_then(|m| m.caa_identities).unwrap_or_default(),
            profiles: Vec::new(),
        })
    }

    async fn register(&self, key: &AccountKey, create: bool) -> Result<String, Problem> {
        let account = self.account(Operation::Account, key, create).await?;
        Ok(account.id.clone())
    }

    async fn new_order(&self, who: &Identity, order: &NewOrder) -> Result<Order, Problem> {
        let operation = Operation::NewOrder;
        if order.replaces.is_some() || order.profile.is_some() {
            let why = "replaces and profiles are not in the crate acme2";
            return Err(Problem::unsupported(operation, why));
        }
        let account = self.account(operation, &who.key, false).await?;
        let mut builder = OrderBuilder::new(account);
        for name in &order.names {
            builder.add_dns_identifier(name.clone());
        }
        let order = builder.build().await;
        let order = order.map_err(|error| problem(operation, error))?;
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let made = read_order(&format!("{}{number}", self.front), &order);
        self.keep(
            number,
            Kept {
                account: who.url.clone(),
                order,
                finalized: None,
            },
        );
        Ok(made)
    }

    async fn order(&self, who: &Identity, url: &str) -> Result<Order, Problem> {
        let (number, mut kept) = self.take(Operation::Order, who, url)?;
        let found = self.look(Operation::Order, url, &mut kept).await;
        self.keep(number, kept);
        found
    }

    async fn authorizations(
        &self,
        who: &Identity,
        order_url: &str,
    ) -> Result<Vec<Authorization>, Problem> {
        let operation = Operation::Authorizations;
        let (number, kept) = self.take(operation, who, order_url)?;
        let found = authorizations(operation, &kept.order).await;
        self.keep(number, kept);
        let all = found?.into_iter().enumerate();
        Ok(all
            .map(|(place, one)| read_authorization(&format!("{order_url}/{place}"), &one, &who.key))
            .collect())
    }

    async fn set_ready(
        &self,
        who: &Identity,
        order_url: &str,
        kind: ChallengeKind,
    ) -> Result<(), Problem> {
        let operation = Operation::SetReady;
        let (number, kept) = self.take(operation, who, order_url)?;
        let done = async {
            for one in authorizations(operation, &kept.order).await? {
                if one.status != acme2::AuthorizationStatus::Pending {
                    continue;
                }
                let Some(challenge) = one.get_challenge(kind.name()) else {
                    let name = &one.identifier.value;
                    let why = format!("the authority offers no {} for {name}", kind.name());
                    return Err(Problem::unsupported(operation, why));
                };
                if challenge.status == acme2::ChallengeStatus::Pending {
                    let told = challenge.validate().await;
                    told.map_err(|error| problem(operation, error))?;
                }
            }
            Ok(())
        };
        let done = done.await;
        self.keep(number, kept);
        done
    }

    async fn finalize(
        &self,
        who: &Identity,
        order_url: &str,
        csr: &[u8],
    ) -> Result<Order, Problem> {
        let operation = Operation::Finalize;
        let csr = X509Req::from_der(csr)
            .map_err(|_| Problem::settings(operation, "the request cannot be read"))?;
        let (number, mut kept) = self.take(operation, who, order_url)?;
        let done = async {
            let now = self.look(operation, order_url, &mut kept).await?;
            match now.status {
                OrderStatus::Pending => {
                    return Err(too_early(operation, "authorisations are missing"));
                }
                OrderStatus::Ready => {}
                _ => return Ok(now),
            }
            let order = kept.order.finalize(Csr::Custom(csr)).await;
            let order = order.map_err(|error| problem(operation, error))?;
            let found = read_order(order_url, &order);
            kept.finalized = Some(order);
            Ok(found)
        };
        let done = done.await;
        self.keep(number, kept);
        done
    }

    async fn certificate(&self, who: &Identity, order_url: &str) -> Result<String, Problem> {
        let operation = Operation::Certificate;
        let (number, mut kept) = self.take(operation, who, order_url)?;
        let done = async {
            let now = self.look(operation, order_url, &mut kept).await?;
            let chain = match kept
                .finalized
                .as_ref()
                .filter(|_| now.status == OrderStatus::Valid)
            {
                Some(order) => order
                    .certificate()
                    .await
                    .map_err(|error| problem(operation, error))?,
                None => None,
            };
            let Some(chain) = chain else {
                return Err(no_certificate(now));
            };
            let mut text = String::new();
            for one in chain {
                let pem = one
                    .to_pem()
                    .ok()
                    .and_then(|pem| String::from_utf8(pem).ok());
                let broken = || Problem::unreachable(operation, "its chain cannot be written");
                text.push_str(&pem.ok_or_else(broken)?);
            }
            Ok(text)
        };
        let done = done.await;
        self.keep(number, kept);
        done
    }

    async fn renewal_info(&self, _certificate_id: &str) -> Result<RenewalInfo, Problem> {
        let why = "renewal information is not in the crate acme2";
        Err(Problem::unsupported(Operation::RenewalInfo, why))
    }
}

/// The key for the crate, which panics on any other than RSA.
fn rsa(operation: Operation, key: &AccountKey) -> Result<PKey<Private>, Problem> {
    if key.kind() != KeyKind::Rsa {
        let why = "elliptic account keys are not in the crate acme2; it needs an RSA key and with it a new account";
        return Err(Problem::unsupported(operation, why));
    }
    PKey::private_key_from_pkcs8(key.pkcs8())
        .map_err(|_| Problem::settings(operation, "the account key cannot be read"))
}

async fn authorizations(
    operation: Operation,
    order: &acme2::Order,
) -> Result<Vec<acme2::Authorization>, Problem> {
    let found = order.authorizations().await;
    found.map_err(|error| problem(operation, error))
}

fn lost(operation: Operation) -> Problem {
    Problem::told(operation, 404, None, Some("the order is not kept any more"))
}
