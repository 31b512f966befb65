//! A Restate server, a database and a clock of a test's own; the service as the worker binds it; ways to look.

use crate::fakes::Fakes;
use mysql::sea_orm::EntityTrait as _;
use mysql::{Db, Options};
use restate_api::{ApiError, Ingress};
use restate_sdk::endpoint::Endpoint;
use scheduler::{Clock, Deps, Job, Scheduler, Timings};
use scheduler_client::{SERVICE, SchedulerService};
use serde_json::{Value, json};
use std::time::Duration;
use testbed::{Database, Proxy, Restate, RestateOptions, Served};
use time::OffsetDateTime;

/// Longer than anything here takes.
pub(crate) const SOON: Duration = Duration::from_secs(20);
pub(crate) const MINUTE: i64 = 60_000;
pub(crate) const HOUR: i64 = 60 * MINUTE;

/// Everything one test needs.
pub(crate) struct World {
    pub(crate) restate: Restate,
    pub(crate) database: Database,
    pub(crate) db: Db,
    pub(crate) fakes: Fakes,
    pub(crate) clock: Clock,
    /// Between Restate and the service: cut, the worker is down.
    pub(crate) wire: Proxy,
    _served: Served,
}

/// A clock that shows `shows` when it is made, which is when the servers are up, and runs `speed` times as fast.
pub(crate) fn clock(shows: OffsetDateTime, speed: i64) -> impl FnOnce() -> Clock {
    move || Clock {
        wall_ms: mysql::now_ms(),
        shows_ms: ms(shows),
        speed,
    }
}

pub(crate) fn ms(t: OffsetDateTime) -> i64 {
    t.unix_timestamp() * 1_000
}

/// The service over this database, with its neighbours.
pub(crate) fn endpoint(db: Db, clock: Clock, fakes: &Fakes) -> Endpoint {
    let timings = Timings {
        clock,
        ..Timings::default()
    };
    let service = SchedulerService(Scheduler::new(Deps { db, timings }));
    fakes.bind(Endpoint::builder()).bind(service).build()
}

impl World {
    pub(crate) async fn new(label: &str, clock: impl FnOnce() -> Clock) -> Self {
        let database = testbed::migrated_database(label).await;
        Self::over(database, clock).await
    }

    /// Over a database that is there, with a Restate that knows nothing.
    pub(crate) async fn over(database: Database, clock: impl FnOnce() -> Clock) -> Self {
        let db = Db::connect(&Options::new(database.dsn.clone()))
            .await
            .expect("connect");
        let restate = Restate::start(RestateOptions::default())
            .await
            .expect("Restate");
        let fakes = Fakes::default();
        let clock = clock();
        let served = testbed::listen(endpoint(db.clone(), clock, &fakes))
            .await
            .expect("listen");
        let wire = Proxy::start(served.addr).await.expect("proxy");
        restate
            .admin()
            .register(&format!("http://{}", wire.addr()), true)
            .await
            .expect("register");
        Self {
            restate,
            database,
            db,
            fakes,
            clock,
            wire,
            _served: served,
        }
    }

    pub(crate) fn ingress(&self) -> Ingress {
        self.restate.ingress()
    }

    /// What the schedule's clock shows.
    pub(crate) fn now(&self) -> i64 {
        self.clock.at(mysql::now_ms())
    }

    pub(crate) async fn try_call(
        &self,
        job: Job,
        handler: &str,
        body: Value,
    ) -> Result<Value, ApiError> {
        self.ingress()
            .call(SERVICE, job.name(), handler, &body)
            .await
    }

    pub(crate) async fn call(&self, job: Job, handler: &str, body: Value) -> Value {
        let answer = self.try_call(job, handler, body).await;
        answer.unwrap_or_else(|e| panic!("{handler}: {e}"))
    }

    pub(crate) async fn arm(&self, job: Job) {
        self.call(job, "Arm", json!({ "enabled": true })).await;
    }

    pub(crate) async fn status(&self, job: Job) -> Value {
        self.call(job, "Status", json!({})).await
    }

    /// A number of the status; absent is 0.
    pub(crate) async fn number(&self, job: Job, pointer: &str) -> i64 {
        number(&self.status(job).await, pointer)
    }

    /// Waits until a run has ended and gives the status.
    pub(crate) async fn ended(&self, job: Job, window: &str) -> Value {
        testbed::eventually(SOON, || async {
            let status = self.status(job).await;
            if status["last"]["window"] == window && status["running"].is_null() {
                Ok(status)
            } else {
                Err((status, self.fakes.calls()))
            }
        })
        .await
    }

    /// Waits until the schedule's clock has shown `then`.
    pub(crate) async fn passes(&self, then: i64) {
        while self.now() <= then {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Invocations of a handler of the service, oldest first.
    pub(crate) async fn invocations(&self, job: Job, handler: &str) -> Vec<Value> {
        let sql = format!(
            "SELECT * FROM sys_invocation WHERE target_service_name = '{SERVICE}' AND target_service_key = '{}' \
             AND target_handler_name = '{handler}' ORDER BY created_at",
            job.name()
        );
        self.restate.admin().query(&sql).await.expect("invocations")
    }

    /// The job's row.
    pub(crate) async fn row(&self, job: Job) -> mysql::entity::ctrl_worker_jobs::Model {
        let row = mysql::entity::ctrl_worker_jobs::Entity::find_by_id(job.name())
            .one(self.db.primary())
            .await;
        row.expect("read").expect("a row")
    }

    /// Nothing but timers is in flight.
    pub(crate) async fn quiet(&self) {
        let sql = "SELECT target, status, last_failure FROM sys_invocation WHERE status NOT IN ('completed', 'scheduled')";
        testbed::eventually(SOON, || async {
            let left = self.restate.admin().query(sql).await.expect("invocations");
            if left.is_empty() { Ok(()) } else { Err(left) }
        })
        .await;
    }
}

/// A 64-bit number of an answer, which is a text on the wire, and absent when 0.
pub(crate) fn number(answer: &Value, pointer: &str) -> i64 {
    match answer.pointer(pointer) {
        None | Some(Value::Null) => 0,
        Some(Value::String(text)) => text.parse().expect("a number"),
        Some(other) => other.as_i64().expect("a number"),
    }
}
