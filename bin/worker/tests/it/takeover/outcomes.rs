//! What becomes of each object the existing worker left: it must be as if that worker had gone on.
//!
//! Each part notes a line of the table in `docs/takeover.md` once it has held.

use serde_json::{Value, json};

use super::existing::VERSIONING;
use super::rehearsal::{SOON, World};

const DEPLOYMENT: &str = "hydra.v1.DeploymentService";
const STATUS: &str = "hydra.v1.GitHubStatusService";
const REFILL: &str = "hydra.v1.KeyRefillService";
const QUOTA: &str = "hydra.v1.QuotaCheckService";
const DOMAINS: &str = "hydra.v1.CustomDomainService";
const SYNC: &str = "hydra.v1.KeyLastUsedSyncService";
const PARTITION: &str = "hydra.v1.KeyLastUsedPartitionService";

impl World {
    /// The counters go on above state and rows.
    pub(crate) async fn versions(&mut self) {
        for (region, next) in [("<region ahead>", 42), ("<region behind>", 101)] {
            let drawn = self
                .pass(VERSIONING, self.name(region), "NextVersion", "{}")
                .await;
            assert_eq!(drawn, json!({ "version": next.to_string() }), "{region}");
            assert_eq!(
                self.state(VERSIONING, self.name(region)).await,
                [("version".to_owned(), next.to_string())],
                "where the existing worker would look"
            );
        }
        self.note(
            "VersioningService, `version`",
            "41, rows at 10",
            "lifted before registration; the next is 42",
        );
        self.note(
            "VersioningService, `version`",
            "7, rows at 100",
            "the rows count; the next is 101",
        );
    }

    /// What was refilled is left out.
    pub(crate) async fn refill(&mut self) {
        let date = "2025-06-14";
        let answer = self.call(REFILL, date, "RunRefill").await;
        assert_eq!(answer["keysRefilled"], 5, "{answer}");
        for (name, remaining) in [
            ("<key 0>", "1000"),
            ("<key 1>", "100"),
            ("<key 4>", "100"),
            ("<key 6>", "1000"),
        ] {
            let sql = "SELECT CAST(remaining_requests AS CHAR) AS t FROM `keys` WHERE id = ?";
            assert_eq!(
                self.texts(sql, self.name(name)).await,
                [remaining],
                "{name}"
            );
        }
        assert_eq!(self.state(REFILL, date).await, [], "cleared");
        self.note(
            "KeyRefillService, `processed_keys`",
            "2 of 7 due keys",
            "5 refilled, the 2 left alone, state cleared",
        );
    }

    /// Nobody is told twice.
    pub(crate) async fn quota(&mut self) {
        let answer = self.call(QUOTA, "2025-11", "RunCheck").await;
        assert_eq!(answer["notificationsSent"], 1, "{answer}");
        let told = self.slack.received();
        let bodies: Vec<String> = told
            .iter()
            .map(|r| String::from_utf8_lossy(&r.body).into_owned())
            .collect();
        assert_eq!(bodies.len(), 1, "{bodies:?}");
        assert!(bodies[0].contains(self.name("<untold>")), "{bodies:?}");
        assert!(!bodies[0].contains(self.name("<told>")), "{bodies:?}");
        let state = self.state(QUOTA, "2025-11").await;
        let map: Value = state
            .iter()
            .find(|(key, _)| key == "notified_workspaces")
            .and_then(|(_, text)| serde_json::from_str(text).ok())
            .expect("the map is kept");
        assert_eq!(
            map[self.name("<told>")].to_string(),
            self.name("<an hour ago>")
        );
        assert!(map[self.name("<untold>")].is_i64(), "{map}");
        self.note(
            "QuotaCheckService, `notified_workspaces`",
            "1 of 2 told an hour ago",
            "the other told, the first not again, both in the map",
        );
    }

    /// Reading goes on at the cursors.
    pub(crate) async fn last_used(&mut self) {
        let ingress = self.restate.ingress();
        let answer = ingress.call(SYNC, None, "RunSync", &json!({})).await;
        let answer = answer.expect("RunSync");
        assert_eq!(answer["keysSynced"], 1, "{answer}");
        let sql = "SELECT CAST(last_used_at AS CHAR) AS t FROM `keys` WHERE id = ?";
        assert_eq!(self.texts(sql, self.name("<before>")).await, ["0"]);
        assert_ne!(self.texts(sql, self.name("<after>")).await, ["0"]);
        let mut kept = 0;
        for partition in 0..8 {
            let state = self.state(PARTITION, &partition.to_string()).await;
            let value = |name: &str| {
                let found = state.iter().find(|(key, _)| key == name);
                found.map(|(_, text)| text.as_str()).unwrap_or_default()
            };
            assert_eq!(value("total_partitions"), "8");
            kept += usize::from(value("cursor_time") == self.name("<cursor time>"));
        }
        assert_eq!(kept, 7, "the one with the new event has moved");
        self.note(
            "KeyLastUsedPartitionService, `cursor_time`, `cursor_key_id`, `total_partitions`",
            "8 cursors",
            "what came later is copied, what came before is not read again",
        );
    }

