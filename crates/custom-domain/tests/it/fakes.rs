//! The neighbours: RoutingService, which writes the route as the real one does, and CertificateService, which keeps
//! what it was asked and whether the route was there.

use certificate_client::CertificateBackend;
use messages::hydra::v1::*;
use mysql::Db;
use restate_sdk::prelude::*;
use routing_client::RoutingBackend;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use crate::world::{execute, query};

/// What was asked of CertificateService.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) key: String,
    pub(crate) workspace_id: String,
    pub(crate) domain: String,
    /// Whether the host name had a route by then.
    pub(crate) routed: bool,
}

static ASKED: Mutex<Vec<Asked>> = Mutex::new(Vec::new());
/// Project → in which words its routes are refused.
static REFUSED: Mutex<BTreeMap<String, String>> = Mutex::new(BTreeMap::new());

/// What was asked about one host name.
pub(crate) fn asked(domain: &str) -> Vec<Asked> {
    let asked = ASKED.lock().unwrap_or_else(PoisonError::into_inner);
    asked
        .iter()
        .filter(|a| a.domain == domain)
        .cloned()
        .collect()
}

/// From now on the routes of a project are refused for good.
pub(crate) fn refuse_routes(project_id: &str, words: &str) {
    REFUSED
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .insert(project_id.to_owned(), words.to_owned());
}

pub(crate) struct Routing(pub(crate) Db);

impl RoutingBackend for Routing {
    async fn upsert_routes<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        req: UpsertRoutesRequest,
    ) -> HandlerResult<UpsertRoutesResponse> {
        let words = REFUSED
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&req.project_id)
            .cloned();
        if let Some(words) = words {
            return Err(TerminalError::new_with_code(404, words).into());
        }
        assert_eq!(ctx.key(), req.project_id);
        let mut routes = Vec::new();
        for wanted in req.routes {
            assert_eq!(
                wanted.sticky.as_known(),
                Some(RouteSticky::ROUTE_STICKY_LIVE)
            );
            let name = wanted.fully_qualified_domain_name;
            let id = ids::derived(ids::Prefix::ROUTE, &[&name]);
            let insert = "INSERT IGNORE INTO frontline_routes (id, project_id, app_id, deployment_id, environment_id, \
                 fully_qualified_domain_name, sticky, created_at) VALUES (?, ?, ?, ?, ?, ?, 'live', 1)";
            let values = [
                &id,
                &req.project_id,
                &req.app_id,
                &req.deployment_id,
                &req.environment_id,
                &name,
            ];
            execute(&self.0, insert, values.map(|v| v.as_str().into())).await;
            let ours = "SELECT id FROM frontline_routes WHERE fully_qualified_domain_name = ? AND app_id = ? AND environment_id = ?";
            let values = [&name, &req.app_id, &req.environment_id].map(|v| v.as_str().into());
            if !query(&self.0, ours, values).await.is_empty() {
                routes.push(UpsertedRoute {
                    frontline_route_id: id,
                    fully_qualified_domain_name: name,
                    ..Default::default()
                });
            }
        }
        Ok(UpsertRoutesResponse { routes })
    }

    async fn assign_frontline_routes<'a>(
        &'a self,
        _: ObjectContext<'a>,
        _: AssignFrontlineRoutesRequest,
    ) -> HandlerResult<AssignFrontlineRoutesResponse> {
        Err(unasked())
    }

    async fn swap_live_deployment<'a>(
        &'a self,
        _: ObjectContext<'a>,
        _: SwapLiveDeploymentRequest,
    ) -> HandlerResult<SwapLiveDeploymentResponse> {
        Err(unasked())
    }

    async fn finish_deployment<'a>(
        &'a self,
        _: ObjectContext<'a>,
        _: FinishDeploymentRequest,
    ) -> HandlerResult<FinishDeploymentResponse> {
        Err(unasked())
    }

    async fn withdraw_routes<'a>(
        &'a self,
        _: ObjectContext<'a>,
        _: WithdrawRoutesRequest,
    ) -> HandlerResult<WithdrawRoutesResponse> {
        Err(unasked())
    }
}

pub(crate) struct Certificate(pub(crate) Db);

impl CertificateBackend for Certificate {
    async fn process_challenge<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        req: ProcessChallengeRequest,
    ) -> HandlerResult<ProcessChallengeResponse> {
        let route = "SELECT id FROM frontline_routes WHERE fully_qualified_domain_name = ?";
        let routed = !query(&self.0, route, [req.domain.as_str().into()])
            .await
            .is_empty();
        ASKED
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(Asked {
                key: ctx.key().to_owned(),
                workspace_id: req.workspace_id,
                domain: req.domain,
                routed,
            });
        Ok(ProcessChallengeResponse::default())
    }

    async fn renew_expiring_certificates<'a>(
        &'a self,
        _: ObjectContext<'a>,
        _: RenewExpiringCertificatesRequest,
    ) -> HandlerResult<RenewExpiringCertificatesResponse> {
        Err(unasked())
    }
}

fn unasked() -> HandlerError {
    TerminalError::new("this service has no business asking that").into()
}
