//! `ctl logs` against a real database and a real ClickHouse, with connections that are cut in between.

use std::io::{BufRead as _, BufReader};
use std::process::Child;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use mysql::Db;
use sea_orm::{ConnectionTrait, DbBackend, Statement};
use testbed::Proxy;

use crate::program::{Ran, command, ctl, ended};

/// A deployment that builds, with the ways to both stores.
struct Built {
    db: Db,
    id: String,
    /// Epoch milliseconds, a while ago, that the times of a test count from; the store forgets what is too old.
    begin: i64,
    workspace: String,
    project: String,
    mysql: Proxy,
    clickhouse: Proxy,
    environment: Vec<(&'static str, String)>,
}

impl Built {
    async fn new() -> Self {
        let db = testbed::db().await;
        let app = intent::Fixture::new(&db).await;
        let new = intent::NewDeployment::production(&app.app_id).status("building");
        let id = intent::create_deployment(&db, &new)
            .await
            .expect("a deployment");
        let url = testbed::mysql_url().await;
        let (_, server) = url.rsplit_once('@').expect("a login");
        let server = server.trim_end_matches('/').to_owned();
        let mysql = Proxy::start(server.parse().expect("an address"))
            .await
            .expect("a proxy");
        let engine = clickhouse_engine::shared().await;
        let http = engine.http_url();
        let place = http.trim_start_matches("http://").trim_end_matches('/');
        let clickhouse = Proxy::start(place.parse().expect("an address"))
            .await
            .expect("a proxy");
        let dsn = testbed::shared_database().await.dsn.clone();
        let environment = vec![
            (
                "CTRL_DATABASE",
                dsn.replace(&server, &mysql.addr().to_string()),
            ),
            ("CTRL_INGRESS", "http://127.0.0.1:9".to_owned()),
            ("CTRL_ADMIN", "http://127.0.0.1:9".to_owned()),
            ("CTRL_CLICKHOUSE", engine.native_url()),
            (
                "CTRL_CLICKHOUSE_HTTP",
                format!("http://{}/", clickhouse.addr()),
            ),
        ];
        Self {
            id,
            begin: mysql::now_ms() - 600_000,
            workspace: app.workspace_id,
            project: app.project_id,
            db,
            mysql,
            clickhouse,
            environment,
        }
    }

    fn variables(&self) -> Vec<(&str, &str)> {
        self.environment
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect()
    }

    fn logs(&self, more: &[&str]) -> Ran {
        ctl(&self.variables(), &[&["logs", &self.id], more].concat())
    }

    fn follow(&self, more: &[&str]) -> Followed {
        let args = [&["logs", &self.id, "--follow"], more].concat();
        let mut child = command(&self.variables(), &args).spawn().expect("ctl runs");
        let out = BufReader::new(child.stdout.take().expect("stdout is piped"));
        let (tell, told) = channel();
        std::thread::spawn(move || {
            for line in out.lines() {
                // a test that failed does not listen
                let _ = tell.send(line.expect("text"));
            }
        });
        Followed { child, told }
    }

    async fn step(&self, step: &str, started: i64, ended: Option<i64>, error: Option<&str>) {
        let sql = "INSERT INTO deployment_steps (workspace_id, project_id, environment_id, deployment_id, app_id, step, started_at, ended_at, error) \
                   SELECT workspace_id, project_id, environment_id, id, app_id, ?, ?, ?, ? FROM deployments WHERE id = ? \
                   ON DUPLICATE KEY UPDATE ended_at = VALUES(ended_at), error = VALUES(error)";
        let values = [
            step.into(),
            (self.begin + started).into(),
            ended.map(|ended| self.begin + ended).into(),
            error.map(str::to_owned).into(),
            self.id.clone().into(),
        ];
        self.run(Statement::from_sql_and_values(
            DbBackend::MySql,
            sql,
            values,
        ))
        .await;
    }

    async fn status(&self, status: &str) {
        let sql = "UPDATE deployments SET status = ? WHERE id = ?";
        let values = [status.into(), self.id.clone().into()];
        self.run(Statement::from_sql_and_values(
            DbBackend::MySql,
            sql,
            values,
        ))
        .await;
    }

    async fn run(&self, statement: Statement) {
        self.db
            .primary()
            .execute_raw(statement)
            .await
            .expect("written");
    }

