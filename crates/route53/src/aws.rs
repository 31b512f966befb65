//! The production backend, on the crate `aws-sdk-route53`.

use async_trait::async_trait;
use aws_sdk_route53::Client;
use aws_sdk_route53::config::interceptors::BeforeDeserializationInterceptorContextMut;
use aws_sdk_route53::config::retry::RetryConfig;
use aws_sdk_route53::config::timeout::TimeoutConfig;
use aws_sdk_route53::config::{BehaviorVersion, ConfigBag, Intercept, Region, RuntimeComponents};
use aws_sdk_route53::error::BoxError;
use aws_sdk_route53::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use aws_sdk_route53::types::{
    Change, ChangeAction, ChangeBatch, ChangeStatus, ResourceRecord, ResourceRecordSet, RrType,
};
use aws_smithy_types::body::SdkBody;
use http_body_util::Limited;

use crate::backend::{Backend, ListedZone, TxtSet, routing_policy};
use crate::{Class, Operation, Route53Error, Settings, name};

/// Longest answer that is read, bytes: a page of a hundred zones is a tenth of it.
const ANSWER_BYTES: usize = 1 << 20;

/// The comment of our changes in the service's own log.
const COMMENT: &str = "control plane worker: ACME challenge";

/// The backend.
pub(crate) struct Aws {
    client: Client,
}

impl Aws {
    pub(crate) async fn new(settings: &Settings) -> Self {
        let timeouts = TimeoutConfig::builder()
            .operation_timeout(settings.limits.attempt)
            .build();
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .region(Region::new(settings.region.clone()))
            .retry_config(RetryConfig::disabled())
            .timeout_config(timeouts);
        if let Some(key) = &settings.credentials {
            loader = loader.credentials_provider(aws_credential_types::Credentials::new(
                &key.access_key_id,
                &key.secret_access_key,
                None,
                None,
                "configuration",
            ));
        }
        let shared = loader.load().await;
        let mut config = aws_sdk_route53::config::Builder::from(&shared).interceptor(Bounded);
        if let Some(endpoint) = &settings.endpoint {
            config = config.endpoint_url(endpoint);
        }
        Self {
            client: Client::from_conf(config.build()),
        }
    }
}

/// Lets no answer be longer than [`ANSWER_BYTES`]; the SDK would read it to its end.
#[derive(Debug)]
struct Bounded;

impl Intercept for Bounded {
    fn name(&self) -> &'static str {
        "bounded answers"
    }

    fn modify_before_deserialization(
        &self,
        context: &mut BeforeDeserializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let body = context.response_mut().body_mut();
        let whole = std::mem::replace(body, SdkBody::taken());
        *body = SdkBody::from_body_1_x(Limited::new(whole, ANSWER_BYTES));
        Ok(())
    }
}

#[async_trait]
impl Backend for Aws {
    fn name(&self) -> &'static str {
        "aws-sdk-route53"
    }

    async fn zones_named(&self, wanted: &str) -> Result<Vec<ListedZone>, Route53Error> {
        let listed = self.client.list_hosted_zones_by_name().dns_name(wanted);
        let listed = listed.send().await.map_err(told)?;
        let mut zones = Vec::new();
        for zone in listed.hosted_zones() {
            if name::same(zone.name(), wanted) {
                zones.push(ListedZone {
                    id: zone.id().to_owned(),
                    public: !zone.config().is_some_and(|config| config.private_zone()),
                });
            }
        }
        Ok(zones)
    }

    async fn name_servers(&self, zone: &str) -> Result<Vec<String>, Route53Error> {
        let found = self.client.get_hosted_zone().id(zone).send().await;
        let found = found.map_err(told)?;
        let set = found.delegation_set();
        Ok(set.map_or_else(Vec::new, |set| set.name_servers().to_vec()))
    }

    async fn txt(&self, zone: &str, wanted: &str) -> Result<Option<TxtSet>, Route53Error> {
        let listed = self
            .client
            .list_resource_record_sets()
            .hosted_zone_id(zone)
            .start_record_name(wanted)
            .start_record_type(RrType::Txt)
            .max_items(1)
            .send()
            .await
            .map_err(told)?;
        let first = listed.resource_record_sets().first();
        let Some(set) =
            first.filter(|s| *s.r#type() == RrType::Txt && name::same(s.name(), wanted))
        else {
            return Ok(None);
        };
        if set.set_identifier().is_some() {
            return Err(routing_policy(wanted));
        }
        let values = set.resource_records().iter();
        Ok(Some(TxtSet {
            ttl: set.ttl().unwrap_or(crate::TTL),
            values: values.map(|record| record.value().to_owned()).collect(),
        }))
    }

    async fn swap(
        &self,
        zone: &str,
        name: &str,
        old: Option<&TxtSet>,
        new: Option<&TxtSet>,
    ) -> Result<String, Route53Error> {
        let mut batch = ChangeBatch::builder().comment(COMMENT);
        for (action, set) in [(ChangeAction::Delete, old), (ChangeAction::Create, new)] {
            if let Some(set) = set {
                batch = batch.changes(change(action, name, set)?);
            }
        }
        let batch = batch.build().map_err(incomplete)?;
        let changed = self
            .client
            .change_resource_record_sets()
            .hosted_zone_id(zone)
            .change_batch(batch)
            .send()
            .await
            .map_err(told)?;
        let info = changed.change_info().map(|info| info.id().to_owned());
        info.ok_or_else(|| incomplete("the answer names no change"))
    }

    async fn in_sync(&self, change: &str) -> Result<bool, Route53Error> {
        let found = self.client.get_change().id(change).send().await;
        let found = found.map_err(told)?;
        let info = found.change_info();
        Ok(info.is_some_and(|info| *info.status() == ChangeStatus::Insync))
    }
}

fn change(action: ChangeAction, name: &str, set: &TxtSet) -> Result<Change, Route53Error> {
    let mut records = ResourceRecordSet::builder()
        .name(format!("{name}."))
        .r#type(RrType::Txt)
        .ttl(set.ttl);
    for value in &set.values {
        let record = ResourceRecord::builder().value(value).build();
        records = records.resource_records(record.map_err(incomplete)?);
    }
    Change::builder()
        .action(action)
        .resource_record_set(records.build().map_err(incomplete)?)
        .build()
        .map_err(incomplete)
}

fn incomplete(why: impl std::fmt::Display) -> Route53Error {
    Route53Error::ours(Operation::Put, Class::BadRequest, why.to_string())
}

/// What the service, or the way to it, said.
fn told<E>(error: SdkError<E>) -> Route53Error
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    match &error {
        SdkError::ServiceError(refused) => {
            let status = refused.raw().status().as_u16();
            match (error.code(), refused.raw().body().bytes()) {
                (Some(code), _) => {
                    Route53Error::told(code, status, error.message().unwrap_or("no words"))
                }
                (None, body) => {
                    let body = String::from_utf8_lossy(body.unwrap_or_default());
                    Route53Error::in_body(status, &body)
                }
            }
        }
        SdkError::ResponseError(broken) => {
            let status = broken.raw().status().as_u16();
            Route53Error::told("", status, "its answer cannot be read")
        }
        SdkError::ConstructionFailure(_) => {
            let why = DisplayErrorContext(&error).to_string();
            Route53Error::ours(Operation::Settings, Class::Settings, why)
        }
        _ => {
            let why = DisplayErrorContext(&error).to_string();
            let class = if why.contains("credentials") {
                Class::Unauthorised
            } else {
                Class::Unavailable
            };
            Route53Error::ours(Operation::Settings, class, why)
        }
    }
}
