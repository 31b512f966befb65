//! From a commit to an image: the turn among the builds of the workspace, the build, its image in the row.

use crate::claim::Subject;
use crate::{Deps, names};
use build_client::BuildClient;
use build_slot_client::BuildSlotClient;
use durable::{Preset, Stop, codes};
use messages::hydra::v1 as msg;
use mysql::{Db, now_ms, sql};
use restate_sdk::prelude::*;

/// Waits until it is this deployment's turn; nothing is held open meanwhile.
pub(crate) async fn take_turn(
    deps: &Deps,
    ctx: &SharedObjectContext<'_>,
    subject: &Subject,
) -> Result<(), Stop> {
    let (awakeable_id, granted) = ctx.awakeable::<Json<bool>>();
    let _ = ctx
        .object_client::<BuildSlotClient<'_>>(&subject.workspace_id)
        .acquire_or_wait(msg::AcquireBuildSlotRequest {
            deployment_id: subject.id.clone(),
            awakeable_id,
            is_production: subject.is_production(),
            invocation_id: ctx.invocation_id().to_owned(),
            app_id: subject.app_id.clone(),
        })
        .send();
    restate_sdk::select! {
        _ = granted => Ok(()),
        _ = ctx.sleep(deps.timings.build_wait) => Err(Stop::fault(
            codes::BUILD_QUEUE,
            "Too many builds of this workspace were waiting, and this one's turn did not come in time. Deploy again later.",
        )),
        on_cancel => Err(TerminalError::new_with_code(409, "cancelled").into())
    }
}

/// Gives the turn to the next one, or leaves the queue.
pub(crate) fn give_turn_back(ctx: &SharedObjectContext<'_>, workspace_id: &str, id: &str) {
    let _ = ctx
        .object_client::<BuildSlotClient<'_>>(workspace_id)
        .release(msg::ReleaseBuildSlotRequest {
            deployment_id: id.to_owned(),
        })
        .send();
}

/// Has the build ended at the builder, if it is open there. It waits for a build that is just being stopped.
pub(crate) fn close(ctx: &SharedObjectContext<'_>, id: &str) {
    let _ = ctx
        .object_client::<BuildClient<'_>>(id)
        .close(msg::CloseBuildRequest::default())
        .send();
}

/// Builds `sha` and stores the image.
pub(crate) async fn build(
    deps: &Deps,
    ctx: &SharedObjectContext<'_>,
    git: &msg::GitSource,
    sha: &str,
    subject: &Subject,
) -> Result<(), Stop> {
    // A fork's code is fetched from the fork: its commits need not be in the base repository, and no token goes with it.
    let fork = subject
        .fork_repository_full_name
        .as_deref()
        .filter(|f| !f.is_empty());
    let built = ctx
        .object_client::<BuildClient<'_>>(&subject.id)
        .build(msg::BuildRequest {
            deployment_id: subject.id.clone(),
            installation_id: git.installation_id,
            repository: fork.unwrap_or(&git.repository).to_owned(),
            commit_sha: sha.to_owned(),
            context_path: git.context_path.clone(),
            dockerfile_path: git.dockerfile_path.clone(),
            is_fork: fork.is_some(),
        })
        .call()
        .await?;
    if !built.error.is_empty() {
        return Err(Stop::fault(codes::BUILD_FAILED, built.error));
    }
    durable::run!(
        ctx,
        names::STORE_IMAGE,
        Preset::Database,
        store(&deps.db, &subject.id, &built)
    )
}

async fn store(db: &Db, id: &str, built: &msg::BuildResponse) -> Result<(), Stop> {
    sql::execute(
        db.primary(),
        "UPDATE deployments SET image = ?, build_id = ?, updated_at = ? WHERE id = ? AND status = 'building'",
        [
            built.image.as_str().into(),
            built.build_id.as_str().into(),
            now_ms().into(),
            id.into(),
        ],
    )
    .await?;
    Ok(())
}
