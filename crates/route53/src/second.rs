//! The second backend, on the crate `rusoto_route53`, behind the feature `rusoto`: native TLS, unmaintained since 2022
//! (`deny.toml`). It has no retries of its own; `call` adds the same as to the other backend.
//!
//! Without credentials in the settings, the crate's own standard chain is used (environment, profile, container,
//! machine).

use async_trait::async_trait;
use rusoto_core::credential::{ChainProvider, StaticProvider};
use rusoto_core::{HttpClient, Region, RusotoError};
use rusoto_route53::{
    Change, ChangeBatch, ChangeResourceRecordSetsRequest, GetChangeRequest, GetHostedZoneRequest,
    ListHostedZonesByNameRequest, ListResourceRecordSetsRequest, ResourceRecord, ResourceRecordSet,
    Route53 as _, Route53Client,
};

use crate::backend::{Backend, ListedZone, TxtSet, routing_policy};
use crate::{Class, Operation, Route53Error, Settings, name};

/// The comment of our changes in the service's own log.
const COMMENT: &str = "control plane worker: ACME challenge";

/// The backend.
pub(crate) struct Second {
    client: Route53Client,
}

impl Second {
    pub(crate) fn new(settings: &Settings) -> Result<Self, Route53Error> {
        let refuse = |why: String| Route53Error::ours(Operation::Settings, Class::Settings, why);
        let region = match &settings.endpoint {
            Some(endpoint) => Region::Custom {
                name: settings.region.clone(),
                endpoint: endpoint.clone(),
            },
            None => settings
                .region
                .parse()
                .map_err(|_| refuse(format!("the region {} is not known", settings.region)))?,
        };
        let http = HttpClient::new().map_err(|e| refuse(e.to_string()))?;
        let client = match &settings.credentials {
            Some(key) => Route53Client::new_with(
                http,
                StaticProvider::new_minimal(
                    key.access_key_id.clone(),
                    key.secret_access_key.clone(),
                ),
                region,
            ),
            None => Route53Client::new_with(http, ChainProvider::new(), region),
        };
        Ok(Self { client })
    }
}

#[async_trait]
impl Backend for Second {
    fn name(&self) -> &'static str {
        "rusoto_route53"
    }

    async fn zones_named(&self, wanted: &str) -> Result<Vec<ListedZone>, Route53Error> {
        let request = ListHostedZonesByNameRequest {
            dns_name: Some(wanted.to_owned()),
            ..Default::default()
        };
        let listed = self.client.list_hosted_zones_by_name(request).await;
        let zones = listed.map_err(told)?.hosted_zones.into_iter();
        Ok(zones
            .filter(|zone| name::same(&zone.name, wanted))
            .map(|zone| ListedZone {
                public: !zone.config.and_then(|c| c.private_zone).unwrap_or(false),
                id: zone.id,
            })
            .collect())
    }

    async fn name_servers(&self, zone: &str) -> Result<Vec<String>, Route53Error> {
        let request = GetHostedZoneRequest {
            id: zone.to_owned(),
        };
        let found = self.client.get_hosted_zone(request).await.map_err(told)?;
        Ok(found
            .delegation_set
            .map_or_else(Vec::new, |set| set.name_servers))
    }

    async fn txt(&self, zone: &str, wanted: &str) -> Result<Option<TxtSet>, Route53Error> {
        let request = ListResourceRecordSetsRequest {
            hosted_zone_id: zone.to_owned(),
            start_record_name: Some(wanted.to_owned()),
            start_record_type: Some("TXT".to_owned()),
            max_items: Some("1".to_owned()),
            ..Default::default()
        };
        let listed = self.client.list_resource_record_sets(request).await;
        let first = listed
            .map_err(told)?
            .resource_record_sets
            .into_iter()
            .next();
        let Some(set) = first.filter(|s| s.type_ == "TXT" && name::same(&s.name, wanted)) else {
            return Ok(None);
        };
        if set.set_identifier.is_some() {
            return Err(routing_policy(wanted));
        }
        let values = set.resource_records.unwrap_or_default().into_iter();
        Ok(Some(TxtSet {
            ttl: set.ttl.unwrap_or(crate::TTL),
            values: values.map(|record| record.value).collect(),
        }))
    }

    async fn swap(
        &self,
        zone: &str,
        name: &str,
        old: Option<&TxtSet>,
        new: Option<&TxtSet>,
    ) -> Result<String, Route53Error> {
        let both = [("DELETE", old), ("CREATE", new)].into_iter();
        let changes = both.filter_map(|(action, set)| Some(change(action, name, set?)));
        let request = ChangeResourceRecordSetsRequest {
            hosted_zone_id: zone.to_owned(),
            change_batch: ChangeBatch {
                changes: changes.collect(),
                comment: Some(COMMENT.to_owned()),
            },
        };
        let changed = self.client.change_resource_record_sets(request).await;
        Ok(changed.map_err(told)?.change_info.id)
    }

    async fn in_sync(&self, change: &str) -> Result<bool, Route53Error> {
        let request = GetChangeRequest {
            id: change.to_owned(),
        };
        let found = self.client.get_change(request).await.map_err(told)?;
        Ok(found.change_info.status == "INSYNC")
    }
}

fn change(action: &str, name: &str, set: &TxtSet) -> Change {
    let records = set.values.iter().map(|value| ResourceRecord {
        value: value.clone(),
    });
    Change {
        action: action.to_owned(),
        resource_record_set: ResourceRecordSet {
            name: format!("{name}."),
            type_: "TXT".to_owned(),
            ttl: Some(set.ttl),
            resource_records: Some(records.collect()),
            ..Default::default()
        },
    }
}

/// What the service, or the way to it, said. The crate keeps the code of errors it does not know only in the body.
fn told<E: std::error::Error + 'static>(error: RusotoError<E>) -> Route53Error {
    match error {
        RusotoError::Service(refused) => {
            let code = format!("{refused:?}");
            let code: String = code
                .chars()
                .take_while(char::is_ascii_alphanumeric)
                .collect();
            Route53Error::told(&code, 400, &refused.to_string())
        }
        RusotoError::Unknown(answer) => {
            Route53Error::in_body(answer.status.as_u16(), answer.body_as_str())
        }
        RusotoError::Credentials(why) => Route53Error::ours(
            Operation::Settings,
            Class::Unauthorised,
            format!("no usable access key: {why}"),
        ),
        RusotoError::Validation(why) => {
            Route53Error::ours(Operation::Settings, Class::BadRequest, why)
        }
        error => Route53Error::ours(Operation::Settings, Class::Unavailable, error.to_string()),
    }
}
