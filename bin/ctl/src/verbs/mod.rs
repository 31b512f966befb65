//! The verbs, one file each.

mod cancel;
mod certificates;
mod deploy;
mod doctor;
mod domains;
mod jobs;
mod logs;
mod routes;
mod seed;
mod status;
mod traffic;
mod webhook;

use std::time::Duration;

use clap::CommandFactory as _;
use intent::AppRows;

use crate::access::Access;
use crate::cli::{Cli, Jobs, Verb};
use crate::failure::Failure;
use crate::follow::follow;
use crate::output::Output;

pub(crate) async fn run(cli: Cli) -> Result<(), Failure> {
    let output = Output::new(cli.json);
    if let Verb::Completions { shell } = cli.verb {
        clap_complete::generate(shell, &mut Cli::command(), "ctl", &mut std::io::stdout());
        return Ok(());
    }
    if let Verb::Jobs { verb } = cli.verb {
        return jobs::run(cli.addresses, output, verb.unwrap_or(Jobs::List)).await;
    }
    if let Verb::Doctor(doctor) = cli.verb {
        return doctor::run(cli.addresses, output, doctor).await;
    }
    if let Verb::Webhook(webhook) = cli.verb {
        return webhook::run(cli.addresses, output, webhook).await;
    }
    let access = Access::open(cli.addresses).await?;
    match cli.verb {
        Verb::Deploy(deploy) => deploy::run(&access, output, deploy).await,
        Verb::Logs(logs) => logs::run(&access, output, logs).await,
        Verb::Promote { deployment } => traffic::promote(&access, output, &deployment).await,
        Verb::Rollback { deployment, from } => {
            traffic::rollback(&access, output, &deployment, from).await
        }
        Verb::Wake { deployment } => traffic::wake(&access, output, &deployment).await,
        Verb::Status { deployment } => status::run(&access, output, &deployment).await,
        Verb::Watch {
            deployment,
            patience,
        } => {
            follow(
                &access,
                output,
                &deployment,
                Duration::from_secs(patience.timeout),
            )
            .await
        }
        Verb::Routes { app, deployment } => routes::run(&access, output, app, deployment).await,
        Verb::Certificates { verb } => certificates::run(&access, output, verb).await,
        Verb::Domains { verb } => domains::run(&access, output, verb).await,
        Verb::Seed(seed) => seed::run(&access, output, seed).await,
        Verb::Cancel(cancel) => cancel::run(&access, output, cancel).await,
        // Answered above, without a database.
        Verb::Completions { .. } | Verb::Jobs { .. } | Verb::Doctor(_) | Verb::Webhook(_) => Ok(()),
    }
}

/// The app a person named: by id, or as workspace/project[/app].
async fn find_app(access: &Access, name: &str) -> Result<AppRows, Failure> {
    let parts: Vec<&str> = name.split('/').collect();
    Ok(match parts.as_slice() {
        [id] => intent::find_app(&access.db, id).await?,
        [workspace, project] => {
            intent::find_app_by_slugs(&access.db, workspace, project, "default").await?
        }
        [workspace, project, app] => {
            intent::find_app_by_slugs(&access.db, workspace, project, app).await?
        }
        _ => {
            return Err(Failure::Usage(format!(
                "`{name}` does not name an app: give its id, or workspace/project[/app]"
            )));
        }
    })
}
