//! The service as the worker binds it, three DNS servers, and one domain of one app with ways to publish, call and look.

use certificate_client::CertificateService;
use custom_domain::{CustomDomain, Deps, Settings, Timings};
use custom_domain_client::{CustomDomainService, SERVICE};
use faults::StreamProxy;
use intent::AppRows;
use mysql::Db;
use mysql::entity::custom_domains::{Model, VerificationStatus};
use mysql::sea_orm::{ConnectionTrait, DbBackend, QueryResult, Statement, Value as Sql};
use restate_api::ApiError;
use restate_sdk::endpoint::{Endpoint, ServiceOptions};
use restate_sdk::service::IntoServiceDefinition as _;
use routing_client::RoutingService;
use serde_json::{Value, json};
use std::time::Duration;
use testbed::{DnsData, DnsFailure, DnsKind, DnsServer};
use tokio::sync::OnceCell;

use crate::fakes;

/// Longer than anything here takes.
pub(crate) const SOON: Duration = Duration::from_secs(20);

/// Where CNAME targets lie; names of the platform.
pub(crate) const CNAME_DOMAIN: &str = "cname.platform.test";

pub(crate) use VerificationStatus::{Failed, Pending, Verified, Verifying};

/// What all tests share.
pub(crate) struct Stack {
    pub(crate) proxy: StreamProxy,
    pub(crate) dns: Vec<DnsServer>,
    pub(crate) deps: Deps,
}

/// Scaled, in the order of the real ones.
pub(crate) fn timings() -> Timings {
    Timings {
        check_interval: Duration::from_millis(300),
        window: Duration::from_secs(8),
        row_grace: Duration::from_millis(900),
        row_interval: Duration::from_millis(100),
        confirm_delay: Duration::from_millis(250),
        ..Timings::default()
    }
}

/// The service, served once, behind a proxy that can lose its answers.
pub(crate) async fn stack() -> &'static Stack {
    static STACK: OnceCell<Stack> = OnceCell::const_new();
    let start = || async {
        // servers must outlive the runtime of the test that came first
        testbed::runtime()
            .spawn(async {
                let mut dns = Vec::new();
                for _ in 0..3 {
                    dns.push(DnsServer::start().await.expect("starts"));
                }
                let deps = deps(&dns, timings()).await;
                let proxy = faults::serve_behind(endpoint(&deps)).await;
                Stack { proxy, dns, deps }
            })
            .await
            .expect("starting does not panic")
    };
    STACK.get_or_init(start).await
}

pub(crate) async fn deps(dns: &[DnsServer], timings: Timings) -> Deps {
    let resolver = dns::Resolver::new(&dns::Settings {
        servers: dns.iter().map(|s| s.addr().to_string()).collect(),
        quorum: 0,
        deadline: Duration::from_secs(1),
    });
    Deps {
        db: testbed::db().await,
        resolver: resolver.expect("addresses"),
        settings: Settings {
            own_domains: vec![CNAME_DOMAIN.into(), "platform.test".into(), String::new()],
            caa_issuers: vec!["letsencrypt.org".into()],
        },
        timings,
    }
}

pub(crate) fn endpoint(deps: &Deps) -> Endpoint {
    let db = || deps.db.clone();
    let open = || ServiceOptions::new().ingress_private(false);
    Endpoint::builder()
        .bind(
            CustomDomainService(CustomDomain::new(deps.clone()))
                .into_service_definition()
                .options(open()),
        )
        .bind(
            RoutingService(fakes::Routing(db()))
                .into_service_definition()
                .options(open()),
        )
        .bind(
            CertificateService(fakes::Certificate(db()))
                .into_service_definition()
                .options(open()),
        )
        .build()
}

/// A name below a registrable domain of its own.
pub(crate) fn host() -> String {
    format!("api.{}.test", ids::dns_label(12))
}

/// One domain of one app.
pub(crate) struct World {
    pub(crate) stack: &'static Stack,
    pub(crate) db: Db,
    pub(crate) app: AppRows,
    pub(crate) id: String,
    pub(crate) domain: String,
    pub(crate) target: String,
    pub(crate) token: String,
}

impl World {
    /// A pending domain of a new workspace.
    pub(crate) async fn new(domain: &str) -> Self {
        let stack = stack().await;
        let db = testbed::db().await;
        let app = intent::Fixture::new(&db).await;
        let environment = app.production_environment_id.clone();
        let row = intent::add_domain(&db, &app, &environment, domain, CNAME_DOMAIN)
            .await
            .expect("added");
        Self {
            stack,
            db,
            app,
            id: row.id,
            domain: row.domain,
            target: row.target_cname,
            token: row.verification_token,
        }
    }

    /// A verified domain with route and challenge, as its verification left it.
    pub(crate) async fn verified(domain: &str) -> Self {
        let world = Self::new(domain).await;
        world.publish_txt();
        if dns::apex(domain).as_deref() == Some(domain) {
            world.publish(domain, &DnsData::A(std::net::Ipv4Addr::LOCALHOST));
        }
        world.verify().await;
        world.until(Verified).await;
        world.settled().await;
        world
    }

    /// The same record on every DNS server.
    pub(crate) fn publish(&self, name: &str, data: &DnsData) {
        for dns in &self.stack.dns {
            dns.add(name, data.clone());
        }
    }

    pub(crate) fn publish_cname(&self) {
        self.publish(&self.domain, &DnsData::Cname(self.target.clone()));
    }

    pub(crate) fn publish_txt(&self) {
        self.publish(&self.txt_name(), &DnsData::txt(self.value()));
    }

    /// Makes a name fail on every DNS server.
    pub(crate) fn fail(&self, name: &str, kind: Option<DnsKind>, failure: DnsFailure) {
        for dns in &self.stack.dns {
            dns.fail(name, kind, failure, None);
        }
    }

