//! The service over real servers: one world the tests of the process share, or one with a database, a Restate server and a
//! gate of its own. Ways to make domains, to call, and to look.

use crate::edge::Edge;
use crate::gate::Gate;
use acme::Acme;
use certificate::{Certificate, Deps, Settings, Timings};
use certificate_client::{CertificateService, SERVICE};
use faults::StreamProxy;
use mysql::{Db, sql};
use restate_api::ApiError;
use restate_sdk::endpoint::{Endpoint, ServiceOptions};
use restate_sdk::service::IntoServiceDefinition as _;
use sea_orm::FromQueryResult;
use serde_json::{Value, json};
use std::sync::{Arc, PoisonError};
use std::time::Duration;
use testbed::{ChallengeRows, DnsData, Restate, RestateOptions};
use tokio::sync::OnceCell;
use vault::Vault;

/// Longer than anything here takes on a busy machine.
pub(crate) const SOON: Duration = Duration::from_secs(60);
const TOKEN: &str = "token";

/// Waiting times of the tests: minutes become seconds, seconds fractions.
pub(crate) fn timings() -> Timings {
    let ms = Duration::from_millis;
    Timings {
        first_retry: ms(300),
        // at first often, then for as long as a busy machine may take
        looks: [50, 100, 200, 400, 400, 1_000, 2_000, 2_000, 4_000, 4_000]
            .map(ms)
            .to_vec(),
        first_poll: ms(200),
        longest_poll: ms(500),
        most_rounds: 24,
        limit_margin: ms(1_000),
        limit_unknown: ms(2_000),
        longest_delay: ms(1_000),
        early: ms(100),
        backoff: vec![ms(1_500), ms(3_000), ms(6_000)],
        daily: Duration::from_secs(3_600),
        own_retry: Duration::ZERO,
        proof_gap: ms(1_000),
        stuck: Duration::from_secs(3_600),
        spread: ms(10),
        window_retry: ms(1_000),
        bootstrap: ms(200),
    }
}

pub(crate) struct World {
    pub(crate) db: Db,
    pub(crate) gate: Gate,
    pub(crate) deps: Deps,
    pub(crate) vault: Vault,
    pub(crate) proxy: StreamProxy,
    own: Option<Restate>,
    shared: Option<&'static Restate>,
    edge: Edge,
    _vault_server: vault_dev::Server,
}

