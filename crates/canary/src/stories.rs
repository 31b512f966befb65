//! What a worker is asked to do with its secrets: deploy from Git, make a ClickHouse user, obtain a certificate, tell Slack and
//! the heartbeats. And the secrets that come to be on the way.
//!
//! Not for whether that ends well: the acceptance tests and the crash matrix show it.

use std::time::{Duration, Instant};

use edge_sim::AgentHandle;
use intent::{AppRows, NewDeployment};
use serde_json::{Value, json};

use crate::needles::Canary;
use crate::process::PATIENCE;
use crate::stores::Told;
use crate::world::World;

/// The commit that is everywhere at the fake.
const SHA: &str = "0123456789abcdef0123456789abcdef01234567";
/// Keyring of the account of the certificate authority.
const ACCOUNTS: &str = "acme";

/// One request.
struct Request {
    service: &'static str,
    key: String,
    handler: &'static str,
    body: Value,
}

/// A customer with everything that has a secret.
pub(crate) struct Customer {
    pub(crate) app: AppRows,
    requests: Vec<Request>,
    _agent: AgentHandle,
}

impl Customer {
    /// Rows as a control API writes them, and the requests it then sends.
    pub(crate) async fn new(world: &World, number: usize) -> Result<Self, String> {
        let (app, agent) = world.app().await?;
        let production = app.production_environment_id.clone();
        let repository = intent::connect_repository(
            &world.db,
            &app,
            github_fake::INSTALLATION,
            7,
            github_fake::REPOSITORY,
        );
        repository.await.map_err(|e| e.to_string())?;
        let vault = world.vault()?;
        let secrets = &world.secrets;
        for (name, value) in [
            ("PLAIN", &secrets.variable),
            ("BUILD", &secrets.variable_of_build),
        ] {
            let sealed = vault
                .encrypt(&production, value)
                .await
                .map_err(|e| e.to_string())?;
            let added =
                intent::add_environment_variable(&world.db, &app, &production, name, &sealed.blob);
            added.await.map_err(|e| e.to_string())?;
        }
        let new = NewDeployment::production(&app.app_id).git("main", SHA);
        let deployment = intent::create_deployment(&world.db, &new).await;
        let deployment = deployment.map_err(|e| e.to_string())?;
        let source = json!({
            "installationId": github_fake::INSTALLATION.to_string(), "repository": github_fake::REPOSITORY, "commitSha": SHA,
        });
        let host = domain(world, &app).await?;
        let month = month(world, &app, number).await?;
        let keys = intent::create_due_keys(&world.db, &app.workspace_id, 3).await;
        keys.map_err(|e| e.to_string())?;
        let workspace = &app.workspace_id;
        let ask = |service, key: &str, handler, body| Request {
            service,
            key: key.to_owned(),
            handler,
            body,
        };
        let requests = vec![
            ask(
                deploy_client::SERVICE,
                workspace,
                "Deploy",
                json!({ "deploymentId": deployment, "git": source }),
            ),
            ask(
                clickhouse_user_client::SERVICE,
                workspace,
                "ConfigureUser",
                json!({ "maxQueriesPerWindow": 500 }),
            ),
            ask(
                certificate_client::SERVICE,
                &host,
                "ProcessChallenge",
                json!({ "workspaceId": workspace, "domain": host }),
            ),
            ask(quota_check_client::SERVICE, &month, "RunCheck", json!({})),
            ask(
                key_refill_client::SERVICE,
                &format!("2026-01-{:02}", number + 1),
                "RunRefill",
                json!({}),
            ),
            ask(
                certificate_client::SERVICE,
                "global",
                "RenewExpiringCertificates",
                json!({}),
            ),
        ];
        Ok(Self {
            app,
            requests,
            _agent: agent,
        })
    }

    /// Asks for everything and sees that it is done.
    pub(crate) async fn served(&self, world: &World, told: &mut Told) -> Result<(), String> {
        let ingress = world
            .restate
            .ingress()
            .with_timeout(Some(Duration::from_secs(90)));
        for request in &self.requests {
            let Request {
                service,
                key,
                handler,
                body,
            } = request;
            let answer = ingress.call(service, key.as_str(), handler, body).await;
            answer.map_err(|e| format!("{service}/{handler}: {e}"))?;
            told.ask(&world.restate.admin()).await?;
        }
        // its rounds go on by themselves
        let there = || async {
            let rows = world.rows("SELECT hostname FROM certificates").await;
            rows.and_then(|rows| {
                (!rows.is_empty())
                    .then_some(())
                    .ok_or("no certificate".into())
            })
        };
        testbed::eventually(PATIENCE, there).await;
        told.ask(&world.restate.admin()).await
    }

