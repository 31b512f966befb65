//! Hosts a whole simulated edge in one process: agents, front and control surface.

use std::net::{Ipv4Addr, SocketAddr};

use mysql::Db;
use tokio::task::JoinSet;

use crate::control::Control;
use crate::front::Front;
use crate::tls::{self, TlsOptions};
use crate::{Agent, AgentHandle, AgentOptions, http};

/// What to host, and where.
#[derive(Clone)]
pub struct ServeOptions {
    /// The database control plane and edge share.
    pub db: Db,
    /// One agent each.
    pub agents: Vec<AgentOptions>,
    /// Where the front listens.
    pub front: SocketAddr,
    /// Where the control surface listens.
    pub control: SocketAddr,
    /// Where the front answers over TLS too; none: nowhere.
    pub tls: Option<TlsOptions>,
}

impl ServeOptions {
    /// Agents with default options for these regions; both servers on free ports of the loopback address.
    pub fn new(db: &Db, regions: &[&str]) -> Self {
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let agents = regions
            .iter()
            .map(|region| AgentOptions::new(db, region))
            .collect();
        Self {
            db: db.clone(),
            agents,
            front: any,
            control: any,
            tls: None,
        }
    }
}

/// A running simulated edge. Dropped, everything stops.
pub struct Served {
    /// The agents, in the order of the options.
    pub agents: Vec<AgentHandle>,
    front: SocketAddr,
    control: SocketAddr,
    tls: Option<SocketAddr>,
    /// The set ends its tasks when it is dropped.
    servers: JoinSet<()>,
}

impl Served {
    /// Address of the front: ask it for a routed host.
    pub fn front(&self) -> SocketAddr {
        self.front
    }

    /// Address of the front over TLS, where there is one.
    pub fn tls(&self) -> Option<SocketAddr> {
        self.tls
    }

    /// Address of the control surface.
    pub fn control(&self) -> SocketAddr {
        self.control
    }

    /// The agent of a region.
    pub fn agent(&self, region: &str) -> Option<&AgentHandle> {
        self.agents.iter().find(|agent| agent.region() == region)
    }

    /// Ends agents and servers. Its addresses are free when it returns.
    pub async fn stop(mut self) {
        for agent in self.agents.drain(..) {
            agent.stop().await;
        }
        self.servers.shutdown().await;
    }
}

/// Starts agents, front and control surface.
///
/// # Errors
/// When one of the addresses cannot be listened on. The database is waited for instead.
pub async fn serve(options: ServeOptions) -> std::io::Result<Served> {
    let ServeOptions {
        db,
        agents,
        front,
        control,
        tls,
    } = options;
    let mut servers = JoinSet::new();
    let tls = match tls {
        Some(tls) => Some(tls::serve(tls, db.clone(), &mut servers).await?),
        None => None,
    };
    let front = http::serve(front, Front { db }, &mut servers).await?;
    let agents: Vec<AgentHandle> = agents.into_iter().map(Agent::start).collect();
    let shared = agents.iter().map(|agent| agent.shared.clone()).collect();
    let control = http::serve(control, Control { agents: shared }, &mut servers).await?;
    Ok(Served {
        agents,
        front,
        control,
        tls,
        servers,
    })
}