    async fn lines(&self, lines: &[(i64, &str)]) {
        let rows: Vec<String> = lines
            .iter()
            .map(|(time, text)| {
                format!(
                    "({}, '{}', '{}', '{}', '{text}', 'sha256:abcdef99')",
                    self.begin + time,
                    self.workspace,
                    self.project,
                    self.id
                )
            })
            .collect();
        let sql = format!(
            "INSERT INTO build_step_logs_v1 (time, workspace_id, project_id, deployment_id, message, step_id) VALUES {}",
            rows.join(", ")
        );
        clickhouse_engine::shared()
            .await
            .query(&sql)
            .await
            .expect("inserted");
    }

    async fn built(&self, name: &str, completed: i64, error: &str) {
        let sql = format!(
            "INSERT INTO build_steps_v1 (step_id, started_at, completed_at, workspace_id, project_id, deployment_id, name, cached, error, has_logs) \
             VALUES ('sha256:abcdef99', {}, {}, '{}', '{}', '{}', '{name}', false, '{error}', true)",
            self.begin + completed - 1_500,
            self.begin + completed,
            self.workspace,
            self.project,
            self.id
        );
        clickhouse_engine::shared()
            .await
            .query(&sql)
            .await
            .expect("inserted");
    }
}

/// A running `ctl logs --follow`.
struct Followed {
    child: Child,
    told: Receiver<String>,
}

impl Followed {
    /// The next line, which must come.
    fn line(&mut self) -> String {
        self.told
            .recv_timeout(Duration::from_secs(60))
            .expect("a line")
    }

