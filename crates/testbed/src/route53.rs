//! A Route53 of our own: moto, with a gate in front that is as strict as the service where moto is not, and from whose
//! records `DnsServer` can answer.
//!
//! Not for propagation in the real world: a change is in sync at once unless a test wants otherwise.

mod gate;
mod moto;
mod xml;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::OnceCell;

use crate::files::{find_program, repository, server_dir};
use crate::guard::{Guarded, Spec};
use crate::{DnsData, PORT_TRIES, RecordSource, StartError, free_port};

use gate::Gate;
pub use gate::{Batch, RecordChange};
use moto::Moto;

/// Loading moto takes seconds on a busy machine.
const READY_WITHIN: Duration = Duration::from_secs(90);

/// A running server. Dropping it ends the process and removes its folder.
#[derive(Debug)]
pub struct Route53Server {
    gate: Gate,
    moto: Moto,
    _process: Guarded,
}

impl Route53Server {
    /// Starts moto and the gate, and returns when it answers.
    ///
    /// # Errors
    /// It is not installed, or did not start.
    pub async fn start() -> Result<Self, StartError> {
        let dir = server_dir("route53")?;
        let mut tries = 0;
        loop {
            tries += 1;
            let addr = free_port()?;
            let (mut process, _) = Guarded::start(Spec {
                program: &program()?,
                args: vec![
                    "-H".to_owned(),
                    addr.ip().to_string(),
                    "-p".to_owned(),
                    addr.port().to_string(),
                ],
                env: Vec::new(),
                dir: &dir,
                remove: true,
            })
            .await?;
            let moto = Moto::at(addr);
            let until = Instant::now() + READY_WITHIN;
            loop {
                let last = match moto.zones().await {
                    Ok(_) => {
                        let gate = Gate::start(moto.clone());
                        let gate = gate.await.map_err(|source| StartError::Files {
                            what: "listen on loopback".to_owned(),
                            source,
                        })?;
                        return Ok(Self {
                            gate,
                            moto,
                            _process: process,
                        });
                    }
                    Err(last) => last,
                };
                if !process.is_running() {
                    if tries < PORT_TRIES {
                        process.signal("leave");
                        break;
                    }
                    return Err(StartError::Died(dir.join("log")));
                }
                if Instant::now() > until {
                    let log = dir.join("log");
                    return Err(StartError::NotReady { log, last });
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }

    /// The endpoint for clients.
    pub fn url(&self) -> String {
        format!("http://{}", self.gate.addr())
    }

    /// Makes a hosted zone and returns its id.
    ///
    /// # Panics
    /// The server does not take it.
    pub async fn create_zone(&self, name: &str, private: bool) -> String {
        let made = self.moto.create_zone(name, private).await;
        made.unwrap_or_else(|e| panic!("create the zone {name}: {e}"))
    }

    /// Writes a record set as somebody else would.
    ///
    /// # Panics
    /// The server does not take it.
    pub async fn upsert(&self, zone: &str, name: &str, kind: &str, ttl: i64, values: &[&str]) {
        let set = xml::Set {
            name: name.to_owned(),
            kind: kind.to_owned(),
            ttl,
            values: values.iter().map(|v| (*v).to_owned()).collect(),
        };
        let done = self.moto.change(zone, &[("UPSERT", &set)]).await;
        done.unwrap_or_else(|e| panic!("upsert {name} {kind}: {e}"));
    }

    /// The values at a name of a zone, as the server has them, and their TTL; none: no set.
    ///
    /// # Panics
    /// The server does not answer.
    pub async fn values(&self, zone: &str, name: &str, kind: &str) -> Option<(i64, Vec<String>)> {
        let found = self.moto.set(zone, name, kind).await;
        let found = found.unwrap_or_else(|e| panic!("read {name} {kind}: {e}"));
        found.map(|set| (set.ttl, set.values))
    }

    /// Answers the next requests with an error of the service instead of passing them on.
    pub fn refuse(&self, status: u16, code: &str, times: u32) {
        self.gate.refuse(status, code, times);
    }

    /// Passes the next change on and then closes the connection without an answer.
    pub fn lose_answer_of_change(&self) {
        self.gate.lose_answer_of_change();
    }

    /// Says of the next looks at a change that it is pending.
    pub fn pending(&self, looks: u32) {
        self.gate.pending(looks);
    }

    /// Runs once between the next read of a set and the change after it: another client is quicker.
    pub fn before_next_change(&self, zone: &str, name: &str, ttl: i64, values: &[&str]) {
        let values = values.iter().map(|v| (*v).to_owned()).collect();
        self.gate.before_next_change(
            zone,
            xml::Set {
                name: name.to_owned(),
                kind: "TXT".to_owned(),
                ttl,
                values,
            },
        );
    }

    /// All batches of changes that clients have sent, also those refused.
    pub fn batches(&self) -> Vec<Batch> {
        self.gate.batches()
    }

    /// Its records, for [`crate::DnsServer::also`].
    pub fn source(&self) -> Arc<dyn RecordSource> {
        Arc::new(self.moto.clone())
    }
}

/// The Route53 of this test process; its records answer through [`crate::dns`]. Tests use zones of their own.
pub async fn route53() -> &'static Route53Server {
    static SERVER: OnceCell<Route53Server> = OnceCell::const_new();
    SERVER
        .get_or_init(|| async {
            let started = crate::runtime().spawn(Route53Server::start()).await;
            let server = started
                .expect("the server's start does not panic")
                .unwrap_or_else(|e| panic!("Route53: {e}"));
            crate::dns().await.also(server.source());
            server
        })
        .await
}

#[async_trait::async_trait]
impl RecordSource for Moto {
    async fn records(&self, name: &str) -> Result<Option<Vec<DnsData>>, String> {
        let zones = self.zones().await?;
        let below = |zone: &str| {
            name.strip_suffix(zone)
                .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        };
        let public = zones.into_iter().filter(|zone| !zone.private);
        let Some(zone) = public
            .filter(|zone| below(&zone.name))
            .max_by_key(|zone| zone.name.len())
        else {
            return Ok(None);
        };
        let sets = self.sets_at(&zone.id, name).await?;
        if sets.is_empty() {
            return Ok(None);
        }
        let data = sets
            .iter()
            .flat_map(|set| set.values.iter().filter_map(|value| data(&set.kind, value)));
        Ok(Some(data.collect()))
    }
}

fn data(kind: &str, value: &str) -> Option<DnsData> {
    let host = || value.trim_end_matches('.').to_owned();
    Some(match kind {
        "A" => DnsData::A(value.parse().ok()?),
        "AAAA" => DnsData::Aaaa(value.parse().ok()?),
        "CNAME" => DnsData::Cname(host()),
        "NS" => DnsData::Ns(host()),
        "TXT" => DnsData::Txt(xml::strings(value)?),
        "CAA" => {
            let mut words = value.splitn(3, ' ');
            DnsData::Caa {
                critical: words.next()? == "128",
                tag: words.next()?.to_owned(),
                value: words.next()?.trim_matches('"').to_owned(),
            }
        }
        _ => return None,
    })
}

fn program() -> Result<PathBuf, StartError> {
    let place = repository().join(".stack/moto/bin/moto_server");
    find_program("moto_server", "MOTO_SERVER", &[place])
}