    /// Queries for a name, over all DNS servers.
    pub(crate) fn queries(&self, name: &str, kind: Option<DnsKind>) -> usize {
        self.stack
            .dns
            .iter()
            .map(|dns| dns.queries(name, kind))
            .sum()
    }

    pub(crate) fn txt_name(&self) -> String {
        format!("_unkey.{}", self.domain)
    }

    pub(crate) fn value(&self) -> String {
        format!("unkey-domain-verify={}", self.token)
    }

    pub(crate) async fn call(&self, key: &str, handler: &str) -> Result<Value, ApiError> {
        let ingress = testbed::ingress().await;
        ingress.call(SERVICE, key, handler, &json!({})).await
    }

    /// `VerifyDomain`, and its first check.
    pub(crate) async fn verify(&self) {
        assert_eq!(
            self.call(&self.id, "VerifyDomain").await.expect("answers"),
            json!({})
        );
    }

    pub(crate) async fn send(&self, key: &str, handler: &str) -> String {
        let ingress = testbed::ingress().await;
        ingress
            .send(SERVICE, key, handler, &json!({}), None)
            .await
            .expect("sent")
    }

    pub(crate) async fn row(&self) -> Model {
        intent::domain_row(&self.db, &self.id).await.expect("a row")
    }

    pub(crate) fn error(row: &Model) -> &str {
        row.verification_error.as_deref().unwrap_or_default()
    }

    /// Waits for a status.
    pub(crate) async fn until(&self, status: VerificationStatus) -> Model {
        let seen = async || {
            let row = self.row().await;
            if row.verification_status == status {
                Ok(row)
            } else {
                Err(format!("{row:?}"))
            }
        };
        testbed::eventually(SOON, seen).await
    }

    /// Waits until no window is open: the object has no state, so no check acts any more.
    pub(crate) async fn settled(&self) {
        let sql = format!(
            "SELECT key FROM state WHERE service_name = '{SERVICE}' AND service_key IN ('{}', '{}')",
            self.id, self.domain
        );
        let closed = async || {
            let open = testbed::admin()
                .await
                .query(&sql)
                .await
                .map_err(|e| e.to_string())?;
            if open.is_empty() {
                Ok(())
            } else {
                Err(format!("open: {open:?}"))
            }
        };
        testbed::eventually(SOON, closed).await;
        testbed::assert_quiet(&[&self.id, &self.domain]).await;
    }

    /// App, deployment and kind of every route of the host name.
    pub(crate) async fn routes(&self) -> Vec<(String, String, String)> {
        let sql = "SELECT app_id, deployment_id, CAST(sticky AS CHAR) FROM frontline_routes WHERE fully_qualified_domain_name = ?";
        let rows = query(&self.db, sql, [self.domain.as_str().into()]).await;
        let text = |row: &QueryResult, at| row.try_get_by_index::<String>(at).expect("text");
        rows.iter()
            .map(|row| (text(row, 0), text(row, 1), text(row, 2)))
            .collect()
    }

    /// The app of the only route.
    pub(crate) async fn routed_to(&self) -> Option<String> {
        let routes = self.routes().await;
        assert!(routes.len() < 2);
        routes.into_iter().next().map(|route| route.0)
    }

    /// Status and kind of the domain's challenges.
    pub(crate) async fn challenges(&self) -> Vec<String> {
        let sql = "SELECT CONCAT(status, ' ', challenge_type, ' ', workspace_id = ?) FROM acme_challenges WHERE domain_id = ?";
        let values = [
            self.app.workspace_id.as_str().into(),
            self.id.as_str().into(),
        ];
        let rows = query(&self.db, sql, values).await;
        rows.iter()
            .map(|row| row.try_get_by_index(0).expect("text"))
            .collect()
    }

    /// What was asked for the certificate of the host name.
    pub(crate) fn asked(&self) -> Vec<fakes::Asked> {
        fakes::asked(&self.domain)
    }

    pub(crate) async fn set(&self, assignment: &str) {
        let sql = format!("UPDATE custom_domains SET {assignment} WHERE id = ?");
        execute(&self.db, &sql, [self.id.as_str().into()]).await;
    }
}

/// A challenge as a verification leaves it.
pub(crate) const WAITING: &str = "waiting HTTP-01 1";

/// How the newest `Check` of a key ended: `success`, or its failure.
pub(crate) async fn last_check(key: &str) -> Option<String> {
    let sql = format!(
        "SELECT completion_result, completion_failure FROM sys_invocation WHERE target_service_name = '{SERVICE}' AND \
         target_handler_name = 'Check' AND target_service_key = '{key}' AND status = 'completed' ORDER BY created_at DESC LIMIT 1"
    );
    let rows = testbed::admin().await.query(&sql).await.expect("asked");
    let row = rows.into_iter().next()?;
    let text = |name: &str| row[name].as_str().map(str::to_owned);
    text("completion_failure").or(text("completion_result"))
}

pub(crate) async fn execute(db: &Db, sql: &str, values: impl IntoIterator<Item = Sql>) {
    let statement = Statement::from_sql_and_values(DbBackend::MySql, sql, values);
    db.primary()
        .execute_raw(statement)
        .await
        .unwrap_or_else(|e| panic!("{sql}: {e}"));
}

pub(crate) async fn query(
    db: &Db,
    sql: &str,
    values: impl IntoIterator<Item = Sql>,
) -> Vec<QueryResult> {
    let statement = Statement::from_sql_and_values(DbBackend::MySql, sql, values);
    db.primary()
        .query_all_raw(statement)
        .await
        .unwrap_or_else(|e| panic!("{sql}: {e}"))
}
