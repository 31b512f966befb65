//! The admin API: registration, the list of services, cancel and kill, and SQL over invocations.
//!
//! Not for starting work: that is the ingress.

use std::collections::BTreeMap;
use std::time::Duration;

use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::ApiError;
use crate::http::{Http, Outgoing, segment};

/// Client of one admin address. Cheap to clone; clones share connections.
#[derive(Debug, Clone)]
pub struct Admin {
    http: Http,
}

/// A deployment as Restate knows it after registration.
#[derive(Debug, Clone, Deserialize)]
pub struct Registered {
    /// Restate's id of the deployment, `dp_…`.
    pub id: String,
    /// What was found there.
    pub services: Vec<ServiceInfo>,
}

/// A service Restate knows. Fields beyond these are in `rest`.
#[derive(Debug, Clone, Deserialize)]
pub struct ServiceInfo {
    /// Like `hydra.v1.DeployService`.
    pub name: String,
    /// `Service`, `VirtualObject` or `Workflow`.
    pub ty: String,
    /// Whether ingress may call it.
    pub public: bool,
    /// Grows with each registration that changed it.
    pub revision: u64,
    /// The deployment that serves new calls.
    pub deployment_id: String,
    /// Its handlers.
    pub handlers: Vec<HandlerInfo>,
    /// Retention, time-outs, metadata, as Restate writes them.
    #[serde(flatten)]
    pub rest: BTreeMap<String, Value>,
}

/// A handler Restate knows.
#[derive(Debug, Clone, Deserialize)]
pub struct HandlerInfo {
    /// Like `Deploy`.
    pub name: String,
    /// `Exclusive`, `Shared` or `Workflow`; absent in a plain service.
    pub ty: Option<String>,
    /// Whether ingress may call it.
    pub public: bool,
    /// Everything else.
    #[serde(flatten)]
    pub rest: BTreeMap<String, Value>,
}

impl Admin {
    /// `url` like `http://restate:9070`; the key, if any, is sent as bearer token.
    pub fn new(url: &str, api_key: Option<&str>) -> Result<Self, ApiError> {
        Ok(Self {
            http: Http::new(url, api_key)?,
        })
    }

    /// Time a request may take in all (default 30 s).
    #[must_use]
    pub fn with_timeout(mut self, timeout: Option<Duration>) -> Self {
        self.http.set_timeout(timeout);
        self
    }

    /// Registers the endpoint at `uri`. Without `force` a known address is not looked at again.
    pub async fn register(&self, uri: &str, force: bool) -> Result<Registered, ApiError> {
        let body = json!({ "uri": uri, "force": force });
        self.json(
            Method::POST,
            "register",
            "/deployments".to_owned(),
            Some(body),
        )
        .await
    }

    /// Forgets a deployment and the services only it serves, whatever still runs there.
    pub async fn remove_deployment(&self, deployment_id: &str) -> Result<(), ApiError> {
        let id = segment("deployment id", deployment_id)?;
        self.raw(
            Method::DELETE,
            "remove_deployment",
            format!("/deployments/{id}?force=true"),
            None,
        )
        .await
        .map(drop)
    }

    /// All services and who serves them.
    pub async fn services(&self) -> Result<Vec<ServiceInfo>, ApiError> {
        #[derive(Deserialize)]
        struct List {
            services: Vec<ServiceInfo>,
        }
        let list: List = self
            .json(Method::GET, "list_services", "/services".to_owned(), None)
            .await?;
        Ok(list.services)
    }

    /// Changes settings of a service, such as `{"inactivity_timeout": "0s"}`.
    pub async fn patch_service(&self, service: &str, settings: &Value) -> Result<(), ApiError> {
        let path = format!("/services/{}", segment("service name", service)?);
        self.raw(Method::PATCH, "patch_service", path, Some(settings.clone()))
            .await
            .map(drop)
    }

    /// Asks an invocation to end; its handler sees a terminal 409 at its next wait. An unknown or
    /// completed invocation is an error of class `NotFound` or `Conflict`.
    pub async fn cancel(&self, invocation_id: &str) -> Result<(), ApiError> {
        self.end(invocation_id, "cancel").await
    }

    /// Ends an invocation without letting its handler undo anything.
    pub async fn kill(&self, invocation_id: &str) -> Result<(), ApiError> {
        self.end(invocation_id, "kill").await
    }

