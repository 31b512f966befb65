//! Adapter for certificate authorities that speak ACME (RFC 8555, RFC 9773): accounts, orders, challenges, finalize,
//! renewal information, and one problem type that says what to do.
//!
//! Every call is one short exchange that never waits for the authority's own work: what takes time (validation,
//! issuance) is looked at again by the caller, after the time the authority names. A call may be repeated: only
//! [`Account::new_order`] makes something new each time.
//!
//! ```text
//! let acme = Acme::new(Settings::of("staging"))?;
//! let account = acme.register(&key).await?;                        // the existing one if the key is known
//! let order = account.new_order(&NewOrder::of(["www.example.com"])).await?;   // keep order.url
//! for authorization in account.authorizations(&order.url).await? { … publish, then set_ready … }
//! let order = account.order(&order.url).await?;                    // Ready, or look again after order.retry_after_ms
//! account.finalize(&order.url, &certificate_key.csr(&names)?).await?;
//! let chain = account.certificate(&order.url).await?;
//! let checked = check(&chain, certificate_key.pem(), &names, now_ms)?;
//! ```
//!
//! Not here: publishing challenges (DNS is crate `route53`), storing anything, waiting, anything of Restate. Nothing
//! of the libraries below shows through: `instant-acme` by default, `acme2` behind the feature `acme2`, see
//! `docs/decisions/0001-acme-and-route53-backends.md`.

mod account;
mod backend;
mod call;
mod check;
mod csr;
mod date;
mod instant;
mod key;
mod order;
mod problem;
#[cfg(feature = "acme2")]
mod second;
mod settings;

pub use account::{Account, Acme};
pub use check::{Checked, Flaw, certificate_id, check, read};
pub use csr::{CertificateKey, KeyAlgorithm};
pub use key::{AccountKey, KeyKind};
pub use order::{
    Authorization, AuthorizationStatus, Challenge, ChallengeKind, ChallengeStatus, Directory,
    NewOrder, Order, OrderStatus, RenewalInfo,
};
pub use problem::{Class, Operation, Problem, Remedy, Subproblem};
pub use settings::{ExternalAccount, Limits, PRODUCTION, STAGING, Settings};
