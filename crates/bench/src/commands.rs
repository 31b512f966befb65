//! How many journal commands a deployment costs, with everything it calls. Not for time.

use std::time::Duration;

use edge_sim::Behaviour;
use intent::NewDeployment;
use restate_api::quoted;

use crate::Result;
use crate::overhead::{REGIONS, agents, app, send};
use crate::report::{Report, Row};
use crate::stack::Stack;

const AIM: u64 = 25;
/// So late are the instances, so that the deployment has to wait for them.
const READY_AFTER: Duration = Duration::from_millis(500);

/// One invocation below the deployment.
struct Invocation {
    id: String,
    target: String,
    commands: u64,
}

pub(crate) async fn measure(stack: &Stack, report: &mut Report) -> Result<()> {
    let app = app(stack, None).await?;
    let agents = agents(&stack.db, &app, &Behaviour::ready_after(READY_AFTER));
    let mut last = String::new();
    for _ in 0..2 {
        let new = NewDeployment::production(&app.app_id);
        let id = intent::create_deployment(&stack.db, &new).await?;
        last = send(stack, &app.workspace_id, &id).await?;
        stack.ingress.attach(&last).await?;
    }
    // What was sent one-way at the end may still run.
    tokio::time::sleep(Duration::from_secs(1)).await;
    for agent in agents {
        agent.stop().await;
    }
    let mut all = read(stack, &format!("id = {}", quoted(&last))).await?;
    let mut level: Vec<String> = vec![last];
    while !level.is_empty() {
        let parents: Vec<String> = level.iter().map(|id| quoted(id)).collect();
        let children = read(stack, &format!("invoked_by_id IN ({})", parents.join(", "))).await?;
        level = children.iter().map(|c| c.id.clone()).collect();
        all.extend(children);
    }
    let sum: u64 = all.iter().map(|i| i.commands).sum();
    let parts: Vec<String> = all
        .iter()
        .map(|i| format!("{} {}", i.target, i.commands))
        .collect();
    let what = format!(
        "`journal_commands_size` of Deploy and everything it calls, production, {REGIONS} regions, replacing another, waiting once"
    );
    let figure = format!("{sum} ({})", parts.join(", "));
    report.add(Row::new("deploy-commands", what, figure).aim("at most 25", sum <= AIM));
    Ok(())
}

async fn read(stack: &Stack, which: &str) -> Result<Vec<Invocation>> {
    let sql = format!(
        "SELECT id, target_service_name, target_handler_name, status, journal_commands_size FROM sys_invocation \
         WHERE {which} ORDER BY created_at"
    );
    let rows = stack.admin.query(&sql).await?;
    rows.iter()
        .map(|row| {
            let text = |name: &str| row[name].as_str().unwrap_or_default().to_owned();
            let service = text("target_service_name");
            let scheduled = if text("status") == "scheduled" {
                " (not due yet)"
            } else {
                ""
            };
            Ok(Invocation {
                id: text("id"),
                target: format!(
                    "{}.{}{scheduled}",
                    service.rsplit('.').next().unwrap_or_default(),
                    text("target_handler_name")
                ),
                commands: row["journal_commands_size"].as_u64().unwrap_or(0),
            })
        })
        .collect()
}
