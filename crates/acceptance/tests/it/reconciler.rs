//! Nothing stays "in progress" for ever, and nothing that still moves is ended.

use crate::world::{Broken, Isolated, break_for, endpoint, execute, number};
use edge_sim::Behaviour;
use intent::NewDeployment;
use std::time::Duration;

async fn isolated(label: &str) -> Isolated {
    let database = testbed::migrated_database(label).await;
    let db = mysql::Db::connect(&mysql::Options::new(database.dsn))
        .await
        .expect("connect");
    Isolated::new(db).await
}

#[test]
fn dep_39_a_deployment_whose_invocation_was_killed_is_ended_in_every_phase() {
    testbed::scenario!("DEP-39");
    testbed::run(async {
        let i = isolated("killed").await;
        let w = i.world(1).await;
        let mut killed = String::new();
        // In the phases that wait: killed for real.
        for (phase, handler) in [
            ("deploying", None),
            ("network", Some("UpsertRoutes")),
            ("finalizing", Some("FinishDeployment")),
        ] {
            let id = w.create(&NewDeployment::production(&w.app.app_id)).await;
            match handler {
                None => w.agents[0].behave_for(&id, Behaviour::never_ready()),
                Some(handler) => break_for(&id, handler, Some(Broken::Hangs)),
            }
            let invocation = w.send(&id, "nginx:1").await;
            w.eventually_status(&id, phase).await;
            i.restate.admin().kill(&invocation).await.expect("kill");
            killed = invocation;
            if let Some(handler) = handler {
                break_for(&id, handler, Some(Broken::Fails));
            }
            w.eventually_status(&id, "failed").await;
            assert!(
                w.topology(&id).await.iter().all(|t| t.1 == "stopped"),
                "{phase}"
            );
            let steps = w.steps(&id).await;
            let last = steps.last().expect("steps");
            assert_eq!((last.0.as_str(), last.1), (phase, true));
            assert!(
                last.2.as_deref().unwrap_or_default().contains("lost"),
                "{steps:?}"
            );
        }
        // In all phases: a run whose invocation Restate does not know (a well-formed id, one character off).
        let last = if killed.ends_with('a') { "b" } else { "a" };
        let unknown = format!("{}{last}", &killed[..killed.len() - 1]);
        for phase in ["starting", "building", "deploying", "network", "finalizing"] {
            let id = w
                .create(&NewDeployment::production(&w.app.app_id).status(phase))
                .await;
            run_of(&w.bound.db, &id, &unknown, 60_000).await;
            w.eventually_status(&id, "failed").await;
            let reason = "SELECT COUNT(*) AS n FROM ctrl_worker_runs WHERE deployment_id = ? AND end_reason = 'invocation gone'";
            assert_eq!(
                number(&w.bound.db, reason, [id.as_str().into()]).await,
                1,
                "{phase}"
            );
        }
        // Past its deadline, although its invocation is alive.
        let id = w.create(&NewDeployment::production(&w.app.app_id)).await;
        w.agents[0].behave_for(&id, Behaviour::never_ready());
        let invocation = w.send(&id, "nginx:1").await;
        w.eventually_status(&id, "deploying").await;
        execute(
            &w.bound.db,
            "UPDATE ctrl_worker_runs SET deadline_at = 1 WHERE deployment_id = ?",
            [id.as_str().into()],
        )
        .await;
        w.eventually_status(&id, "failed").await;
        // The invocation itself finds its work ended and stops.
        w.agents[0].behave_for(&id, Behaviour::ready_after(Duration::ZERO));
        testbed::eventually(Duration::from_secs(20), || async {
            let status = i
                .restate
                .admin()
                .invocation_status(&[&invocation])
                .await
                .map_err(|e| e.to_string())?;
            (status.get(&invocation).map(String::as_str) == Some("completed"))
                .then_some(())
                .ok_or(format!("{status:?}"))
        })
        .await;
        assert_eq!(w.status(&id).await, "failed");
    });
}

#[test]
fn a_pending_row_without_a_send_is_ended_and_one_with_a_queued_send_is_not() {
    testbed::run(async {
        let mut i = isolated("orphans").await;
        let w = i.world(1).await;
        // The worker is away: its address refuses connections, the sends queue up in Restate.
        i.served = None;
        let long_ago = Some(mysql::now_ms() - 15 * 60 * 1000);
        let queued = w
            .create(&NewDeployment {
                created_at: long_ago,
                ..NewDeployment::production(&w.app.app_id)
            })
            .await;
        let orphan = w
            .create(&NewDeployment {
                created_at: long_ago,
                ..NewDeployment::production(&w.app.app_id)
            })
            .await;
        let approval = w
            .create(&NewDeployment {
                created_at: long_ago,
                ..NewDeployment::production(&w.app.app_id).status("awaiting_approval")
            })
            .await;
        w.send(&queued, "nginx:1").await;
        tokio::time::sleep(Duration::from_secs(3)).await;
        assert_eq!(
            w.status(&queued).await,
            "pending",
            "a send is on its way: nothing is ended"
        );
        assert_eq!(
            w.status(&orphan).await,
            "pending",
            "nor what cannot be told apart from it"
        );
        i.served = Some(testbed::serve_on(&i.restate, endpoint(&w.bound.db, &i.deps)).await);
        // The queued call goes to the address that is gone until Restate is told to forget it.
        let retry = w.deploy(&queued, "nginx:1");
        retry.await.expect("deploy");
        assert_eq!(w.status(&queued).await, "ready");
        let stuck = i
            .restate
            .admin()
            .query("SELECT id FROM sys_invocation WHERE status = 'backing-off'")
            .await
            .expect("query");
        for row in stuck {
            i.restate
                .admin()
                .kill(row["id"].as_str().expect("id"))
                .await
                .expect("kill");
        }
        w.eventually_status(&orphan, "failed").await;
        assert_eq!(
            w.status(&approval).await,
            "awaiting_approval",
            "approval has no deadline"
        );
    });
}

async fn run_of(db: &mysql::Db, deployment_id: &str, invocation: &str, age: i64) {
    let now = mysql::now_ms();
    let sql = "INSERT INTO ctrl_worker_runs (deployment_id, invocation_id, claimed_at, deadline_at) VALUES (?, ?, ?, ?)";
    execute(
        db,
        sql,
        [
            deployment_id.into(),
            invocation.into(),
            (now - age).into(),
            (now + 60_000).into(),
        ],
    )
    .await;
}
