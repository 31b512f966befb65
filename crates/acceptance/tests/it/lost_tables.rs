//! Our own tables can be lost without harm: what they held is rebuilt from the rows they describe.

use crate::world::{Isolated, execute, number};
use edge_sim::Behaviour;
use intent::NewDeployment;
use std::time::Duration;

#[test]
fn runs_and_waits_lost_while_a_deployment_waits_cost_it_time_and_nothing_else() {
    testbed::run(async {
        let database = testbed::migrated_database("losttables").await;
        let db = mysql::Db::connect(&mysql::Options::new(database.dsn.clone()))
            .await
            .expect("connect");
        let i = Isolated::new(db).await;
        let w = i.world(2).await;
        let live = w.deploy_production().await;
        (0..2).for_each(|r| w.behave(r, Behaviour::never_ready()));
        let id = w.create(&NewDeployment::production(&w.app.app_id)).await;
        w.send(&id, "nginx:1").await;
        let waits = "SELECT COUNT(*) AS n FROM ctrl_worker_waits WHERE deployment_id = ?";
        testbed::eventually(Duration::from_secs(5), || async {
            number(&w.bound.db, waits, [id.as_str().into()]).await == 1
        })
        .await;
        for table in [
            "ctrl_worker_waits",
            "ctrl_worker_runs",
            "ctrl_worker_locks",
            "ctrl_worker_region_counters",
            "ctrl_worker_swaps",
        ] {
            execute(&w.bound.db, &format!("DROP TABLE {table}"), []).await;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
        testbed::migrate(&database).await;
        (0..2).for_each(|r| w.behave(r, Behaviour::ready_after(Duration::ZERO)));
        // Nobody knows whom to wake any more: it goes on at its deadline, with a last look.
        w.eventually_status(&id, "ready").await;
        assert_eq!(w.pointer().await, (Some(id.clone()), false));
        assert_eq!(w.topology(&id).await.len(), 2);
        // And the next one is placed above everything before, so that the edge sees it.
        let next = w.deploy_production().await;
        for (before, after) in w.topology(&id).await.iter().zip(w.topology(&next).await) {
            assert!(after.2 > before.2);
        }
        assert_ne!(live, next);
    });
}