    /// Tries an invocation that is backing off, or paused, again at once. One in another status is an error.
    pub async fn resume(&self, invocation_id: &str) -> Result<(), ApiError> {
        self.end(invocation_id, "resume").await
    }

    /// Keeps a running invocation, or one that backs off, from going on until it is resumed.
    pub async fn pause(&self, invocation_id: &str) -> Result<(), ApiError> {
        self.end(invocation_id, "pause").await
    }

    /// Resumes a paused or suspended invocation on another deployment: `dp_…`, or `latest`.
    pub async fn resume_on(&self, invocation_id: &str, deployment: &str) -> Result<(), ApiError> {
        let path = format!(
            "/invocations/{}/resume?deployment={}",
            segment("invocation id", invocation_id)?,
            segment("deployment id", deployment)?
        );
        self.raw(Method::PATCH, "resume", path, None)
            .await
            .map(drop)
    }

    /// Replaces all state of an object; done some time after the answer.
    pub async fn set_state(
        &self,
        service: &str,
        key: &str,
        state: &BTreeMap<String, Vec<u8>>,
    ) -> Result<(), ApiError> {
        let path = format!("/services/{}/state", segment("service name", service)?);
        let body = json!({ "object_key": key, "new_state": state });
        self.raw(Method::POST, "set_state", path, Some(body))
            .await
            .map(drop)
    }

    /// The server's version, like `1.7.12`.
    pub async fn version(&self) -> Result<String, ApiError> {
        #[derive(Deserialize)]
        struct Version {
            version: String,
        }
        let said: Version = self
            .json(Method::GET, "version", "/version".to_owned(), None)
            .await?;
        Ok(said.version)
    }

    /// Runs SQL over Restate's own tables (`sys_invocation`, `sys_journal`, `state`, …).
    pub async fn query(&self, sql: &str) -> Result<Vec<Value>, ApiError> {
        #[derive(Deserialize)]
        struct Rows {
            rows: Vec<Value>,
        }
        let body = json!({ "query": sql });
        let rows: Rows = self
            .json(Method::POST, "query", "/query".to_owned(), Some(body))
            .await?;
        Ok(rows.rows)
    }

    /// Status of each invocation that Restate knows (`running`, `suspended`, `backing-off`,
    /// `paused`, `scheduled`, `completed`, …); an id it does not know is absent.
    pub async fn invocation_status<S: AsRef<str>>(
        &self,
        ids: &[S],
    ) -> Result<BTreeMap<String, String>, ApiError> {
        let mut found = BTreeMap::new();
        for chunk in ids.chunks(500) {
            let list: Vec<String> = chunk.iter().map(|id| quoted(id.as_ref())).collect();
            let sql = format!(
                "SELECT id, status FROM sys_invocation WHERE id IN ({})",
                list.join(", ")
            );
            for row in self.query(&sql).await? {
                if let (Some(id), Some(status)) = (row["id"].as_str(), row["status"].as_str()) {
                    found.insert(id.to_owned(), status.to_owned());
                }
            }
        }
        Ok(found)
    }

    async fn end(&self, invocation_id: &str, how: &'static str) -> Result<(), ApiError> {
        let path = format!(
            "/invocations/{}/{how}",
            segment("invocation id", invocation_id)?
        );
        self.raw(Method::PATCH, how, path, None).await.map(drop)
    }

    async fn raw(
        &self,
        method: Method,
        operation: &'static str,
        path: String,
        body: Option<Value>,
    ) -> Result<Value, ApiError> {
        let body = match body {
            Some(body) => Some(serde_json::to_vec(&body).map_err(ApiError::Encode)?),
            None => None,
        };
        let out = Outgoing {
            operation: operation.to_owned(),
            label: operation,
            method,
            path,
            body,
            idempotency_key: None,
        };
        Ok(self.http.send(out).await?.1)
    }

    pub(crate) async fn json<T: serde::de::DeserializeOwned>(
        &self,
        method: Method,
        operation: &'static str,
        path: String,
        body: Option<Value>,
    ) -> Result<T, ApiError> {
        let value = self.raw(method, operation, path, body).await?;
        serde_json::from_value(value).map_err(|e| ApiError::Unexpected {
            operation: operation.to_owned(),
            detail: e.to_string(),
        })
    }
}

/// A text as SQL literal.
pub fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
