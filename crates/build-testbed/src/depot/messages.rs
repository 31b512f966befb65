//! The messages of Depot's API that a builder sends and gets, as its public schema numbers and names them.
//!
//! Not all fields: those that are filled or looked at here.

use serde_json::{Value, json};

/// One of the two forms in which a client may speak.
pub(crate) trait FromJson: prost::Message + Default {
    /// From proto-JSON, whose names may be spelled either way.
    fn from_json(value: &Value) -> Self;
}

/// The answer in proto-JSON.
pub(crate) trait ToJson: prost::Message {
    fn to_json(&self) -> Value;
}

fn field<'a>(value: &'a Value, camel: &str, snake: &str) -> &'a Value {
    match &value[camel] {
        Value::Null => &value[snake],
        found => found,
    }
}

fn text(value: &Value, camel: &str, snake: &str) -> String {
    let found = field(value, camel, snake).as_str();
    found.unwrap_or_default().to_owned()
}

/// `keep_gb` and `keep_days`.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(crate) struct CachePolicy {
    #[prost(int32, tag = "2")]
    pub(crate) keep_days: i32,
    #[prost(int32, tag = "3")]
    pub(crate) keep_gb: i32,
}

#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(crate) struct CreateProject {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    #[prost(string, tag = "3")]
    pub(crate) region_id: String,
    #[prost(message, optional, tag = "4")]
    pub(crate) cache_policy: Option<CachePolicy>,
}

impl FromJson for CreateProject {
    fn from_json(value: &Value) -> Self {
        let policy = field(value, "cachePolicy", "cache_policy");
        let number = |camel, snake| {
            let found = field(policy, camel, snake).as_i64();
            found
                .and_then(|n| i32::try_from(n).ok())
                .unwrap_or_default()
        };
        Self {
            name: text(value, "name", "name"),
            region_id: text(value, "regionId", "region_id"),
            cache_policy: policy.is_object().then(|| CachePolicy {
                keep_days: number("keepDays", "keep_days"),
                keep_gb: number("keepGb", "keep_gb"),
            }),
        }
    }
}

#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(crate) struct Project {
    #[prost(string, tag = "1")]
    pub(crate) project_id: String,
    #[prost(string, tag = "2")]
    pub(crate) organization_id: String,
    #[prost(string, tag = "3")]
    pub(crate) name: String,
    #[prost(string, tag = "4")]
    pub(crate) region_id: String,
}

#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(crate) struct ProjectCreated {
    #[prost(message, optional, tag = "1")]
    pub(crate) project: Option<Project>,
}

impl ToJson for ProjectCreated {
    fn to_json(&self) -> Value {
        json!({ "project": self.project.clone().unwrap_or_default().to_json() })
    }
}

impl Project {
    fn to_json(&self) -> Value {
        json!({
            "projectId": self.project_id, "organizationId": self.organization_id,
            "name": self.name, "regionId": self.region_id,
        })
    }
}

#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(crate) struct ProjectList {
    #[prost(message, repeated, tag = "1")]
    pub(crate) projects: Vec<Project>,
}

impl ToJson for ProjectList {
    fn to_json(&self) -> Value {
        let all: Vec<Value> = self.projects.iter().map(Project::to_json).collect();
        json!({ "projects": all })
    }
}

#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(crate) struct CreateBuild {
    #[prost(string, tag = "1")]
    pub(crate) project_id: String,
}

impl FromJson for CreateBuild {
    fn from_json(value: &Value) -> Self {
        Self {
            project_id: text(value, "projectId", "project_id"),
        }
    }
}

#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(crate) struct BuildCreated {
    #[prost(string, tag = "1")]
    pub(crate) build_id: String,
    #[prost(string, tag = "2")]
    pub(crate) build_token: String,
    #[prost(string, tag = "5")]
    pub(crate) build_url: String,
    #[prost(string, tag = "6")]
    pub(crate) project_id: String,
}

impl ToJson for BuildCreated {
    fn to_json(&self) -> Value {
        json!({
            "buildId": self.build_id, "buildToken": self.build_token,
            "buildUrl": self.build_url, "projectId": self.project_id,
        })
    }
}

/// `GetBuildKitConnection` and `ReportBuildHealth` alike.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(crate) struct OfPlatform {
    #[prost(string, tag = "1")]
    pub(crate) build_id: String,
    /// 1 is amd64, 2 is arm64.
    #[prost(int32, tag = "2")]
    pub(crate) platform: i32,
}

impl FromJson for OfPlatform {
    fn from_json(value: &Value) -> Self {
        let platform = match &value["platform"] {
            Value::String(name) if name == "PLATFORM_AMD64" => 1,
            Value::String(name) if name == "PLATFORM_ARM64" => 2,
            number => number
                .as_i64()
                .and_then(|n| i32::try_from(n).ok())
                .unwrap_or_default(),
        };
        Self {
            build_id: text(value, "buildId", "build_id"),
            platform,
        }
    }
}

#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(crate) struct Connection {
    #[prost(message, optional, tag = "1")]
    pub(crate) pending: Option<Pending>,
    #[prost(message, optional, tag = "2")]
    pub(crate) active: Option<Active>,
}

#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(crate) struct Pending {
    #[prost(int32, tag = "1")]
    pub(crate) wait_ms: i32,
}

#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(crate) struct Active {
    #[prost(string, tag = "1")]
    pub(crate) endpoint: String,
    #[prost(string, tag = "2")]
    pub(crate) server_name: String,
    #[prost(message, optional, tag = "3")]
    pub(crate) cert: Option<Certificate>,
    #[prost(message, optional, tag = "4")]
    pub(crate) ca_cert: Option<Certificate>,
}

/// PEM; an authority's has no key.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(crate) struct Certificate {
    #[prost(string, tag = "1")]
    pub(crate) cert: String,
    #[prost(string, tag = "2")]
    pub(crate) key: String,
}

impl ToJson for Connection {
    fn to_json(&self) -> Value {
        match (&self.pending, &self.active) {
            (Some(pending), _) => json!({ "pending": { "waitMs": pending.wait_ms } }),
            (None, Some(active)) => {
                let cert = active.cert.clone().unwrap_or_default();
                let ca = active.ca_cert.clone().unwrap_or_default();
                json!({ "active": {
                    "endpoint": active.endpoint, "serverName": active.server_name,
                    "cert": { "cert": cert.cert, "key": cert.key }, "caCert": { "cert": ca.cert },
                }})
            }
            (None, None) => json!({}),
        }
    }
}

#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(crate) struct FinishBuild {
    #[prost(string, tag = "1")]
    pub(crate) build_id: String,
    #[prost(message, optional, tag = "2")]
    pub(crate) success: Option<Nothing>,
    #[prost(message, optional, tag = "3")]
    pub(crate) error: Option<Reason>,
    #[prost(message, optional, tag = "4")]
    pub(crate) canceled: Option<Nothing>,
}

#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(crate) struct Reason {
    #[prost(string, tag = "1")]
    pub(crate) error: String,
}

#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(crate) struct Nothing {}

impl FromJson for FinishBuild {
    fn from_json(value: &Value) -> Self {
        let there = |name: &str| value[name].is_object().then_some(Nothing {});
        Self {
            build_id: text(value, "buildId", "build_id"),
            success: there("success"),
            error: value["error"].is_object().then(|| Reason {
                error: text(&value["error"], "error", "error"),
            }),
            canceled: there("canceled"),
        }
    }
}

impl ToJson for Nothing {
    fn to_json(&self) -> Value {
        json!({})
    }
}
