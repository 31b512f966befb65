//! What only the bench binds: an object that does nothing, and a driver through which the services that the ingress
//! may not call are reached. Served here, beside the worker. Not part of the product.

use std::convert::Infallible;

use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use messages::hydra::v1 as msg;
use restate_sdk::context::RequestTarget;
use restate_sdk::prelude::*;
use routing_client::RoutingClient;
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use versioning_client::VersioningClient;

use crate::Result as BenchResult;
use crate::stack::Stack;

pub(crate) const NOP: &str = "bench.Nop";
pub(crate) const DRIVER: &str = "bench.Driver";

/// Routes of a deployment, by names or by ids.
#[derive(Serialize, Deserialize)]
pub(crate) struct Routes {
    pub(crate) project_id: String,
    pub(crate) app_id: String,
    pub(crate) environment_id: String,
    pub(crate) deployment_id: String,
    pub(crate) routes: Vec<String>,
}

struct Nop;

#[restate_sdk::object(name = "bench.Nop")]
impl Nop {
    #[handler(name = "Call")]
    async fn call(&self, _ctx: ObjectContext<'_>, _nothing: Json<()>) -> HandlerResult<()> {
        Ok(())
    }
}

struct Driver;

#[restate_sdk::service(name = "bench.Driver")]
impl Driver {
    /// Calls the object that does nothing: the cost of the driver itself.
    #[handler(name = "Nop")]
    async fn nop(&self, ctx: Context<'_>, Json(key): Json<String>) -> HandlerResult<()> {
        let target = RequestTarget::object(NOP, key, "Call");
        ctx.request::<Json<()>, ()>(target, Json(())).call().await?;
        Ok(())
    }

    /// Draws the next version of a region.
    #[handler(name = "NextVersion")]
    async fn next_version(
        &self,
        ctx: Context<'_>,
        Json(region_id): Json<String>,
    ) -> HandlerResult<()> {
        ctx.object_client::<VersioningClient<'_>>(&region_id)
            .next_version(msg::NextVersionRequest::default())
            .call()
            .await?;
        Ok(())
    }

    /// Creates routes by name; gives their ids.
    #[handler(name = "Upsert")]
    async fn upsert(
        &self,
        ctx: Context<'_>,
        Json(r): Json<Routes>,
    ) -> HandlerResult<Json<Vec<String>>> {
        let routes = r
            .routes
            .into_iter()
            .map(|name| msg::RouteSpec {
                fully_qualified_domain_name: name,
                sticky: msg::RouteSticky::ROUTE_STICKY_ENVIRONMENT.into(),
                ..msg::RouteSpec::default()
            })
            .collect();
        let answer = ctx
            .object_client::<RoutingClient<'_>>(&r.project_id)
            .upsert_routes(msg::UpsertRoutesRequest {
                deployment_id: r.deployment_id,
                project_id: r.project_id.clone(),
                app_id: r.app_id,
                environment_id: r.environment_id,
                routes,
            })
            .call()
            .await?;
        let ids = answer.routes.into_iter().map(|r| r.frontline_route_id);
        Ok(Json(ids.collect()))
    }

    /// Points routes, by their ids, to the deployment.
    #[handler(name = "Assign")]
    async fn assign(&self, ctx: Context<'_>, Json(r): Json<Routes>) -> HandlerResult<()> {
        ctx.object_client::<RoutingClient<'_>>(&r.project_id)
            .assign_frontline_routes(msg::AssignFrontlineRoutesRequest {
                deployment_id: r.deployment_id,
                frontline_route_ids: r.routes,
            })
            .call()
            .await?;
        Ok(())
    }
}

/// Serves both until the process ends and registers them.
pub(crate) async fn serve(stack: &Stack) -> BenchResult<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    let endpoint = Endpoint::builder().bind(Nop).bind(Driver).build();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            // Without it calls on one key wait for the delayed acknowledgement of the peer.
            let _set = stream.set_nodelay(true);
            let endpoint = endpoint.clone();
            let service = service_fn(move |request| {
                std::future::ready(Ok::<_, Infallible>(endpoint.handle(request)))
            });
            tokio::spawn(async move {
                // A cut connection is Restate's affair: it opens another.
                let _ended = Builder::new(TokioExecutor::new())
                    .serve_connection(TokioIo::new(stream), service)
                    .await;
            });
        }
    });
    stack.admin.register(&url, true).await?;
    Ok(())
}