impl World {
    /// The world of all tests that do not need one of their own.
    pub(crate) async fn shared() -> &'static Self {
        static WORLD: OnceCell<World> = OnceCell::const_new();
        WORLD
            .get_or_init(|| async {
                let made = testbed::runtime().spawn(async {
                    let pebble = testbed::pebble().await;
                    let gate = Gate::start(&pebble.directory, pebble.ca_bundle()).await;
                    Self::make(gate, None, Some(testbed::restate().await), |_| {}).await
                });
                made.await.expect("a world")
            })
            .await
    }

    /// One that is alone with its rows; `shape` changes what the service is made of.
    pub(crate) async fn own(shape: impl FnOnce(&mut Deps)) -> Self {
        let pebble = testbed::pebble().await;
        let gate = Gate::start(&pebble.directory, pebble.ca_bundle()).await;
        Self::behind(gate, shape).await
    }

    /// One that is alone, with this gate.
    pub(crate) async fn behind(gate: Gate, shape: impl FnOnce(&mut Deps)) -> Self {
        let restate = Restate::start(RestateOptions::default())
            .await
            .expect("Restate");
        Self::make(gate, Some(restate), None, shape).await
    }

    async fn make(
        gate: Gate,
        own: Option<Restate>,
        shared: Option<&'static Restate>,
        shape: impl FnOnce(&mut Deps),
    ) -> Self {
        let database = testbed::migrated_database("certificate").await;
        let options = mysql::Options::new(database.dsn.clone());
        let db = Db::connect(&options).await.expect("a database");
        let server = vault_dev::Options::in_memory(TOKEN).expect("options");
        let server = vault_dev::Server::start(server).await.expect("a Vault");
        let vault = Vault::new(&server.url(), TOKEN).expect("a client");
        let edge = Edge {
            db: db.clone(),
            rows: Arc::new(ChallengeRows::of(&database.url)),
            seen: Arc::default(),
            hooks: Arc::default(),
        };
        testbed::http01().await.also(Arc::new(edge.clone()));
        let dns = dns::Settings {
            servers: vec![testbed::dns().await.addr().to_string()],
            deadline: Duration::from_secs(5),
            ..dns::Settings::default()
        };
        let mut deps = Deps {
            db: db.clone(),
            acme: Some(authority(&gate)),
            vault: Some(vault.clone()),
            route53: None,
            dns: Some(dns::Resolver::new(&dns).expect("a resolver")),
            heartbeat: notify::Heartbeat::none(),
            settings: Settings {
                directory: gate.directory.clone(),
                // Pebble's directory does not say it
                caa_issuers: vec!["pebble.letsencrypt.org".to_owned()],
                ..Settings::default()
            },
            timings: timings(),
        };
        shape(&mut deps);
        let restate = own.as_ref().or(shared).expect("a Restate server");
        let proxy = faults::serve_behind_on(restate, endpoint(deps.clone())).await;
        Self {
            db,
            gate,
            deps,
            vault,
            proxy,
            own,
            shared,
            edge,
            _vault_server: server,
        }
    }

    pub(crate) fn restate(&self) -> &Restate {
        self.own.as_ref().or(self.shared).expect("a Restate server")
    }

    /// Runs whenever the authority asks for this host's token, before it is answered.
    pub(crate) fn when_asked(&self, host: &str, hook: impl Fn() + Send + Sync + 'static) {
        let mut hooks = self
            .edge
            .hooks
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        hooks.insert(host.to_owned(), Arc::new(hook));
    }

    /// What the challenge's row said each time the authority asked.
    pub(crate) fn asked(&self, host: &str) -> Vec<String> {
        let seen = self
            .edge
            .seen
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        seen.get(host).cloned().unwrap_or_default()
    }

    /// A verified domain with a waiting challenge, whose name leads here.
    pub(crate) async fn domain(&self, host: &str) -> Domain {
        let domain = self.row(host, "verified").await;
        self.challenge(&domain, "waiting", 0).await;
        testbed::dns()
            .await
            .add(host, DnsData::A([127, 0, 0, 1].into()));
        domain
    }

    /// A domain's row in a workspace of its own.
    pub(crate) async fn row(&self, host: &str, status: &str) -> Domain {
        let domain = Domain {
            id: ids::random(ids::Prefix::DOMAIN),
            workspace: ids::random(ids::Prefix::WORKSPACE),
            host: host.to_owned(),
        };
        let kind = if host.starts_with("*.") {
            "DNS-01"
        } else {
            "HTTP-01"
        };
        let sql = "INSERT INTO custom_domains (id, workspace_id, project_id, app_id, environment_id, domain, challenge_type, verification_status, verification_token, target_cname, created_at)
                   VALUES (?, ?, 'p', 'a', 'e', ?, ?, ?, 't', ?, ?)";
        let target = ids::dns_label(16);
        let values = [
            &*domain.id,
            &*domain.workspace,
            host,
            kind,
            status,
            &*target,
        ];
        let mut values: Vec<sea_orm::Value> = values.map(Into::into).into();
        values.push(mysql::now_ms().into());
        sql::execute(self.db.primary(), sql, values)
            .await
            .expect("a domain");
        domain
    }

    pub(crate) async fn challenge(&self, domain: &Domain, status: &str, expires_at: i64) {
        let kind = if domain.host.starts_with("*.") {
            "DNS-01"
        } else {
            "HTTP-01"
        };
        let sql = "INSERT INTO acme_challenges (domain_id, workspace_id, token, challenge_type, `authorization`, status, expires_at, created_at)
                   VALUES (?, ?, '', ?, '', ?, ?, ?)";
        let values = [&*domain.id, &*domain.workspace, kind, status];
        let mut values: Vec<sea_orm::Value> = values.map(Into::into).into();
        values.extend([expires_at.into(), mysql::now_ms().into()]);
        sql::execute(self.db.primary(), sql, values)
            .await
            .expect("a challenge");
    }

    pub(crate) async fn execute<const N: usize>(&self, sql: &str, values: [&str; N]) {
        let done = sql::execute(self.db.primary(), sql, values.map(Into::into)).await;
        done.unwrap_or_else(|e| panic!("{sql}: {e}"));
    }

    /// Asks for the certificate of a domain.
    pub(crate) async fn process(&self, domain: &Domain) -> Result<Value, ApiError> {
        let ingress = self.restate().ingress().with_timeout(Some(SOON));
        ingress
            .call(
                SERVICE,
                &*domain.host,
                "ProcessChallenge",
                &domain.request(),
            )
            .await
    }

    /// Asks for it without waiting; gives the invocation.
    pub(crate) async fn send(&self, domain: &Domain) -> String {
        let ingress = self.restate().ingress();
        let request = domain.request();
        let sent = ingress.send(SERVICE, &*domain.host, "ProcessChallenge", &request, None);
        sent.await.expect("Restate takes it")
    }

    /// Asks until the answer is no `pending` any more.
    pub(crate) async fn settled(&self, domain: &Domain) -> Value {
        testbed::eventually(SOON, || async {
            match self.process(domain).await {
                Ok(answer) if answer["status"] == "pending" => Err(answer.to_string()),
                Ok(answer) => Ok(answer),
                Err(e) => Err(e.to_string()),
            }
        })
        .await
    }

    pub(crate) async fn sweep(&self, body: &Value) -> Value {
        let ingress = self.restate().ingress().with_timeout(Some(SOON));
        let swept = ingress.call(SERVICE, "global", "RenewExpiringCertificates", body);
        swept.await.expect("a sweep")
    }

    /// Journal entries of this name in all invocations of a host.
    pub(crate) async fn steps(&self, host: &str, name: &str) -> usize {
        let sql = format!(
            "SELECT j.index FROM sys_journal j JOIN sys_invocation i ON i.id = j.id WHERE i.target_service_key = {} AND j.name = {}",
            restate_api::quoted(host),
            restate_api::quoted(name)
        );
        self.restate()
            .admin()
            .query(&sql)
            .await
            .expect("the journal")
            .len()
    }

    pub(crate) async fn certificate(
        &self,
        host: &str,
    ) -> Option<mysql::entity::certificates::Model> {
        let sql = "SELECT * FROM certificates WHERE hostname = ?";
        sql::one(self.db.primary(), sql, [host.into()])
            .await
            .expect("certificates")
    }

    pub(crate) async fn challenge_row(&self, domain: &Domain) -> Challenge {
        let sql = format!("{CHALLENGE} WHERE c.domain_id = ?");
        let row = sql::one(self.db.primary(), &sql, [domain.id.as_str().into()]).await;
        row.expect("challenges").expect("a challenge")
    }

    /// What the domain's row tells people.
    pub(crate) async fn told(&self, domain: &Domain) -> Option<String> {
        #[derive(FromQueryResult)]
        struct Row {
            verification_error: Option<String>,
        }
        let sql = "SELECT verification_error FROM custom_domains WHERE id = ?";
        let row: Option<Row> = sql::one(self.db.primary(), sql, [domain.id.as_str().into()])
            .await
            .expect("domains");
        row.and_then(|r| r.verification_error)
    }

    pub(crate) async fn renewal(
        &self,
        host: &str,
    ) -> Option<mysql::entity::ctrl_worker_renewals::Model> {
        let sql = "SELECT * FROM ctrl_worker_renewals WHERE hostname = ?";
        sql::one(self.db.primary(), sql, [host.into()])
            .await
            .expect("renewals")
    }
}