    /// The rest, and the end.
    fn end(self) -> (Vec<String>, Ran) {
        let rest = self.told.iter().collect();
        (rest, ended(self.child))
    }
}

#[test]
fn a_log_is_shown_in_order_with_the_reason_of_a_failure() {
    testbed::run(async {
        let built = Built::new().await;
        built.step("starting", 1_000, Some(1_500), None).await;
        built
            .step(
                "building",
                1_500,
                Some(9_000),
                Some("A build command failed: see the log."),
            )
            .await;
        built
            .lines(&[(3_000, "b"), (3_000, "b"), (2_000, "a\\n\\x1b[31mred\\n")])
            .await;
        built.built("[2/2] RUN make", 8_000, "exit code: 2").await;
        let ran = built.logs(&[]);
        assert_eq!(ran.code, 0, "{ran:?}");
        assert_eq!(
            ran.out.lines().collect::<Vec<_>>(),
            [
                "  starting …",
                "  starting done in 0.50 s",
                "  building …",
                "    abcdef │ a",
                "    abcdef │ red",
                "    abcdef │ b",
                "    abcdef │ b",
                "    abcdef [2/2] RUN make failed: exit code: 2",
                "  building failed: A build command failed: see the log.",
            ]
        );
        let json = ctl(&built.variables(), &["--json", "logs", &built.id]).json();
        assert_eq!(json.len(), 8);
        assert_eq!(
            (&json[3]["event"], &json[3]["time"]),
            (&"build_line".into(), &(built.begin + 2_000).into())
        );
        assert_eq!(json[3]["message"], "a\n\u{1b}[31mred\n");

        let without: Vec<(&str, &str)> = built
            .variables()
            .into_iter()
            .filter(|(name, _)| *name == "CTRL_DATABASE")
            .collect();
        let ran = ctl(&without, &["logs", &built.id]);
        assert_eq!((ran.code, ran.out.lines().count()), (0, 4), "{ran:?}");
        assert!(ran.err.contains("CTRL_CLICKHOUSE"), "{}", ran.err);
    });
}

#[test]
fn following_survives_both_stores_and_repeats_nothing() {
    testbed::run(async {
        let built = Built::new().await;
        built.step("building", 1_000, None, None).await;
        built.lines(&[(2_000, "one"), (2_000, "one")]).await;
        let mut followed = built.follow(&[]);
        assert_eq!(followed.line(), "  building …");
        assert_eq!(followed.line(), "    abcdef │ one");
        assert_eq!(followed.line(), "    abcdef │ one");

        built.clickhouse.cut();
        built.mysql.cut();
        // one that is older, one alike, and new ones arrive meanwhile
        built
            .lines(&[(1_500, "late"), (2_000, "one"), (3_000, "two")])
            .await;
        built.clickhouse.heal();
        built.mysql.heal();
        for line in ["late", "one", "two"] {
            assert_eq!(followed.line(), format!("    abcdef │ {line}"));
        }
        built.mysql.drop_connections();
        built.clickhouse.drop_connections();
        let now = mysql::now_ms() - built.begin;
        built.step("building", 1_000, Some(now), None).await;
        built.step("deploying", now, Some(now + 5), None).await;
        built.status("ready").await;
        built.lines(&[(now - 1, "three")]).await;
        built.built("[1/1] RUN make", now, "").await;
        let (rest, ran) = followed.end();
        assert_eq!(ran.code, 0, "{rest:?} {ran:?}");
        assert_eq!(rest[0], "    abcdef │ three");
        assert_eq!(rest[1], "    abcdef [1/1] RUN make, done in 1.50 s");
        assert!(rest[2].starts_with("  building done in "), "{rest:?}");
        assert_eq!(rest[3..5], ["  deploying …", "  deploying done in 0.01 s"]);
        assert_eq!(rest[5], format!("{} is ready", built.id));
        assert_eq!(rest.len(), 6, "{rest:?}");
    });
}

#[test]
fn the_end_of_a_follower_is_that_of_the_deployment() {
    testbed::run(async {
        let built = Built::new().await;
        built
            .step(
                "building",
                1_000,
                Some(2_000),
                Some("The Dockerfile has a syntax error in line 2."),
            )
            .await;
        built.status("failed").await;
        let ran = built.logs(&["--follow"]);
        assert_eq!(ran.code, 1, "{ran:?}");
        assert_eq!(
            ran.err.trim_end(),
            "error: The Dockerfile has a syntax error in line 2."
        );
        built.status("building").await;
        let ran = built.logs(&["-f", "--timeout", "1"]);
        assert_eq!(
            (ran.code, ran.err.contains("--follow")),
            (5, true),
            "{ran:?}"
        );
        let none = ctl(&built.variables(), &["logs", "d_missing", "-f"]);
        assert_eq!(none.code, 4, "{none:?}");
        built.clickhouse.cut();
        let away = built.logs(&["-f"]);
        assert_eq!(
            (away.code, away.err.contains("CTRL_CLICKHOUSE")),
            (3, true),
            "{away:?}"
        );
    });
}

#[test]
fn a_kept_position_goes_on_in_the_next_run() {
    testbed::run(async {
        let built = Built::new().await;
        let dir = testbed::server_dir("cursor").expect("a folder");
        let (file, other) = (dir.join("cursor"), Built::new().await);
        let cursor = ["--cursor", file.to_str().expect("text")];
        built.step("building", 1_000, None, None).await;
        built.lines(&[(2_000, "one"), (2_000, "one")]).await;
        let first = built.logs(&cursor);
        assert_eq!((first.code, first.out.lines().count()), (0, 3), "{first:?}");
        let nothing = built.logs(&cursor);
        assert_eq!((nothing.code, nothing.out.as_str()), (0, ""));
        built.lines(&[(2_000, "one"), (2_500, "two")]).await;
        built.step("building", 1_000, Some(3_000), None).await;
        built.status("ready").await;
        let second = built.logs(&[&cursor[..], &["--follow"]].concat());
        assert_eq!(
            second.out.lines().collect::<Vec<_>>(),
            [
                "    abcdef │ one",
                "    abcdef │ two",
                "  building done in 2.00 s",
                &format!("{} is ready", built.id)
            ]
        );
        let wrong = other.logs(&cursor);
        assert_eq!(
            (wrong.code, wrong.err.contains(&built.id)),
            (2, true),
            "{wrong:?}"
        );
        std::fs::write(&file, "x").expect("written");
        assert_eq!(built.logs(&cursor).code, 2);
    });
}

#[test]
fn a_stopped_follower_has_kept_what_it_printed() {
    testbed::run(async {
        let built = Built::new().await;
        let dir = testbed::server_dir("cursor").expect("a folder");
        let file = dir.join("cursor");
        let cursor = ["--cursor", file.to_str().expect("text")];
        built.lines(&[(2_000, "one")]).await;
        let mut followed = built.follow(&cursor);
        assert_eq!(followed.line(), "    abcdef │ one");
        testbed::eventually(Duration::from_secs(10), || async { file.exists() }).await;
        let pid = followed.child.id().to_string();
        let sent = std::process::Command::new("kill")
            .args(["-s", "INT", &pid])
            .status();
        assert!(sent.expect("kill").success());
        let (rest, ran) = followed.end();
        assert_eq!((ran.code, rest.len()), (5, 0), "{rest:?} {ran:?}");
        built.lines(&[(2_000, "two")]).await;
        assert_eq!(built.logs(&cursor).out, "    abcdef │ two\n");
    });
}
