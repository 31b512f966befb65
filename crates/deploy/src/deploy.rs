//! Handler `Deploy`: resolve the image, provision, wait for instances, create routes, take traffic.

use crate::claim::{Claim, Subject, claim};
use crate::hostnames::{Naming, fork_owner, hostnames};
use crate::image::Requested;
use crate::phase::{self, Phase, public_error};
use crate::provision::provision;
use crate::status::Reporter;
use crate::timings::millis;
use crate::wait::{self, For};
use crate::{Deps, build, commit, image, names, settle};
use deployment_client::DeploymentClient;
use durable::{Preset, Stop, UndoStack, codes};
use messages::hydra::v1 as msg;
use mysql::now_ms;
use openapi_client::OpenapiClient;
use restate_sdk::prelude::*;
use routing_client::RoutingClient;
use std::sync::atomic::{AtomicBool, Ordering};

/// What is taken back when a deployment fails, newest first.
#[derive(Clone, Copy)]
enum Undo {
    /// The row is failed, with the reason in its step.
    Status,
    /// The turn among the builds goes to the next one.
    Turn,
    /// The build is ended at the builder.
    Build,
    /// The topology is stopped with new versions.
    Topology,
    /// Routes this deployment created are removed.
    Routes,
}

/// Where the deployment is, for the failure path.
struct Progress {
    phase: Phase,
    undo: UndoStack<Undo>,
    project_id: Option<String>,
    workspace_id: Option<String>,
    reporter: Reporter,
}

pub(crate) async fn deploy(
    deps: &Deps,
    ctx: &SharedObjectContext<'_>,
    req: msg::DeployRequest,
) -> Result<msg::DeployResponse, Stop> {
    if req.deployment_id.is_empty() {
        return Err(Stop::fault(
            codes::INVALID_REQUEST,
            "`deployment_id` is empty. Send the id of a row of `deployments`.",
        ));
    }
    let mut progress = Progress {
        phase: Phase::Starting,
        undo: UndoStack::default(),
        project_id: None,
        workspace_id: None,
        reporter: Reporter::silent(),
    };
    match steps(deps, ctx, &req, &mut progress).await {
        Ok(()) => Ok(msg::DeployResponse {}),
        Err(stop) => {
            take_back(deps, ctx, &req.deployment_id, progress, &stop).await;
            Err(stop)
        }
    }
}

async fn steps(
    deps: &Deps,
    ctx: &SharedObjectContext<'_>,
    req: &msg::DeployRequest,
    at: &mut Progress,
) -> Result<(), Stop> {
    let id = req.deployment_id.as_str();
    let me = ctx.invocation_id();

    at.undo.push(Undo::Status);
    let claimed = durable::run!(
        ctx,
        names::CLAIM,
        Preset::Database,
        claim(&deps.db, &deps.timings, me, id)
    )?;
    let mut subject = match claimed {
        Claim::Go(subject) => subject,
        Claim::Broken(text) => return Err(Stop::fault(codes::OWNER_NOT_FOUND, text)),
        Claim::Done => return Ok(()),
    };
    at.project_id = Some(subject.project_id.clone());
    at.workspace_id = Some(subject.workspace_id.clone());

    at.phase = Phase::Building;
    let requested = image::requested(req.source.as_ref(), deps.neighbours.builds);
    let builds_for = matches!(requested, Ok(Requested::Git(_)))
        .then(|| deps.timings.build_wait + deps.timings.build_timeout + deps.timings.step_budget);
    durable::run!(
        ctx,
        names::RESOLVE_IMAGE,
        Preset::Database,
        image::enter_building(
            &deps.db,
            id,
            requested.as_ref().ok().and_then(Requested::image),
            builds_for
        )
    )?;
    match requested? {
        Requested::Image(_) => {
            at.reporter = Reporter::new(deps, &subject);
            at.reporter.init(ctx);
        }
        Requested::Git(git) => {
            let sha = commit::resolve(deps, ctx, &git, &mut subject).await?;
            // GitHub is to see the build too, also one that fails.
            at.reporter = Reporter::new(deps, &subject);
            at.reporter.init(ctx);
            at.undo.push(Undo::Turn);
            build::take_turn(deps, ctx, &subject).await?;
            at.reporter.in_progress(ctx, "building");
            at.undo.push(Undo::Build);
            build::build(deps, ctx, &git, &sha, &subject).await?;
            build::give_turn_back(ctx, &subject.workspace_id, id);
        }
    }

    at.reporter.in_progress(ctx, "deploying to regions");
    at.phase = Phase::Deploying;
    at.undo.push(Undo::Topology);
    durable::run!(
        ctx,
        names::PROVISION,
        Preset::Database,
        provision(&deps.db, &subject, &deps.settings.sentinel_image)
    )?;
    wait::outcome(wait::until_ready(deps, ctx, id, For::Deploy).await?)?;

    at.phase = Phase::Network;
    at.reporter.in_progress(ctx, "configuring routing");
    at.undo.push(Undo::Routes);
    let routing = ctx.object_client::<RoutingClient<'_>>(&subject.project_id);
    let routes = routing
        .upsert_routes(route_request(deps, &subject))
        .call()
        .await?;

    at.phase = Phase::Finalizing;
    durable::run!(
        ctx,
        names::BEGIN_FINALIZING,
        Preset::Database,
        begin_finalizing(deps, id)
    )?;
    let request = msg::FinishDeploymentRequest {
        deployment_id: id.to_owned(),
        frontline_route_ids: routes
            .routes
            .into_iter()
            .map(|r| r.frontline_route_id)
            .collect(),
        keep_environment_routes: fork_owner(subject.fork_repository_full_name.as_deref()).is_some(),
    };
    let finished = match routing.finish_deployment(request.clone()).call().await {
        // A cancellation also cancels the call, and nobody knows whether the deployment was live by then. It came too
        // late: asked again, the end is reached or told.
        Err(e) if Stop::from(e.clone()).is_cancelled() => {
            routing.finish_deployment(request).call().await?
        }
        answer => answer?,
    };

    // It is ready and has its traffic. Nothing below may fail it any more: only one-way messages.
    if finished.went_live && !finished.previous_deployment_id.is_empty() {
        send_to_standby(deps, ctx, &finished.previous_deployment_id);
    }
    at.reporter.success(ctx);
    if deps.neighbours.openapi {
        let _ = ctx
            .service_client::<OpenapiClient<'_>>()
            .scrape_spec(msg::ScrapeSpecRequest {
                deployment_id: id.to_owned(),
            })
            .send();
    }
    Ok(())
}