/// A custom domain of a test.
#[derive(Debug, Clone)]
pub(crate) struct Domain {
    pub(crate) id: String,
    pub(crate) workspace: String,
    pub(crate) host: String,
}

impl Domain {
    pub(crate) fn request(&self) -> Value {
        json!({ "workspaceId": self.workspace, "domain": self.host })
    }
}

#[derive(Debug, Clone, PartialEq, Eq, FromQueryResult)]
pub(crate) struct Challenge {
    pub(crate) status: String,
    pub(crate) token: String,
    pub(crate) authorization: String,
    pub(crate) expires_at: i64,
}

const CHALLENGE: &str =
    "SELECT CAST(c.status AS CHAR) AS status, c.token, c.`authorization`, c.expires_at
    FROM acme_challenges c JOIN custom_domains d ON d.id = c.domain_id";

pub(crate) async fn challenge_of(db: &Db, host: &str) -> Option<Challenge> {
    let sql = format!("{CHALLENGE} WHERE d.domain = ? AND c.token <> '' LIMIT 1");
    sql::one(db.primary(), &sql, [host.into()])
        .await
        .expect("challenges")
}

/// A host name of a test's own.
pub(crate) fn host() -> String {
    format!("{}.crt.test", ids::dns_label(12))
}

pub(crate) fn authority(gate: &Gate) -> Acme {
    let mut settings = acme::Settings::of(&gate.directory).with_email("acme@unkey.com");
    settings.ca_bundle = Some(gate.ca.clone().into_bytes());
    Acme::new(settings).expect("an authority")
}

fn endpoint(deps: Deps) -> Endpoint {
    let options = ServiceOptions::new()
        .journal_retention(Duration::from_secs(600))
        .retry_policy_initial_interval(Duration::from_millis(100));
    let service = CertificateService(Certificate::new(deps)).into_service_definition();
    Endpoint::builder().bind(service.options(options)).build()
}