    /// The statuses of a deployment go on where they are.
    pub(crate) async fn statuses(&mut self) {
        let done =
            r#"{"state":"GITHUB_DEPLOYMENT_STATE_SUCCESS","description":"Deployment is live"}"#;
        let id = self.name("<standby>").to_owned();
        self.pass(STATUS, &id, "ReportStatus", done).await;
        let statuses = self.github.statuses();
        assert_eq!(statuses.len(), 1, "{statuses:?}");
        let (of, status) = &statuses[0];
        assert_eq!((of.as_str(), &status["state"]), ("815", &json!("success")));
        assert_eq!(self.github.deployments().len(), 0, "none is made anew");
        let comment: i64 = self.name("<comment>").parse().expect("a number");
        testbed::eventually(SOON, || async {
            let comments = self.github.comments();
            let body = comments[0]["body"].as_str().unwrap_or_default().to_owned();
            let ours = comments.len() == 1 && comments[0]["id"] == comment;
            let line = body.contains("row:web:preview") && body.contains("Ready");
            (ours && line && !body.contains("Building"))
                .then_some(())
                .ok_or(comments)
        })
        .await;
        assert_eq!(
            self.state(STATUS, &id).await,
            [],
            "a final status ends the object"
        );
        self.note(
            "GitHubStatusService, `config`, `github_deployment_id`, `pr_comment_id`, `pr_number`",
            "Init was told, a status is to come",
            "status at the same GitHub deployment, same comment, same line; state cleared",
        );
    }

    /// A verification of the existing worker that would go on for a day holds its key until it is cancelled.
    pub(crate) async fn cancelled(&mut self, verification: &str) {
        let admin = self.restate.admin();
        admin.cancel(verification).await.expect("cancelled");
        let ingress = self.restate.ingress();
        let ended = ingress.attach(verification).await;
        assert_eq!(ended.expect_err("cancelled").status(), Some(409));
        let anew = ingress
            .call(DOMAINS, "dom_1", "VerifyDomain", &json!({}))
            .await;
        anew.expect("the key is free");
        let state = self.state(DOMAINS, "dom_1").await;
        assert!(!state.is_empty(), "a window of this worker's has begun");
        self.note(
            "CustomDomainService, no state",
            "a verification in flight, for a day at most",
            "cancelled there, its key is free and verified here",
        );
    }

    /// Messages that were on their way to sleeping deployments.
    pub(crate) async fn standbys(&mut self) {
        let of = |name: &str| self.name(name).to_owned();
        let (standby, superseded, live) = (of("<standby>"), of("<superseded>"), of("<live>"));
        testbed::eventually(SOON, || async {
            let sql = format!(
                "SELECT id FROM sys_invocation WHERE target_service_name = '{DEPLOYMENT}' AND status <> 'completed'"
            );
            self.restate.admin().query(&sql).await.expect("query").is_empty()
        })
        .await;
        let picture = async |id: &str| {
            let sql = "SELECT CONCAT_WS(' ', d.desired_state, t.desired_status, t.version) AS t FROM deployments d \
                       JOIN deployment_topology t ON t.deployment_id = d.id WHERE d.id = ? ORDER BY t.version";
            self.texts(sql, id).await
        };
        // 42 and 101 were drawn before, and 43 by the Deploy in flight
        assert_eq!(
            picture(&standby).await,
            ["standby stopped 44", "standby stopped 102"]
        );
        assert_eq!(
            self.state(DEPLOYMENT, &standby).await,
            [],
            "once: nothing is scheduled"
        );
        assert_eq!(
            picture(&superseded).await,
            ["running running 9", "running running 99"]
        );
        let state = self.state(DEPLOYMENT, &superseded).await;
        assert_eq!(state.len(), 1, "the newer schedule still stands");
        self.pass(DEPLOYMENT, &superseded, "ClearScheduledStateChanges", "{}")
            .await;
        assert_eq!(
            self.state(DEPLOYMENT, &superseded).await,
            [],
            "and can be taken back"
        );
        assert_eq!(
            picture(&live).await,
            ["running running 10", "running running 100"]
        );
        assert_eq!(self.state(DEPLOYMENT, &live).await, []);
        self.note(
            "DeploymentService, `transition`",
            "standby pending, its message on the way",
            "fired once: asleep, versions above the counters, state cleared",
        );
        self.note(
            "DeploymentService, `transition`",
            "standby pending, the message of an earlier one on the way",
            "nothing changed, the pending one stands and can be cleared",
        );
        self.note(
            "DeploymentService, `transition`",
            "standby pending for what is live again",
            "refused, still running, state cleared",
        );
    }

    async fn call(&self, service: &str, key: &str, handler: &str) -> Value {
        let answer = self.restate.ingress();
        let answer = answer.call(service, key, handler, &json!({})).await;
        answer.unwrap_or_else(|e| panic!("{service}/{handler}: {e}"))
    }
}
