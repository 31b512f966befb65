//! Carries out the plan's faults at their times. Those of servers come one after the other; those of the edge run
//! beside them.
//!
//! Not for what the worker makes of them.

use std::sync::Arc;
use std::time::Duration;

use edge_sim::Behaviour;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

use crate::Error;
use crate::book::Book;
use crate::plan::{Disturbance, Fault};
use crate::world::{Servers, Stage, healthy};

/// Breaks things at their times; gives the servers back, all of them up, and the regions healthy.
pub(crate) async fn run(
    stage: Arc<Stage>,
    book: Arc<Book>,
    mut servers: Servers,
    faults: Vec<Disturbance>,
) -> Result<Servers, Error> {
    let began = Instant::now();
    let mut edges = JoinSet::new();
    for it in faults {
        sleep_until(began + it.at).await;
        let line = book.begin(format!(
            "        FAULT {} {}",
            it.fault.name(),
            it.lasts.as_millis()
        ));
        *book.lock().faults.entry(it.fault).or_default() += 1;
        match it.fault {
            Fault::EdgeDown | Fault::EdgeFlap | Fault::EdgeLate => {
                let (stage, book) = (stage.clone(), book.clone());
                edges.spawn(async move {
                    edge(&stage, &it).await;
                    book.end(line, "over");
                });
            }
            _ => {
                stage.health.set_disturbed(true);
                server(&mut servers, &it).await?;
                stage.health.set_disturbed(false);
                book.end(line, "over");
            }
        }
    }
    while edges.join_next().await.is_some() {}
    for agent in &stage.agents {
        agent.behave(healthy());
    }
    Ok(servers)
}

async fn server(servers: &mut Servers, it: &Disturbance) -> Result<(), Error> {
    match it.fault {
        Fault::WorkerKill => {
            if !servers.worker.runs() {
                return Err(Error::WorkerEnded);
            }
            servers.worker.kill();
            servers.worker.launch().await?;
        }
        Fault::RestateKill => {
            servers.restate.kill().await;
            servers.restate.restart().await?;
        }
        Fault::DatabaseKill => {
            servers.mariadb.kill().await;
            servers.mariadb.restart().await?;
        }
        _ => {
            servers.proxy.cut();
            sleep(it.lasts).await;
            servers.proxy.heal();
        }
    }
    Ok(())
}

async fn edge(stage: &Stage, it: &Disturbance) {
    let agent = &stage.agents[it.region];
    let behaviour = match it.fault {
        Fault::EdgeDown => Behaviour::down(),
        Fault::EdgeFlap => Behaviour {
            flap: Some(Duration::from_millis(400)),
            ..healthy()
        },
        _ => Behaviour {
            delay_reports: Duration::from_millis(1500),
            duplicate_reports: 1,
            reorder_reports: true,
            ..healthy()
        },
    };
    agent.behave(behaviour);
    sleep(it.lasts).await;
    agent.behave(healthy());
}
