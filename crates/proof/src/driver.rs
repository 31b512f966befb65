//! What only this harness binds: a driver through which services that the ingress may not call are reached, and the
//! neighbours that are not built yet, as fakes that count what they are told.
//!
//! Served by the harness itself, so that no kill of a worker ends them.

use messages::hydra::v1 as msg;
use restate_sdk::context::RequestTarget;
use restate_sdk::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::effects::tell;

/// Name of the driver.
pub(crate) const DRIVER: &str = "proof.Driver";

/// Stands for a promise of the driver's.
pub(crate) const AWAKEABLE: &str = "<awakeable>";
/// Stands for the driver's own invocation.
pub(crate) const INVOCATION: &str = "<invocation>";

/// A call to be made.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Wanted {
    pub(crate) service: String,
    pub(crate) key: String,
    pub(crate) handler: String,
    pub(crate) body: Value,
}

struct Driver;

#[restate_sdk::service(name = "proof.Driver")]
impl Driver {
    /// Calls a handler, of a service where there is no key, and passes its answer or failure on. A field of the message may
    /// be [`AWAKEABLE`], whose promise is waited for, or [`INVOCATION`].
    #[handler(name = "Call")]
    async fn call(
        &self,
        ctx: Context<'_>,
        Json(wanted): Json<Wanted>,
    ) -> HandlerResult<Json<Value>> {
        let target = if wanted.key.is_empty() {
            RequestTarget::service(wanted.service, wanted.handler)
        } else {
            RequestTarget::object(wanted.service, wanted.key, wanted.handler)
        };
        let mut body = wanted.body;
        let me = ctx.invocation_id().to_owned();
        let mut promised = None;
        for value in body
            .as_object_mut()
            .into_iter()
            .flat_map(|b| b.values_mut())
        {
            if value == AWAKEABLE {
                let (id, told) = ctx.awakeable::<Json<Value>>();
                *value = id.into();
                promised = Some(told);
            } else if value == INVOCATION {
                *value = me.clone().into();
            }
        }
        let answer = ctx
            .request::<Json<Value>, Json<Value>>(target, Json(body))
            .call()
            .await?;
        if let Some(told) = promised {
            told.await?;
        }
        Ok(answer)
    }
}

struct Openapi;

impl openapi_client::OpenapiBackend for Openapi {
    async fn scrape_spec<'a>(
        &'a self,
        _: Context<'a>,
        req: msg::ScrapeSpecRequest,
    ) -> HandlerResult<msg::ScrapeSpecResponse> {
        tell(&req.deployment_id, "openapi scrape".to_owned());
        Ok(msg::ScrapeSpecResponse::default())
    }
}

struct Certificates;

impl certificate_client::CertificateBackend for Certificates {
    async fn process_challenge<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        _: msg::ProcessChallengeRequest,
    ) -> HandlerResult<msg::ProcessChallengeResponse> {
        tell(ctx.key(), "certificate asked for".to_owned());
        Ok(msg::ProcessChallengeResponse::default())
    }

    async fn renew_expiring_certificates<'a>(
        &'a self,
        _: ObjectContext<'a>,
        _: msg::RenewExpiringCertificatesRequest,
    ) -> HandlerResult<msg::RenewExpiringCertificatesResponse> {
        Ok(msg::RenewExpiringCertificatesResponse::default())
    }
}

/// Driver and fakes as an endpoint. A neighbour that the worker serves itself needs no fake: whoever registers last has
/// the name.
pub(crate) fn endpoint(served: &[String]) -> Endpoint {
    let open = |name: &str| !served.iter().any(|s| s == name);
    let mut builder = Endpoint::builder().bind(Driver);
    if open(openapi_client::SERVICE) {
        builder = builder.bind(openapi_client::OpenapiService(Openapi));
    }
    if open(certificate_client::SERVICE) {
        builder = builder.bind(certificate_client::CertificateService(Certificates));
    }
    builder.build()
}
