//! The service as the worker binds it, with usage by month, a scripted webhook and a heartbeat. One registration a test,
//! so tests take turns.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex as Lock};
use std::time::Duration;

use faults::StreamProxy;
use faults::http::{Script, ScriptedHttp};
use mysql::Db;
use mysql::sea_orm::{ConnectionTrait, DbBackend, Statement, Value as Sql};
use notify::{Heartbeat, Slack};
use quota_check::{BillableUsage, QuotaCheck, UsageError, UsageFuture, UsageQuery, WorkspaceUsage};
use quota_check_client::{QuotaCheckService, SERVICE};
use restate_api::ApiError;
use restate_sdk::endpoint::Endpoint;
use serde_json::{Value, json};
use tokio::sync::{Mutex, MutexGuard};

/// Longer than anything here takes.
pub(crate) const SOON: Duration = Duration::from_secs(30);

static TURN: Mutex<()> = Mutex::const_new(());

/// Usage as a test says it: two sources added up by workspace and month, as the analytics store does.
#[derive(Default)]
pub(crate) struct Usage {
    rows: Lock<BTreeMap<(i32, i32, String), i64>>,
    asked: AtomicU32,
}

impl BillableUsage for Usage {
    fn page<'a>(&'a self, query: UsageQuery<'a>) -> UsageFuture<'a> {
        Box::pin(async move {
            self.asked.fetch_add(1, Ordering::Relaxed);
            let rows = self.rows.lock().map_err(|_| UsageError::NotConfigured)?;
            let rows = rows.iter().filter(|((year, month, id), total)| {
                let behind = id.as_str() > query.after;
                (*year, *month) == (query.year, query.month) && behind && **total >= query.minimum
            });
            let rows = rows.map(|((_, _, id), total)| WorkspaceUsage {
                workspace_id: id.clone(),
                total: *total,
            });
            Ok(rows.take(query.limit).collect())
        })
    }
}

/// The service and what it reaches.
pub(crate) struct World {
    pub(crate) db: Db,
    pub(crate) proxy: StreamProxy,
    pub(crate) slack: ScriptedHttp,
    pub(crate) heartbeat: ScriptedHttp,
    pub(crate) usage: Arc<Usage>,
    /// The object's key: a month that no other test uses.
    pub(crate) month: String,
    _turn: MutexGuard<'static, ()>,
}

/// A workspace as a test needs it.
#[derive(Clone)]
pub(crate) struct Workspace {
    pub(crate) name: String,
    pub(crate) enabled: bool,
    pub(crate) deleted: bool,
    /// None: no quota row.
    pub(crate) quota: Option<i64>,
    /// Requests in the month of the test.
    pub(crate) used: i64,
}

pub(crate) fn workspace(quota: i64, used: i64) -> Workspace {
    Workspace {
        name: "Acme".to_owned(),
        enabled: true,
        deleted: false,
        quota: Some(quota),
        used,
    }
}

pub(crate) fn ok() -> Script {
    Script::new().answer(200, "ok")
}

/// Year and month of a key.
fn parts(month: &str) -> (i32, i32) {
    let (year, month) = month.split_once('-').expect("a month");
    (
        year.parse().expect("a year"),
        month.parse().expect("a month"),
    )
}

