//! Everything stays up for a person, with the addresses and the commands to go on by hand.
//!
//! Not for `--once`.

use std::time::Duration;

use super::end::End;
use super::story::Told;
use super::world::World;
use crate::run::{Failure, Result};

/// Prints the addresses and waits for Ctrl-C. A part that ends by itself is a failure.
pub(crate) fn up(world: &mut World, told: &Told, end: &End) -> Result<()> {
    world.headline("everything stays up until Ctrl-C");
    let front = world.address("edge", "front");
    let port = front.rsplit_once(':').map_or("", |(_, port)| port);
    if let Some(worker) = &world.worker {
        println!("worker health      http://{}/health/ready", worker.health);
        println!("worker metrics     http://{}/metrics", worker.metrics);
    }
    println!("worker log         {}", world.log().display());
    println!(
        "Restate UI         {}/ui/",
        world.address("restate", "admin")
    );
    println!("database           {}", world.address("mysql", "url"));
    println!("edge front         http://{front}");
    if let Some(host) = told.live_host() {
        println!("the live host      http://{host}:{port}/");
    }
    println!(
        "edge control       http://{}/sim",
        world.address("edge", "control")
    );
    println!("\nby hand:");
    for (name, value) in world.variables() {
        println!("  export {name}='{value}'");
    }
    let (ctl, app) = (world.ctl_path(), &told.app);
    let ctl = ctl.display();
    println!("  {ctl} deploy nginx:1 --app {app} --branch main");
    println!("  {ctl} routes --app {app}");
    println!("  {ctl} jobs");
    if let Some(second) = told.id(1) {
        println!("  {ctl} promote {second}     # confirms the rollback");
    }
    println!("  {ctl} --help");
    while end.pause(Duration::from_secs(1)).is_ok() {
        if !world.worker.as_mut().is_some_and(|worker| worker.runs()) {
            world.keep();
            return Err(Failure(format!(
                "the worker ended; its log is {}",
                world.log().display()
            )));
        }
    }
    println!("\n== everything stops");
    Ok(())
}
