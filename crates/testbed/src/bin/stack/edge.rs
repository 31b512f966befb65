//! The simulated edge of the stack: one agent per region, the HTTP front and the control surface.
//!
//! Not for how an agent behaves: that is crate `edge-sim`, and its control surface at run time.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use edge_sim::{Behaviour, ServeOptions, Served, TlsOptions};
use mysql::{Db, Options};
use vault::Vault;

use crate::start::VAULT_TOKEN;

/// A running edge.
pub(crate) struct Edge {
    options: ServeOptions,
    served: Option<Served>,
}

impl Edge {
    /// Starts it. Tables that are not there yet are waited for.
    pub(crate) async fn start(
        dsn: &str,
        regions: Vec<String>,
        ready_after: Duration,
        vault: Option<&str>,
    ) -> Result<Self, Box<dyn std::error::Error>> {
        let mut pool = Options::new(dsn).lazy();
        pool.max_connections = 8;
        let db = Db::connect(&pool).await?;
        let names: Vec<&str> = regions.iter().map(String::as_str).collect();
        let mut options = ServeOptions::new(&db, &names);
        for agent in &mut options.agents {
            agent.behaviour = Behaviour::ready_after(ready_after);
        }
        if let Some(url) = vault {
            options.tls = Some(TlsOptions {
                at: (Ipv4Addr::LOCALHOST, 0).into(),
                vault: Vault::new(url, VAULT_TOKEN)?,
            });
        }
        let mut tries = 0;
        loop {
            tries += 1;
            // kept over a restart
            options.front = testbed::free_port()?;
            options.control = testbed::free_port()?;
            if let Some(tls) = &mut options.tls {
                tls.at = testbed::free_port()?;
            }
            match edge_sim::serve(options.clone()).await {
                Ok(served) => {
                    return Ok(Self {
                        options,
                        served: Some(served),
                    });
                }
                Err(_) if tries < testbed::PORT_TRIES => {}
                Err(e) => return Err(e.into()),
            }
        }
    }

    /// Where routed hosts are asked for.
    pub(crate) fn front(&self) -> SocketAddr {
        self.options.front
    }

    /// Where they are asked for over TLS; nowhere without a Vault.
    pub(crate) fn tls(&self) -> Option<SocketAddr> {
        self.options.tls.as_ref().map(|tls| tls.at)
    }

    /// Where behaviour is changed.
    pub(crate) fn control(&self) -> SocketAddr {
        self.options.control
    }

    /// Ends every agent where it is; the front goes on answering from the database.
    pub(crate) async fn stop_agents(&mut self) {
        let Some(served) = &mut self.served else {
            return;
        };
        for agent in served.agents.drain(..) {
            agent.stop().await;
        }
    }

    /// Starts front and agents anew, as after the loss of every edge process.
    pub(crate) async fn restart(&mut self) -> io::Result<()> {
        if let Some(served) = self.served.take() {
            served.stop().await;
        }
        self.served = Some(edge_sim::serve(self.options.clone()).await?);
        Ok(())
    }
}