/// A month of a year of its own, so that its next month is nobody's either.
fn own_month() -> String {
    static YEAR: AtomicU32 = AtomicU32::new(2000);
    format!("{}-01", YEAR.fetch_add(1, Ordering::Relaxed))
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(ok(), ok()).await
    }

    pub(crate) async fn with(slack: Script, heartbeat: Script) -> Self {
        let usage = Arc::new(Usage::default());
        Self::over(usage.clone(), usage, Some(slack), heartbeat, 20_000).await
    }

    /// Over another source, without a webhook, or with other pages.
    pub(crate) async fn over(
        source: Arc<dyn BillableUsage>,
        usage: Arc<Usage>,
        slack: Option<Script>,
        heartbeat: Script,
        page: usize,
    ) -> Self {
        let turn = TURN.lock().await;
        let db = testbed::db().await;
        let heartbeat = ScriptedHttp::start(heartbeat).await.expect("a port");
        let beat = Heartbeat::new(&format!("{}/beat", heartbeat.url())).expect("an address");
        let told = slack.is_some();
        let slack = ScriptedHttp::start(slack.unwrap_or_default())
            .await
            .expect("a port");
        let webhook = Slack::new(&format!("{}/hook", slack.url())).expect("an address");
        let service = QuotaCheck::new(db.clone(), source, told.then_some(webhook), beat);
        let endpoint = Endpoint::builder()
            .bind(QuotaCheckService(service.with_page(page)))
            .build();
        Self {
            db,
            proxy: faults::serve_behind(endpoint).await,
            slack,
            heartbeat,
            usage,
            month: own_month(),
            _turn: turn,
        }
    }

    /// Inserts a workspace with quota and usage; gives its id.
    pub(crate) async fn add(&self, workspace: &Workspace) -> String {
        let id = ids::random_of_length(ids::Prefix::WORKSPACE, 12);
        self.add_as(&id, workspace).await;
        id
    }

    pub(crate) async fn add_as(&self, id: &str, workspace: &Workspace) {
        let sql = "INSERT INTO workspaces (id, org_id, name, slug, tier, stripe_customer_id, beta_features, enabled, deleted_at_m) \
                   VALUES (?, CONCAT('org_', ?), ?, ?, 'Pro', 'cus_9', '{}', ?, ?)";
        let values = [
            id.into(),
            id.into(),
            workspace.name.as_str().into(),
            id.into(),
            workspace.enabled.into(),
            workspace.deleted.then_some(1i64).into(),
        ];
        execute(&self.db, sql, values).await;
        if let Some(quota) = workspace.quota {
            let sql = "INSERT INTO quota (workspace_id, requests_per_month) VALUES (?, ?)";
            execute(&self.db, sql, [id.into(), quota.into()]).await;
        }
        self.used(&self.month, id, workspace.used);
    }

    /// Says what a workspace used in a month.
    pub(crate) fn used(&self, month: &str, id: &str, total: i64) {
        let (year, month) = parts(month);
        let mut rows = self.usage.rows.lock().expect("no test panicked here");
        rows.insert((year, month, id.to_owned()), total);
    }

    /// Runs the check of the month: checked, exceeded, sent.
    pub(crate) async fn run(&self) -> Result<(i64, i64, i64), ApiError> {
        self.run_of(&self.month).await
    }

    pub(crate) async fn run_of(&self, month: &str) -> Result<(i64, i64, i64), ApiError> {
        let ingress = testbed::ingress().await;
        let answer = ingress.call(SERVICE, month, "RunCheck", &json!({})).await?;
        Ok(counts(&answer))
    }

    /// Titles of the messages so far.
    pub(crate) fn titles(&self) -> Vec<String> {
        self.messages()
            .iter()
            .map(|m| m["text"].as_str().expect("a text").to_owned())
            .collect()
    }

    /// Workspaces of the messages so far.
    pub(crate) fn told(&self) -> Vec<String> {
        let id = |m: &Value| {
            let field = m["blocks"][1]["fields"][0]["text"]
                .as_str()
                .expect("a text");
            field
                .trim_start_matches("*Workspace ID:*\n")
                .trim_matches('`')
                .to_owned()
        };
        self.messages().iter().map(id).collect()
    }

    pub(crate) fn messages(&self) -> Vec<Value> {
        let received = self.slack.received();
        received
            .iter()
            .map(|r| serde_json::from_slice(&r.body).expect("JSON"))
            .collect()
    }

    pub(crate) fn beats(&self) -> usize {
        self.heartbeat.received().len()
    }

    /// The state that names who was told when.
    pub(crate) async fn notified(&self) -> BTreeMap<String, i64> {
        let state = self.state().await;
        let text = state
            .get("notified_workspaces")
            .cloned()
            .unwrap_or_default();
        serde_json::from_str(&text).unwrap_or_default()
    }

    /// All state of the month, by name.
    pub(crate) async fn state(&self) -> BTreeMap<String, String> {
        let sql = format!(
            "SELECT key, value_utf8 FROM state WHERE service_name = '{SERVICE}' AND service_key = '{}'",
            self.month
        );
        let rows = testbed::admin().await.query(&sql).await.expect("state");
        let text = |row: &Value, name: &str| row[name].as_str().expect("a text").to_owned();
        rows.iter()
            .map(|row| (text(row, "key"), text(row, "value_utf8")))
            .collect()
    }

    /// Leaves a state as the existing worker does.
    pub(crate) async fn set_notified(&self, told: &[(&str, i64)]) {
        let map: BTreeMap<&str, i64> = told.iter().copied().collect();
        let text = serde_json::to_string(&map).expect("JSON");
        let body = json!({"object_key": self.month, "new_state": {"notified_workspaces": text.as_bytes()}});
        let url = format!(
            "{}/services/{SERVICE}/state",
            testbed::restate().await.admin_url
        );
        let answer = reqwest::Client::new()
            .post(url)
            .json(&body)
            .send()
            .await
            .expect("the admin API answers");
        assert!(answer.status().is_success(), "{}", answer.status());
        testbed::eventually(SOON, || async {
            self.state().await.contains_key("notified_workspaces")
        })
        .await;
    }

    /// Commands of the handler so far.
    pub(crate) fn commands(&self) -> Vec<String> {
        let commands = self.proxy.commands(SERVICE, "RunCheck");
        commands.iter().map(faults::Seen::step).collect()
    }

    pub(crate) fn steps(&self, name: &str) -> usize {
        let wanted = format!("Run {name}");
        self.commands().iter().filter(|c| **c == wanted).count()
    }

    pub(crate) fn asked(&self) -> u32 {
        self.usage.asked.load(Ordering::Relaxed)
    }
}

/// The numbers of an answer.
pub(crate) fn counts(answer: &Value) -> (i64, i64, i64) {
    let number = |name: &str| answer[name].as_i64().unwrap_or(0);
    (
        number("workspacesChecked"),
        number("workspacesExceeded"),
        number("notificationsSent"),
    )
}

pub(crate) fn seconds() -> i64 {
    mysql::now_ms() / 1_000
}

async fn execute(db: &Db, sql: &str, values: impl IntoIterator<Item = Sql>) {
    let statement = Statement::from_sql_and_values(DbBackend::MySql, sql, values);
    db.primary().execute_raw(statement).await.expect(sql);
}
