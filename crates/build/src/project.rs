//! Handler `ResolveProject`: the project at the builder that a project of ours has. One object per project of ours, so two
//! first builds make one.

use crate::build::stop;
use crate::{Deps, names};
use durable::{Preset, Stop, codes};
use messages::hydra::v1 as msg;
use mysql::{Db, now_ms, sql};
use restate_sdk::prelude::*;
use sea_orm::FromQueryResult;

#[derive(FromQueryResult)]
struct Row {
    depot_project_id: Option<String>,
}

pub(crate) async fn resolve(
    deps: &Deps,
    ctx: &ObjectContext<'_>,
) -> Result<msg::ResolveBuildProjectResponse, Stop> {
    let ours = ctx.key();
    let Some(builder) = &deps.builder else {
        return Err(Stop::fault(
            codes::BUILDS_UNAVAILABLE,
            "No builder is configured.",
        ));
    };
    let known = durable::run!(
        ctx,
        names::FIND_PROJECT,
        Preset::Database,
        find(&deps.db, ours)
    )?;
    if !known.is_empty() {
        return Ok(msg::ResolveBuildProjectResponse { project_id: known });
    }
    let name = format!("{}-{ours}", deps.settings.project_prefix);
    let made = durable::run!(ctx, names::CREATE_PROJECT, Preset::Outside, async {
        builder.create_project(&name).await.map_err(stop)
    })?;
    let project_id = match made {
        None => String::new(),
        Some(made) => durable::run!(
            ctx,
            names::STORE_PROJECT,
            Preset::Database,
            store(&deps.db, ours, &made)
        )?,
    };
    Ok(msg::ResolveBuildProjectResponse { project_id })
}

async fn find(db: &Db, project_id: &str) -> Result<String, Stop> {
    let row: Option<Row> = sql::one(
        db.primary(),
        "SELECT depot_project_id FROM projects WHERE id = ?",
        [project_id.into()],
    )
    .await?;
    match row {
        Some(row) => Ok(row.depot_project_id.unwrap_or_default()),
        None => Err(Stop::fault(
            codes::OWNER_NOT_FOUND,
            format!("There is no project `{project_id}` any more."),
        )),
    }
}

/// Whoever wrote first is kept, and answered.
async fn store(db: &Db, project_id: &str, made: &str) -> Result<String, Stop> {
    sql::execute(
        db.primary(),
        "UPDATE projects SET depot_project_id = ?, updated_at = ? WHERE id = ? AND (depot_project_id IS NULL OR depot_project_id = '')",
        [made.into(), now_ms().into(), project_id.into()],
    )
    .await?;
    find(db, project_id).await
}