/// Tells a deployment that lost its traffic to go to standby after the usual delay. No idempotency key: the send is
/// journaled, and a key would swallow the second demotion of the same deployment.
pub(crate) fn send_to_standby(deps: &Deps, ctx: &SharedObjectContext<'_>, deployment_id: &str) {
    let _ = ctx
        .object_client::<DeploymentClient<'_>>(deployment_id)
        .schedule_desired_state_change(msg::ScheduleDesiredStateChangeRequest {
            delay_millis: millis(deps.timings.standby_delay),
            state: msg::DeploymentDesiredState::DEPLOYMENT_DESIRED_STATE_STANDBY.into(),
        })
        .send();
}

fn route_request(deps: &Deps, s: &Subject) -> msg::UpsertRoutesRequest {
    let slug = |s: &Option<String>| s.clone().unwrap_or_default();
    let (workspace, project, app, environment) = (
        slug(&s.workspace_slug),
        slug(&s.project_slug),
        slug(&s.app_slug),
        slug(&s.environment_slug),
    );
    let names = hostnames(&Naming {
        deployment_id: &s.id,
        workspace: &workspace,
        project: &project,
        app: &app,
        environment: &environment,
        commit_sha: s.git_commit_sha.as_deref(),
        branch: s.git_branch.as_deref(),
        fork: s.fork_repository_full_name.as_deref(),
        apex: &deps.settings.default_domain,
    });
    let routes = names
        .into_iter()
        .map(|h| msg::RouteSpec {
            fully_qualified_domain_name: h.fqdn,
            sticky: h.sticky.into(),
            fallback_fully_qualified_domain_name: h.fallback,
        })
        .collect();
    msg::UpsertRoutesRequest {
        deployment_id: s.id.clone(),
        project_id: s.project_id.clone(),
        app_id: s.app_id.clone(),
        environment_id: s.environment_id.clone(),
        routes,
    }
}

async fn begin_finalizing(deps: &Deps, id: &str) -> Result<(), Stop> {
    mysql::retry_as(|| async {
        let tx = deps.db.begin().await?;
        phase::begin(
            &tx,
            id,
            "'network','finalizing'",
            Phase::Finalizing,
            now_ms(),
        )
        .await?;
        tx.commit().await?;
        Ok(())
    })
    .await
}

async fn take_back(
    deps: &Deps,
    ctx: &SharedObjectContext<'_>,
    id: &str,
    at: Progress,
    stop: &Stop,
) {
    let me = ctx.invocation_id();
    let phase = at.phase;
    let text = public_error(&[outer_message(phase), &stop.public_text()]);
    let reason = if stop.is_cancelled() {
        "cancelled"
    } else {
        "failed"
    };
    let project = at.project_id.unwrap_or_default();
    let workspace = at.workspace_id.unwrap_or_default();
    let stopped = AtomicBool::new(true);
    at.undo
        .unwind(|action| {
            let (text, project, workspace) = (&text, &project, &workspace);
            let stopped = &stopped;
            async move {
                match action {
                    Undo::Routes => {
                        let request = msg::WithdrawRoutesRequest {
                            deployment_id: id.to_owned(),
                        };
                        ctx.object_client::<RoutingClient<'_>>(project)
                            .withdraw_routes(request)
                            .call()
                            .await?;
                        Ok(())
                    }
                    Undo::Build => {
                        build::close(ctx, id);
                        Ok(())
                    }
                    Undo::Turn => {
                        build::give_turn_back(ctx, workspace, id);
                        Ok(())
                    }
                    Undo::Topology => durable::run!(
                        ctx,
                        names::UNDO_TOPOLOGY,
                        Preset::Undo,
                        settle::stop_topology(&deps.db, Some(me), id)
                    )
                    .inspect(|()| stopped.store(true, Ordering::Relaxed))
                    .inspect_err(|_| stopped.store(false, Ordering::Relaxed)),
                    // What still runs is stopped by the reconciler, which looks at what is in work only.
                    Undo::Status if !stopped.load(Ordering::Relaxed) => Ok(()),
                    Undo::Status => {
                        durable::run!(
                            ctx,
                            names::UNDO_STATUS,
                            Preset::Undo,
                            settle::mark_failed(&deps.db, Some(me), id, phase, text, reason)
                        )
                    }
                }
            }
        })
        .await;
    if stop.is_cancelled() {
        at.reporter.ended(ctx, deps.timings.report_after_cancel);
    } else {
        at.reporter.failure(ctx);
    }
}

/// The first half of the public message: what could not be done.
fn outer_message(phase: Phase) -> &'static str {
    match phase {
        Phase::Starting => "The deployment could not be started.",
        Phase::Building => "The image could not be provided.",
        Phase::Deploying => "The deployment could not be brought up.",
        Phase::Network => "The host names could not be set up.",
        Phase::Finalizing => "The deployment could not take its traffic.",
    }
}