    /// Asks for everything, of a worker that can do nothing of it, and listens to what is said for a while. What is not given
    /// up by then is ended.
    pub(crate) async fn refused(&self, world: &World, told: &mut Told) -> Result<(), String> {
        let (ingress, admin) = (world.restate.ingress(), world.restate.admin());
        let mut sent = Vec::new();
        for request in &self.requests {
            let Request {
                service,
                key,
                handler,
                body,
            } = request;
            let id = ingress
                .send(service, key.as_str(), handler, body, None)
                .await;
            sent.push(id.map_err(|e| format!("{service}/{handler}: {e}"))?);
        }
        let until = Instant::now() + Duration::from_secs(12);
        while Instant::now() < until {
            told.ask(&admin).await?;
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        let unfinished =
            "SELECT id FROM sys_invocation WHERE status NOT IN ('completed', 'scheduled')";
        let rows = admin.query(unfinished).await.map_err(|e| e.to_string())?;
        for row in rows {
            // one that has ended in between is as good
            let _ = admin.kill(row["id"].as_str().unwrap_or_default()).await;
        }
        told.ask(&admin).await
    }
}

/// A verified domain that leads here and waits for its certificate.
async fn domain(world: &World, app: &AppRows) -> Result<String, String> {
    let host = format!("www.{}.test", ids::dns_label(12));
    let environment = &app.production_environment_id;
    let row = intent::add_domain(&world.db, app, environment, &host, "cname.test").await;
    let row = row.map_err(|e| e.to_string())?;
    let (id, workspace) = (&row.id, &row.workspace_id);
    for sql in [
        format!("UPDATE custom_domains SET verification_status = 'verified' WHERE id = '{id}'"),
        format!(
            "INSERT INTO acme_challenges (domain_id, workspace_id, token, challenge_type, `authorization`, status, expires_at, created_at) \
             VALUES ('{id}', '{workspace}', '', 'HTTP-01', '', 'waiting', 0, 1)"
        ),
    ] {
        world.execute(&sql).await?;
    }
    let here = testbed::DnsData::A(std::net::Ipv4Addr::LOCALHOST);
    world.dns.add(&host, here);
    Ok(host)
}

/// A month in which the workspace used up its quota, so that Slack is told.
async fn month(world: &World, app: &AppRows, number: usize) -> Result<String, String> {
    let workspace = &app.workspace_id;
    world
        .execute(&format!(
            "UPDATE quota SET requests_per_month = 1000 WHERE workspace_id = '{workspace}'"
        ))
        .await?;
    let month = number + 1;
    let sql = format!(
        "INSERT INTO `{}`.billable_verifications_per_month_v2 (year, month, workspace_id, count) VALUES (2026, {month}, '{workspace}', 200000)",
        world.analytics
    );
    world.clickhouse.query(&sql).await?;
    Ok(format!("2026-{month:02}"))
}

/// Secrets that came to be: tokens GitHub gave, passwords of ClickHouse users, keys of the account and of certificates.
pub(crate) async fn made(world: &World) -> Result<Vec<Canary>, String> {
    let mut all = Vec::new();
    let mut tokens: Vec<String> = world
        .github
        .seen("")
        .into_iter()
        .filter_map(|s| s.bearer)
        .collect();
    tokens.sort();
    tokens.dedup();
    // a proof of the App is as good as a token while it lasts
    all.extend(
        tokens
            .into_iter()
            .map(|token| Canary::new("GitHub token", token)),
    );
    let vault = world.vault()?;
    for (name, pem, sql) in [
        (
            "ClickHouse password of a workspace",
            false,
            "SELECT workspace_id AS r, password_encrypted AS s FROM clickhouse_workspace_settings"
                .to_owned(),
        ),
        (
            "ACME account key",
            true,
            format!("SELECT '{ACCOUNTS}' AS r, encrypted_key AS s FROM acme_users"),
        ),
        (
            "certificate's key",
            true,
            "SELECT workspace_id AS r, encrypted_private_key AS s FROM certificates".to_owned(),
        ),
    ] {
        for row in world.rows(&sql).await? {
            let column = |c| row.try_get::<String>("", c).map_err(|e| e.to_string());
            let opened = vault.decrypt(&column("r")?, &column("s")?).await;
            let opened = opened.map_err(|e| format!("{name}: {e}"))?;
            match pem {
                true => all.extend(Canary::pem(name, opened.expose())),
                false => all.push(Canary::new(name, opened.expose())),
            }
        }
    }
    Ok(all)
}
