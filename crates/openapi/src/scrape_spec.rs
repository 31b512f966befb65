//! Handler `ScrapeSpec`: find the document's place, fetch it, store it. Sent one-way after a deployment went live.

use crate::fetch::Fetched;
use crate::target::{self, Target};
use crate::{Deps, steps, store};
use durable::{Preset, Stop, codes};
use messages::hydra::v1::{ScrapeSpecRequest, ScrapeSpecResponse};
use restate_sdk::context::Context;
use url::Url;

pub(crate) async fn scrape_spec(
    deps: &Deps,
    ctx: &Context<'_>,
    req: ScrapeSpecRequest,
) -> Result<ScrapeSpecResponse, Stop> {
    let id = req.deployment_id.as_str();
    if id.is_empty() {
        return Err(Stop::fault(
            codes::INVALID_REQUEST,
            "`deployment_id` is empty. Send the id of a row of `deployments`.",
        ));
    }
    let target = durable::run!(
        ctx,
        steps::FIND,
        Preset::Database,
        target::find(&deps.db, &deps.scraper.way, id)
    )?;
    match target {
        Target::Skip(why) => tracing::info!(why, "no OpenAPI document was looked for"),
        Target::NoPath { workspace_id } => {
            durable::run!(
                ctx,
                steps::CLEAR,
                Preset::Database,
                store::clear(&deps.db, &workspace_id, id)
            )?;
        }
        Target::At {
            workspace_id,
            url,
            instance,
        } => {
            durable::run!(
                ctx,
                steps::SCRAPE,
                deps.timings,
                scrape(deps, id, &workspace_id, &url, instance)
            )?;
        }
    }
    Ok(ScrapeSpecResponse::default())
}

async fn scrape(
    deps: &Deps,
    id: &str,
    workspace_id: &str,
    url: &str,
    instance: bool,
) -> Result<(), Stop> {
    let url = Url::parse(url).map_err(Stop::retry)?;
    match deps.scraper.get(url, instance.then_some(id)).await? {
        Fetched::Document(content) => store::keep(&deps.db, id, &content).await,
        Fetched::Nothing => store::clear(&deps.db, workspace_id, id).await,
    }
}
