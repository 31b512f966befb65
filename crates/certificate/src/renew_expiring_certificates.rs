//! `RenewExpiringCertificates`: starts every renewal that is due, and what nobody has started or ended.
//!
//! Reads the planned instants only; what is really due is decided where the certificate is. Starting is a one-way message,
//! spread over time; a second run in the same window changes nothing.

use crate::renewals::{self, Cursor, Due};
use crate::timings::{Thrice, millis};
use crate::{Deps, steps, windows};
use certificate_client::{CertificateClient, SERVICE};
use durable::{Preset, Stop};
use messages::hydra::v1::{
    ProcessChallengeRequest, RenewExpiringCertificatesRequest, RenewExpiringCertificatesResponse,
};
use restate_sdk::context::{ContextClient, ObjectContext};
use restate_sdk::errors::HandlerResult;

/// Names in one journaled page.
const PAGE: u64 = 250;
/// Renewals started by one sweep; what is left is due at the next one.
const MOST: usize = 5_000;
/// Steps that ask for windows, of fifty certificates each.
const MOST_BATCHES: usize = 100;
const DAY_MS: i64 = 86_400_000;

pub(crate) async fn handler(
    deps: &Deps,
    ctx: ObjectContext<'_>,
    req: RenewExpiringCertificatesRequest,
) -> HandlerResult<RenewExpiringCertificatesResponse> {
    let (invocation, key) = (ctx.invocation_id().to_owned(), ctx.key().to_owned());
    durable::handle(
        SERVICE,
        "RenewExpiringCertificates",
        &invocation,
        &key,
        async {
            let now = durable::now!(ctx)?;
            let stuck = millis(deps.timings.stuck);
            durable::run!(ctx, steps::ADOPT, Preset::Database, async {
                Ok::<u64, Stop>(renewals::adopt(&deps.db, now, stuck).await?)
            })?;
            durable::run!(ctx, steps::DROP_GONE, Preset::Database, async {
                Ok::<u64, Stop>(renewals::drop_gone(&deps.db).await?)
            })?;
            if let Some(acme) = &deps.acme {
                for _ in 0..MOST_BATCHES {
                    let asked = durable::run!(
                        ctx,
                        steps::WINDOWS,
                        Preset::Database,
                        windows::refresh(deps, acme, now)
                    )?;
                    if asked < windows::BATCH {
                        break;
                    }
                }
            }
            if req.days_before_expiry > 0 {
                let until = now.saturating_add(i64::from(req.days_before_expiry) * DAY_MS);
                durable::run!(ctx, steps::WIDEN, Preset::Database, async {
                    Ok::<u64, Stop>(renewals::widen(&deps.db, now, until).await?)
                })?;
            }
            let started = start(deps, &ctx).await?;
            let told = durable::run!(ctx, steps::HEARTBEAT, Thrice, async {
                deps.heartbeat.ping().await.map_err(Stop::retry)
            });
            if let Err(stop) = told {
                if stop.is_cancelled() {
                    return Err(stop);
                }
                tracing::warn!(error = %stop, "the heartbeat of the renewal was not heard");
            }
            let count = i32::try_from(started).unwrap_or(i32::MAX);
            tracing::info!(started, "renewals started");
            Ok(RenewExpiringCertificatesResponse {
                certificates_checked: count,
                renewals_triggered: count,
                failed_domains: Vec::new(),
            })
        },
    )
    .await
}

/// Starts what is due; gives how many.
async fn start(deps: &Deps, ctx: &ObjectContext<'_>) -> Result<usize, Stop> {
    // windows may have moved something to this very moment
    let now = durable::now!(ctx)?;
    let mut cursor = Cursor::start();
    let mut started = 0;
    while started < MOST {
        let page: Vec<Due> = durable::run!(ctx, steps::DUE, Preset::Database, async {
            Ok::<Vec<Due>, Stop>(renewals::page(&deps.db, now, &cursor, PAGE).await?)
        })?;
        for due in &page {
            let place = u32::try_from(started).unwrap_or(u32::MAX);
            let call = ctx
                .object_client::<CertificateClient>(&due.hostname)
                .process_challenge(ProcessChallengeRequest {
                    workspace_id: due.workspace_id.clone(),
                    domain: due.hostname.clone(),
                });
            if place == 0 {
                call.send();
            } else {
                call.send_after(deps.timings.spread * place);
            }
            started += 1;
        }
        match Cursor::behind(&page) {
            Some(next) if page.len() as u64 == PAGE => cursor = next,
            _ => break,
        }
    }
    Ok(started)
}
