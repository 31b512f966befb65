//! A BuildKit of the operator's own: no projects, nothing to open or close.
//!
//! It has one cache for all that is built at it, sources included, and knows a commit by its hash: whoever can name the hash
//! of a private commit that was fetched once can build from it. Depot has a cache for each project.

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::address::{Address, Pem};
use crate::measure::measured;
use crate::progress::Progress;
use crate::solve::{self, Guard, Solver};
use crate::{
    BadSettings, BuildError, Builder, Built, Limits, Operation, Order, Outcome, Secret, Sink,
    Ticket, machine,
};

const ADAPTER: &str = "buildkit";

/// Where it is.
#[derive(Debug, Clone)]
pub struct BuildKitSettings {
    /// `unix:///path` or `tcp://host:port`.
    pub address: String,
    /// With which certificates; nothing: without encryption.
    pub tls: Option<Tls>,
    /// How long things may take.
    pub limits: Limits,
}

impl BuildKitSettings {
    /// An address without certificates, with the times of production.
    #[must_use]
    pub fn new(address: impl Into<String>) -> Self {
        Self {
            address: address.into(),
            tls: None,
            limits: Limits::default(),
        }
    }
}

/// Certificates in PEM.
#[derive(Debug, Clone)]
pub struct Tls {
    /// Whom the server's certificate must be from.
    pub ca_pem: String,
    /// Ours, where the server demands one; with its key.
    pub cert_pem: Option<String>,
    /// The key.
    pub key_pem: Option<Secret>,
    /// The name in the server's certificate; empty: the address' host.
    pub server_name: String,
}

/// A BuildKit at one address.
#[derive(Clone)]
pub struct BuildKit {
    address: Address,
    limits: Limits,
    guard: Guard,
}

impl BuildKit {
    /// Takes the settings over; connects to nothing.
    ///
    /// # Errors
    /// The address is none, or the certificates cannot be used.
    pub fn new(settings: &BuildKitSettings) -> Result<Self, BadSettings> {
        let pem = match &settings.tls {
            None => None,
            Some(tls) => Some(Pem {
                ca: &tls.ca_pem,
                ours: match (&tls.cert_pem, &tls.key_pem) {
                    (Some(cert), Some(key)) => Some((cert.as_str(), key)),
                    (None, None) => None,
                    _ => {
                        return Err(BadSettings(
                            "our certificate and its key belong together".into(),
                        ));
                    }
                },
                server_name: &tls.server_name,
            }),
        };
        Ok(Self {
            address: Address::parse(&settings.address, pem.as_ref())?,
            limits: settings.limits,
            guard: Guard::default(),
        })
    }

    /// Lets the whole build ask for the token, so that a test can see that the guard is what keeps it away. Not in a
    /// release build.
    #[cfg(debug_assertions)]
    #[doc(hidden)]
    #[must_use]
    pub fn without_guard(mut self) -> Self {
        self.guard = Guard::Off;
        self
    }
}

#[async_trait]
impl Builder for BuildKit {
    fn kind(&self) -> &'static str {
        ADAPTER
    }

    async fn create_project(&self, _name: &str) -> Result<Option<String>, BuildError> {
        Ok(None)
    }

    async fn create_build(&self, _project: Option<&str>) -> Result<Ticket, BuildError> {
        Ok(Ticket {
            build_id: format!("bk_{}", Uuid::new_v4().simple()),
            build_token: Secret::default(),
        })
    }

    async fn run(
        &self,
        _ticket: &Ticket,
        order: &Order,
        sink: &dyn Sink,
        stop: &CancellationToken,
    ) -> Result<Built, BuildError> {
        solve::check(order)?;
        let mut progress = Progress::new(sink);
        let work = async {
            let ready = machine::ready(&self.address, &self.limits);
            let solver = Solver {
                adapter: ADAPTER,
                control: measured(ADAPTER, Operation::Connect, ready).await?,
                guard: self.guard,
                tail: self.limits.tail,
            };
            solver.build(order, &mut progress).await
        };
        // dropping the work drops its calls, which cancels them at the machine
        let result = tokio::select! {
            biased;
            () = stop.cancelled() => Err(BuildError::Canceled),
            result = work => result,
        };
        progress.settle();
        result
    }

    async fn finish(&self, _ticket: &Ticket, _outcome: &Outcome) -> Result<(), BuildError> {
        Ok(())
    }
}
