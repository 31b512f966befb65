//! One check from look to end, the same for all handlers: look, decide, route, mark, certificate, next check.

use crate::decide::{Decision, decide};
use crate::look::{Looked, Subject, look};
use crate::mark_verified::{Marked, Routed, mark};
use crate::window::{self, Window};
use crate::{Deps, evidence::Evidence, rules, steps, writes};
use certificate_client::CertificateClient;
use custom_domain_client::CustomDomainClient;
use durable::{Preset, Stop};
use messages::hydra::v1 as msg;
use mysql::{Db, sql};
use restate_sdk::context::{ContextClient, ObjectContext};
use routing_client::RoutingClient;
use std::time::Duration;

/// Makes one check of the window. An error is the end of the window; so is a success that sends no further check.
pub(crate) async fn run(
    deps: &Deps,
    ctx: &ObjectContext<'_>,
    mut window: Window,
) -> Result<(), Stop> {
    let key = ctx.key();
    let (first, confirming) = (window.attempt == 0, window.confirming);
    let looked = durable::run!(
        ctx,
        steps::LOOK,
        Preset::Database,
        Box::pin(look(deps, key, first, confirming))
    )?;
    let (subject, evidence) = match looked {
        Looked::Seen { subject, evidence } => (subject, evidence),
        Looked::Missing(at) if window.is_over(at, deps.timings.row_grace) => {
            window::close(ctx);
            return Err(rules::missing(key).into());
        }
        Looked::Missing(_) => {
            return again(deps, ctx, &window, None, deps.timings.row_interval).await;
        }
        Looked::Several(ids) => {
            window::close(ctx);
            return Err(rules::several(key, &ids).into());
        }
        Looked::Settled => {
            window::close(ctx);
            return Ok(());
        }
        Looked::BadName { id, text } => {
            durable::run!(
                ctx,
                steps::REFUSE,
                Preset::Database,
                refuse(&deps.db, &id, &text)
            )?;
            window::close(ctx);
            return Err(rules::bad_name(text).into());
        }
    };
    window.attempt = window.attempt.saturating_add(1);
    let interval = deps.timings.check_interval;
    let marked = Box::pin(verify(deps, ctx, &window, &subject, &evidence)).await?;
    match marked {
        Marked::Verified(certificate) => {
            // Only now: the host name is routed, so the authority can reach the token. One-way: nothing of it can undo
            // the verification.
            if certificate && !window.confirming {
                let request = msg::ProcessChallengeRequest {
                    workspace_id: subject.workspace_id.clone(),
                    domain: subject.domain.clone(),
                };
                let _ = ctx
                    .object_client::<CertificateClient<'_>>(&subject.domain)
                    .process_challenge(request)
                    .send();
            }
            window.confirming = true;
            again(
                deps,
                ctx,
                &window,
                Some(&subject.id),
                deps.timings.confirm_delay,
            )
            .await
        }
        Marked::NotYet => {
            window.confirming = false;
            again(deps, ctx, &window, Some(&subject.id), interval).await
        }
        Marked::Failed | Marked::Gone => {
            window::close(ctx);
            Ok(())
        }
    }
}

/// From the evidence to the row's new state.
async fn verify(
    deps: &Deps,
    ctx: &ObjectContext<'_>,
    window: &Window,
    subject: &Subject,
    evidence: &Evidence,
) -> Result<Marked, Stop> {
    let attempt = window.attempt;
    let decision = durable::run!(
        ctx,
        steps::DECIDE,
        Preset::Database,
        Box::pin(mysql::retry_as(|| decide(
            &deps.db,
            &subject.id,
            evidence,
            attempt
        )))
    )?;
    let deployment_id = match decision {
        Decision::Gone => return Ok(Marked::Gone),
        Decision::NotYet => return Ok(Marked::NotYet),
        Decision::Proven { deployment_id } => deployment_id,
    };
    let (routed, refusal) = route(ctx, subject, deployment_id).await?;
    let marked = durable::run!(
        ctx,
        steps::MARK_VERIFIED,
        Preset::Database,
        Box::pin(mysql::retry_as(|| mark(
            &deps.db, subject, evidence, attempt, &routed
        )))
    )?;
    match refusal {
        // The row says it; whoever called is told the same.
        Some(refusal) if marked == Marked::Failed => {
            window::close(ctx);
            Err(refusal)
        }
        _ => Ok(marked),
    }
}

/// Asks RoutingService for the route. It creates none that somebody else holds, and leaves ours as it is. A refusal for
/// good comes back in its own words.
async fn route(
    ctx: &ObjectContext<'_>,
    subject: &Subject,
    deployment_id: String,
) -> Result<(Routed, Option<Stop>), Stop> {
    let request = msg::UpsertRoutesRequest {
        deployment_id,
        project_id: subject.project_id.clone(),
        app_id: subject.app_id.clone(),
        environment_id: subject.environment_id.clone(),
        routes: vec![msg::RouteSpec {
            fully_qualified_domain_name: subject.domain.clone(),
            sticky: msg::RouteSticky::ROUTE_STICKY_LIVE.into(),
            fallback_fully_qualified_domain_name: String::new(),
        }],
    };
    let answer = ctx
        .object_client::<RoutingClient<'_>>(&subject.project_id)
        .upsert_routes(request)
        .call()
        .await;
    match answer {
        Ok(made) => {
            let ours = |route: &msg::UpsertedRoute| {
                route
                    .fully_qualified_domain_name
                    .eq_ignore_ascii_case(&subject.domain)
            };
            let routed = match made.routes.iter().any(ours) {
                true => Routed::Yes,
                false => Routed::Elsewhere,
            };
            Ok((routed, None))
        }
        Err(refused) => match Stop::from(refused) {
            cancelled if cancelled.is_cancelled() => Err(cancelled),
            refused => Ok((Routed::Refused(refused.public_text()), Some(refused))),
        },
    }
}

async fn refuse(db: &Db, id: &str, text: &str) -> Result<(), Stop> {
    writes::fail(db, id, text).await?;
    Ok(())
}

/// Keeps the window and sends its next check. Its id goes to the row, so that a control API can cancel it.
async fn again(
    deps: &Deps,
    ctx: &ObjectContext<'_>,
    window: &Window,
    row: Option<&str>,
    delay: Duration,
) -> Result<(), Stop> {
    window::keep(ctx, window);
    let request = msg::CheckDomainRequest {
        nonce: window.nonce.clone(),
    };
    let sent = ctx
        .object_client::<CustomDomainClient<'_>>(ctx.key())
        .check(request)
        .send_after(delay)
        .await?;
    let Some(row) = row else {
        return Ok(());
    };
    let next = sent.invocation_id().to_owned();
    let (own, opened_by) = (ctx.invocation_id(), window.opened_by.as_str());
    durable::run!(
        ctx,
        steps::NOTE_CHECK,
        Preset::Database,
        note(&deps.db, row, &next, [own, opened_by])
    )
}

/// Only where the row names the check before, or none: a control API may have begun another verification.
async fn note(db: &Db, row: &str, next: &str, before: [&str; 2]) -> Result<(), Stop> {
    let statement = "UPDATE custom_domains SET invocation_id = ? WHERE id = ? AND (invocation_id IS NULL OR invocation_id IN (?, ?))";
    let values = [next.into(), row.into(), before[0].into(), before[1].into()];
    mysql::retry(|| sql::execute(db.primary(), statement, values.clone())).await?;
    Ok(())
}
