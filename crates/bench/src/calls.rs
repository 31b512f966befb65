//! Single calls: the floor, NextVersion, AssignFrontlineRoutes. Not for whole deployments.

use intent::{Fixture, NewDeployment};
use serde_json::json;

use crate::driver::{self, DRIVER, NOP, Routes};
use crate::report::{Report, Row};
use crate::scale::Scale;
use crate::stack::Stack;
use crate::{Result, load};

/// Calls at a time in the rows with load.
const PARALLEL: usize = 32;
/// Keys in the rows with many.
const KEYS: usize = 64;
/// Routes moved by one call.
const ROUTES: usize = 10;

/// Routes of one project and two deployments to move them between.
struct Project {
    routes: Routes,
    other: String,
}

pub(crate) async fn measure(stack: &Stack, scale: &Scale, report: &mut Report) -> Result<()> {
    driver::serve(stack).await?;
    stack.sync_commits(false).await?;
    let mut regions = Vec::new();
    let mut projects = Vec::new();
    for number in 0..KEYS {
        let name = format!("bench-{number}");
        regions.push(intent::create_region(&stack.db, &name, "sim").await?);
        projects.push(project(stack).await?);
    }
    stack.sync_commits(true).await?;

    let nop = |key: usize| async move {
        let key = format!("k{key}");
        stack.ingress.call(NOP, key.as_str(), "Call", &()).await?;
        Ok(())
    };
    let through = |key: usize| drive(stack, "Nop", json!(format!("k{key}")));
    let version = |key: usize| drive(stack, "NextVersion", json!(regions[key]));
    let assign = |key: usize, turn: usize| {
        let Project { routes, other } = &projects[key];
        let mut body = json!(routes);
        if turn % 2 == 1 {
            body["deployment_id"] = json!(other);
        }
        drive(stack, "Assign", body)
    };
    // The first calls open connections and create rows.
    load::run(KEYS, PARALLEL, nop).await?;
    load::run(KEYS, PARALLEL, through).await?;
    load::run(KEYS, PARALLEL, version).await?;

    let (few, many) = (scale.calls, scale.parallel_calls);
    let alone = load::run(few, 1, |_| nop(0)).await?;
    let loaded = load::run(many, PARALLEL, |n| nop(n % KEYS)).await?;
    report.add(row(
        "floor",
        "empty call of an object through ingress",
        &alone,
        Some(&loaded),
    ));

    let alone = load::run(few, 1, |_| through(0)).await?;
    let loaded = load::run(many, PARALLEL, |n| through(n % KEYS)).await?;
    report.add(row(
        "floor-driver",
        "the same through the bench's driver: two invocations",
        &alone,
        Some(&loaded),
    ));

    let alone = load::run(few, 1, |_| version(0)).await?;
    let loaded = load::run(many / 5, PARALLEL, |_| version(0)).await?;
    report.add(row(
        "next-version-one-key",
        "NextVersion of one region, through the driver",
        &alone,
        Some(&loaded),
    ));
    let loaded = load::run(many, PARALLEL, |n| version(n % KEYS)).await?;
    report.add(row(
        "next-version-many-keys",
        "NextVersion of 64 regions, through the driver",
        &loaded,
        None,
    ));

    let alone = load::run(few, 1, |n| assign(0, n)).await?;
    report.add(row(
        "assign-10-routes",
        "AssignFrontlineRoutes of 10 routes, one project, through the driver",
        &alone,
        None,
    ));
    let loaded = load::run(many / 2, PARALLEL, |n| assign(n % KEYS, n / KEYS)).await?;
    report.add(row(
        "assign-10-routes-many-keys",
        "the same over 64 projects",
        &loaded,
        None,
    ));
    Ok(())
}

async fn drive(stack: &Stack, handler: &'static str, body: serde_json::Value) -> Result<()> {
    stack.ingress.call(DRIVER, None, handler, &body).await?;
    Ok(())
}

fn row(id: &str, what: &str, first: &load::Done, loaded: Option<&load::Done>) -> Row {
    let mut figure = format!(
        "{} ({} calls, {:.0}/s)",
        first.times,
        first.times.count(),
        first.rate()
    );
    match loaded {
        Some(loaded) => {
            figure += &format!(
                "; {PARALLEL} at a time: {} ({:.0}/s)",
                loaded.times,
                loaded.rate()
            )
        }
        None if first.rate() > 0.0 && id.ends_with("many-keys") => {
            figure += &format!(", {PARALLEL} at a time")
        }
        None => {}
    }
    Row::new(id, what, figure)
}

async fn project(stack: &Stack) -> Result<Project> {
    let app = Fixture::new(&stack.db).create().await?;
    let ready = NewDeployment::production(&app.app_id).status("ready");
    let ids = intent::create_deployments(&stack.db, &ready, 2).await?;
    let mut routes = Routes {
        project_id: app.project_id.clone(),
        app_id: app.app_id.clone(),
        environment_id: app.production_environment_id.clone(),
        deployment_id: ids[0].clone(),
        routes: (0..ROUTES)
            .map(|n| format!("r{n}-{}.bench.test", app.project_slug))
            .collect(),
    };
    let made = stack.ingress.call(DRIVER, None, "Upsert", &routes).await?;
    routes.routes = serde_json::from_value(made)?;
    if routes.routes.len() != ROUTES {
        return Err("not every route was created".into());
    }
    Ok(Project {
        routes,
        other: ids[1].clone(),
    })
}
