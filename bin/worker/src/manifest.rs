//! The services this worker offers, as Restate discovers them, and how they differ from what Restate knows.
//!
//! The manifest is read from the endpoint itself, so there is no second list to keep. Not for what the services are
//! (see `services`).

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{Request, header};
use http_body_util::{BodyExt, Full};
use restate_api::ServiceInfo;
use restate_sdk::endpoint::Endpoint;
use serde_json::Value;

use crate::services;

/// The newest form of the manifest the SDK offers.
const ACCEPT: &str = "application/vnd.restate.endpointmanifest.v4+json";

/// The manifest of this build, without a database or a configuration file.
///
/// # Errors
/// The endpoint cannot be built.
pub async fn of_this_build() -> Result<Value, String> {
    let endpoint = services::endpoint(&services::Deps::nowhere().await?, &[])?;
    of(&endpoint).await
}

/// The manifest of an endpoint without identity keys.
///
/// # Errors
/// The SDK refuses to give it.
pub async fn of(endpoint: &Endpoint) -> Result<Value, String> {
    let request = Request::get("/discover")
        .header(header::ACCEPT, ACCEPT)
        .body(Full::<Bytes>::default())
        .map_err(|e| e.to_string())?;
    let response = endpoint.handle(request);
    let status = response.status();
    let body = response
        .into_body()
        .collect()
        .await
        .map_err(|e| e.to_string())?
        .to_bytes();
    if !status.is_success() {
        return Err(format!("the endpoint answers {status} to /discover"));
    }
    let mut manifest: Value = serde_json::from_slice(&body).map_err(|e| e.to_string())?;
    if let Some(services) = manifest.get_mut("services").and_then(Value::as_array_mut) {
        services.sort_by(|a, b| text(a, "name").cmp(text(b, "name")));
    }
    Ok(manifest)
}

/// What of a service decides whether callers reach it as they expect.
#[derive(Debug, PartialEq, Eq)]
struct Shape {
    ty: String,
    public: bool,
    /// Kind and privacy by handler.
    handlers: BTreeMap<String, (String, bool)>,
}

/// How what Restate knows differs from the manifest, one line for each difference; empty when it does not.
pub fn differences(manifest: &Value, known: &[ServiceInfo]) -> Vec<String> {
    let ours = shapes(manifest);
    let theirs: BTreeMap<&str, Shape> = known
        .iter()
        .map(|s| (s.name.as_str(), known_shape(s)))
        .collect();
    let mut lines = Vec::new();
    for (name, shape) in &ours {
        match theirs.get(name.as_str()) {
            None => lines.push(format!("{name} is unknown to Restate")),
            Some(other) => compare(name, shape, other, &mut lines),
        }
    }
    lines
}

fn compare(name: &str, ours: &Shape, theirs: &Shape, lines: &mut Vec<String>) {
    if ours.ty != theirs.ty {
        lines.push(format!(
            "{name} is {} here and {} in Restate",
            ours.ty, theirs.ty
        ));
    }
    if ours.public != theirs.public {
        let word = |public| if public { "public" } else { "private" };
        lines.push(format!(
            "{name} is {} here and {} in Restate",
            word(ours.public),
            word(theirs.public)
        ));
    }
    for (handler, kind) in &ours.handlers {
        match theirs.handlers.get(handler) {
            None => lines.push(format!("{name}/{handler} is unknown to Restate")),
            Some(other) if other != kind => {
                let word = |(ty, public): &(String, bool)| {
                    format!("{ty}{}", if *public { "" } else { " and private" })
                };
                lines.push(format!(
                    "{name}/{handler} is {} here and {} in Restate",
                    word(kind),
                    word(other)
                ));
            }
            Some(_) => {}
        }
    }
    for handler in theirs
        .handlers
        .keys()
        .filter(|h| !ours.handlers.contains_key(*h))
    {
        lines.push(format!(
            "{name}/{handler} is known to Restate and not offered here"
        ));
    }
}

fn shapes(manifest: &Value) -> BTreeMap<String, Shape> {
    let services = manifest
        .get("services")
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default();
    services
        .iter()
        .map(|service| {
            let private = flag(service, "ingressPrivate");
            let list = service
                .get("handlers")
                .and_then(Value::as_array)
                .map(Vec::as_slice)
                .unwrap_or_default();
            let kind = plain(text(service, "ty"));
            let handlers = list
                .iter()
                .map(|h| {
                    let public = !private && !flag(h, "ingressPrivate");
                    (
                        text(h, "name").to_owned(),
                        (handler_kind(&kind, text(h, "ty")), public),
                    )
                })
                .collect();
            (
                text(service, "name").to_owned(),
                Shape {
                    ty: kind,
                    public: !private,
                    handlers,
                },
            )
        })
        .collect()
}

fn known_shape(service: &ServiceInfo) -> Shape {
    let kind = plain(&service.ty);
    let handlers = service
        .handlers
        .iter()
        .map(|h| {
            let ty = handler_kind(&kind, h.ty.as_deref().unwrap_or_default());
            (h.name.clone(), (ty, h.public && service.public))
        })
        .collect();
    Shape {
        ty: kind,
        public: service.public,
        handlers,
    }
}

/// A handler of an object is exclusive unless something else is said.
fn handler_kind(service: &str, kind: &str) -> String {
    if kind.is_empty() && service == "virtualobject" {
        "exclusive".to_owned()
    } else {
        plain(kind)
    }
}

/// `VIRTUAL_OBJECT` and `VirtualObject` are the same.
fn plain(kind: &str) -> String {
    kind.replace('_', "").to_lowercase()
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn flag(value: &Value, key: &str) -> bool {
    value.get(key).and_then(Value::as_bool).unwrap_or_default()
}
