//! The way to the database and to Restate, opened when a verb first needs it.

use std::time::Duration;

use analytics::{Address, Analytics};
use messages::hydra::v1 as msg;
use mysql::{Db, Options};
use restate_api::{Admin, ApiError, Ingress};
use serde::Serialize;

use crate::cli::{Addresses, Store};
use crate::failure::Failure;

/// Longest a call waits for its handler: above the worker's own limit for waking a deployment.
const CALL: Duration = Duration::from_secs(10 * 60);

/// The way to ClickHouse, where there is one; an answer may take `limit`.
pub(crate) fn clickhouse(store: &Store, limit: Duration) -> Result<Option<Analytics>, Failure> {
    let Some(url) = store.clickhouse.as_deref().filter(|url| !url.is_empty()) else {
        return Ok(None);
    };
    let wrong = |error: &dyn std::fmt::Display| Failure::Usage(format!("--clickhouse: {error}"));
    let address = Address::parse(url, store.clickhouse_http.as_deref()).map_err(|e| wrong(&e))?;
    let analytics = Analytics::new(&address).map_err(|e| wrong(&e))?;
    Ok(Some(analytics.with_limit(limit)))
}

/// Connections of one command.
pub(crate) struct Access {
    addresses: Addresses,
    pub(crate) db: Db,
}

impl Access {
    pub(crate) async fn open(addresses: Addresses) -> Result<Self, Failure> {
        let Some(dsn) = &addresses.database else {
            return Err(Failure::Usage(
                "no database: set CTRL_DATABASE or --database, e.g. user:password@tcp(127.0.0.1:3306)/unkey".to_owned(),
            ));
        };
        let mut options = Options::new(dsn.clone());
        options.max_connections = 4;
        let db = Db::connect(&options).await?;
        Ok(Self { addresses, db })
    }

    /// Leaves a deployment with Restate. Sent twice, it is one invocation.
    pub(crate) async fn send_deploy(
        &self,
        workspace_id: &str,
        request: &msg::DeployRequest,
    ) -> Result<String, Failure> {
        let ingress = self.ingress()?;
        let once = format!("ctl-{}", request.deployment_id);
        let sent = ingress
            .send(
                deploy_client::SERVICE,
                workspace_id,
                "Deploy",
                request,
                Some(&once),
            )
            .await;
        sent.map_err(|error| self.explain(&error))
    }

    /// Leaves the verification of a domain with Restate; the invocation's id.
    pub(crate) async fn send_verify(&self, domain_id: &str) -> Result<String, Failure> {
        let request = msg::VerifyDomainRequest::default();
        let ingress = self.ingress()?;
        let sent = ingress
            .send(
                custom_domain_client::SERVICE,
                domain_id,
                "VerifyDomain",
                &request,
                None,
            )
            .await;
        sent.map_err(|error| self.explain(&error))
    }

    /// Asks for the certificate of a domain and waits for the answer, which may be that it takes longer.
    pub(crate) async fn process_challenge(
        &self,
        workspace_id: &str,
        host: &str,
    ) -> Result<msg::ProcessChallengeResponse, Failure> {
        let request = msg::ProcessChallengeRequest {
            workspace_id: workspace_id.to_owned(),
            domain: host.to_owned(),
        };
        let ingress = self.ingress()?.with_timeout(Some(CALL));
        let service = certificate_client::SERVICE;
        let answer = ingress
            .call(service, host, "ProcessChallenge", &request)
            .await;
        let answer = answer.map_err(|error| self.explain(&error))?;
        let text = |name: &str| answer[name].as_str().unwrap_or_default().to_owned();
        Ok(msg::ProcessChallengeResponse {
            certificate_id: text("certificateId"),
            status: text("status"),
        })
    }

    /// Cancels an invocation as far as that can be done: it may be over, or unknown, and whatever it is, the rows say
    /// what holds.
    pub(crate) async fn cancel_stored(&self, invocation_id: Option<&str>) {
        let Some(id) = invocation_id.filter(|id| !id.is_empty()) else {
            return;
        };
        if let Ok(admin) = self.admin() {
            let _ = admin
                .with_timeout(Some(Duration::from_secs(10)))
                .cancel(id)
                .await;
        }
    }

    /// Calls a handler of the deploy service and waits until it is done.
    pub(crate) async fn call(
        &self,
        workspace_id: &str,
        handler: &'static str,
        request: &impl Serialize,
    ) -> Result<(), Failure> {
        let ingress = self.ingress()?.with_timeout(Some(CALL));
        let answer = ingress
            .call(deploy_client::SERVICE, workspace_id, handler, request)
            .await;
        answer.map(drop).map_err(|error| self.explain(&error))
    }

    /// The words an invocation failed with, unchanged; absent when it has not failed or nobody knows.
    pub(crate) async fn last_words(&self, invocation_id: &str) -> Option<String> {
        let ingress = self
            .ingress()
            .ok()?
            .with_timeout(Some(Duration::from_secs(10)));
        let error = ingress.attach(invocation_id).await.err()?;
        error
            .from_invocation()
            .then(|| error.message().map(str::to_owned))
            .flatten()
    }

    /// How Restate sees an invocation; absent when it cannot be asked or does not know it.
    pub(crate) async fn invocation(&self, invocation_id: &str) -> Option<Invocation> {
        let admin = self
            .admin()
            .ok()?
            .with_timeout(Some(Duration::from_secs(3)));
        let sql = format!(
            "SELECT status, retry_count, last_failure FROM sys_invocation WHERE id = {}",
            restate_api::quoted(invocation_id)
        );
        let row = admin.query(&sql).await.ok()?.into_iter().next()?;
        Some(Invocation {
            id: invocation_id.to_owned(),
            status: row["status"].as_str()?.to_owned(),
            retries: row["retry_count"].as_u64().unwrap_or(0),
            last_failure: row["last_failure"].as_str().map(str::to_owned),
        })
    }

    fn ingress(&self) -> Result<Ingress, Failure> {
        let Addresses {
            ingress, api_key, ..
        } = &self.addresses;
        Ingress::new(ingress, api_key.as_deref())
            .map_err(|error| Failure::Usage(format!("--ingress: {error}")))
    }

    pub(crate) fn admin(&self) -> Result<Admin, Failure> {
        let Addresses { admin, api_key, .. } = &self.addresses;
        Admin::new(admin, api_key.as_deref())
            .map_err(|error| Failure::Usage(format!("--admin: {error}")))
    }

    fn explain(&self, error: &ApiError) -> Failure {
        Failure::of_ingress(error, &self.addresses.ingress)
    }
}

/// An invocation as Restate sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Invocation {
    /// `inv_…`.
    pub(crate) id: String,
    /// `running`, `suspended`, `backing-off`, `completed`, ….
    pub(crate) status: String,
    /// Attempts so far.
    pub(crate) retries: u64,
    /// Why the last attempt failed.
    pub(crate) last_failure: Option<String>,
}
