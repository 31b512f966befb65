//! The world of the rehearsal: rows, analytics, a GitHub and a Slack as the existing worker leaves them.
//!
//! Not for what must become of them: see `outcomes`.

use std::time::Duration;

use faults::http::{Script, ScriptedHttp};
use intent::{AppRows, Fixture, NewDeployment};
use mysql::Db;
use mysql::sea_orm::{ConnectionTrait as _, DbBackend, Statement, Value as Sql};
use serde_json::Value;
use testbed::{Restate, RestateOptions};

use super::existing::{DRIVER, Wire};
use crate::process::config;

/// Longer than anything here takes.
pub(crate) const SOON: Duration = Duration::from_secs(45);

const MINUTE: i64 = 60_000;

/// Where it happens.
pub(crate) struct World {
    pub(crate) restate: Restate,
    db: Db,
    dsn: String,
    pub(crate) github: github_fake::Fake,
    pub(crate) slack: ScriptedHttp,
    clickhouse: &'static clickhouse_engine::ClickHouse,
    /// Its database.
    database: String,
    app: AppRows,
    /// Real name by placeholder.
    names: Vec<(&'static str, String)>,
    /// What became of what, for the table.
    pub(crate) outcomes: Vec<(&'static str, &'static str, &'static str)>,
}

impl World {
    /// Rows as the existing worker and the control API leave them.
    pub(crate) async fn new() -> Self {
        let database = testbed::migrated_database("rehearsal").await;
        let db = Db::connect(&mysql::Options::new(database.dsn.clone())).await;
        let db = db.expect("connects");
        let restate = Restate::start(RestateOptions::default()).await;
        let fixture = Fixture::new(&db).regions(2);
        let analytics = ids::random(ids::Prefix::KEY);
        let clickhouse = clickhouse_engine::shared().await;
        let made = clickhouse.database(&analytics).await;
        made.expect("a database");
        let mut world = Self {
            restate: restate.expect("Restate starts"),
            app: fixture.create().await.expect("an app"),
            db,
            dsn: database.dsn,
            github: github_fake::Fake::start(&github_fake::keys().public).await,
            slack: ScriptedHttp::start(Script::new().answer(200, "ok"))
                .await
                .expect("a port"),
            clickhouse,
            database: analytics,
            names: Vec::new(),
            outcomes: Vec::new(),
        };
        world.deployments().await;
        world.keys().await;
        world.quotas().await;
        let row = "<!-- unkey-deploy -->\n| Name | Status |\n| :-- | :-- |\n| <!-- row:web:preview --> **shop / web** (preview) | Building |";
        let comment = world.github.comment(7, row, Some(github_fake::APP));
        world.names.push(("<comment>", comment.to_string()));
        world
    }

    /// Three deployments that run in two regions; the last one is live.
    async fn deployments(&mut self) {
        let regions = [0, 1].map(|i: usize| self.app.regions[i].id.clone());
        for (name, versions) in [
            ("<standby>", ["8", "98"]),
            ("<superseded>", ["9", "99"]),
            ("<live>", ["10", "100"]),
        ] {
            let new = NewDeployment::production(&self.app.app_id).status("ready");
            let id = intent::create_deployment(&self.db, &new).await;
            let id = id.expect("a deployment");
            for (region, version) in regions.iter().zip(versions) {
                let sql = "INSERT INTO deployment_topology (workspace_id, deployment_id, region_id, version, desired_status, created_at) \
                           VALUES (?, ?, ?, ?, 'running', 1)";
                let workspace = self.app.workspace_id.as_str();
                self.execute(sql, &[workspace, &id, region, version]).await;
            }
            self.names.push((name, id));
        }
        let sql = "UPDATE apps SET current_deployment_id = ? WHERE id = ?";
        self.execute(sql, &[self.name("<live>"), &self.app.app_id])
            .await;
        let [ahead, behind] = regions;
        self.names
            .extend([("<region ahead>", ahead), ("<region behind>", behind)]);
    }

    /// Seven keys that are due for a refill, and two that were used.
    async fn keys(&mut self) {
        for name in [
            "<key 0>", "<key 1>", "<key 2>", "<key 3>", "<key 4>", "<key 5>", "<key 6>",
        ] {
            let id = ids::random(ids::Prefix::KEY);
            let sql = "INSERT INTO `keys` (id, key_auth_id, hash, start, workspace_id, refill_amount, remaining_requests) \
                       VALUES (?, 'ks', ?, 'start', ?, 1000, 100)";
            self.execute(sql, &[&id, &id, &self.app.workspace_id]).await;
            self.names.push((name, id));
        }
        let cursor = mysql::now_ms();
        self.names.push(("<cursor time>", cursor.to_string()));
        for (name, time) in [("<before>", cursor - 60 * MINUTE), ("<after>", cursor + 1)] {
            let id = ids::random(ids::Prefix::KEY);
            let sql = "INSERT INTO `keys` (id, key_auth_id, hash, start, workspace_id) VALUES (?, 'ks', ?, 'start', ?)";
            self.execute(sql, &[&id, &id, &self.app.workspace_id]).await;
            self.analyse(&format!(
                "INSERT INTO `{}`.key_last_used_v1 (workspace_id, key_space_id, key_id, time) VALUES ('{}', 'ks', '{id}', {time})",
                self.database, self.app.workspace_id
            ))
            .await;
            self.names.push((name, id));
        }
    }

    /// Two workspaces above their quota.
    async fn quotas(&mut self) {
        let other = Fixture::new(&self.db).create().await.expect("an app");
        let told = self.app.workspace_id.clone();
        for (name, workspace) in [("<told>", told), ("<untold>", other.workspace_id)] {
            let sql = "UPDATE quota SET requests_per_month = 1000 WHERE workspace_id = ?";
            self.execute(sql, &[&workspace]).await;
            let sql = "UPDATE workspaces SET name = id WHERE id = ?";
            self.execute(sql, &[&workspace]).await;
            self.analyse(&format!(
                "INSERT INTO `{}`.billable_verifications_per_month_v2 (year, month, workspace_id, count) VALUES (2025, 11, '{workspace}', 200000)",
                self.database
            ))
            .await;
            self.names.push((name, workspace));
        }
        let hour_ago = mysql::now_ms() / 1_000 - 3_600;
        self.names.push(("<an hour ago>", hour_ago.to_string()));
    }

    async fn analyse(&self, sql: &str) {
        self.clickhouse.query(sql).await.expect("inserted");
    }

    pub(crate) async fn execute(&self, sql: &str, values: &[&str]) {
        let values: Vec<Sql> = values.iter().map(|v| (*v).into()).collect();
        let statement = Statement::from_sql_and_values(DbBackend::MySql, sql, values);
        self.db.primary().execute_raw(statement).await.expect(sql);
    }

    /// Column `t` of the rows.
    pub(crate) async fn texts(&self, sql: &str, value: &str) -> Vec<String> {
        let statement = Statement::from_sql_and_values(DbBackend::MySql, sql, [value.into()]);
        let rows = self.db.primary().query_all_raw(statement).await;
        let rows = rows.expect(sql);
        rows.iter()
            .map(|r| r.try_get("", "t").expect("a text"))
            .collect()
    }

    pub(crate) fn name(&self, placeholder: &str) -> &str {
        let found = self.names.iter().find(|(p, _)| *p == placeholder);
        found.map_or_else(|| panic!("no {placeholder}"), |(_, name)| name)
    }

    pub(crate) fn named(&self, text: &str) -> String {
        let all = self.names.iter();
        all.fold(text.to_owned(), |text, (p, name)| text.replace(p, name))
    }

    /// State of an object by name, as texts.
    pub(crate) async fn state(&self, service: &str, key: &str) -> Vec<(String, String)> {
        let sql = format!(
            "SELECT key, value_utf8 FROM state WHERE service_name = '{service}' AND service_key = {} ORDER BY key",
            restate_api::quoted(key)
        );
        let rows = self.restate.admin().query(&sql).await.expect("state");
        let text = |row: &Value, column: &str| row[column].as_str().unwrap_or_default().to_owned();
        rows.iter()
            .map(|r| (text(r, "key"), text(r, "value_utf8")))
            .collect()
    }

    /// Calls a handler that the ingress may not call, with these bytes.
    pub(crate) async fn pass(&self, service: &str, key: &str, handler: &str, body: &str) -> Value {
        let wire = Wire {
            service: service.to_owned(),
            key: key.to_owned(),
            handler: handler.to_owned(),
            body: body.to_owned(),
            delay_ms: None,
        };
        let answer = self.restate.ingress();
        let answer = answer.call(DRIVER, None, "Pass", &wire).await;
        answer.unwrap_or_else(|e| panic!("{service}/{handler}: {e}"))
    }

    /// This worker, at an address of its own, without replacing anything.
    pub(crate) fn configuration(&self) -> String {
        let lines = format!(
            "admin_url = \"{}\"\ningress_url = \"{}\"\nregister_as = \"http://127.0.0.1:{{port}}\"\nregister_force = false",
            self.restate.admin_url, self.restate.ingress_url
        );
        let clickhouse = self.clickhouse;
        let sections = format!(
            "[scheduler]\nenabled = false\n[github]\napp_id = {}\nprivate_key_pem = '''\n{}'''\napi_url = \"{}\"\n\
             [clickhouse]\nurl = \"{}\"\nhttp_url = \"{}\"\n[slack]\nquota_check_webhook_url = \"{}/slack\"",
            github_fake::APP,
            github_fake::keys().pkcs8,
            self.github.url(),
            clickhouse.native_url_of(&self.database),
            clickhouse.http_url(),
            self.slack.url(),
        );
        config(&self.dsn, &lines, &sections)
    }

    pub(crate) fn note(&mut self, object: &'static str, left: &'static str, outcome: &'static str) {
        self.outcomes.push((object, left, outcome));
    }

    pub(crate) async fn deployment_of(&self, service: &str) -> String {
        let services = self.restate.admin().services().await.expect("services");
        let found = services.into_iter().find(|s| s.name == service);
        found.expect("it is known").deployment_id
    }

    /// Unfinished invocations that began on this deployment.
    pub(crate) async fn pinned(&self, deployment: &str) -> usize {
        let sql = format!(
            "SELECT id FROM sys_invocation WHERE pinned_deployment_id = '{deployment}' AND status <> 'completed'"
        );
        self.restate.admin().query(&sql).await.expect("query").len()
    }
}
