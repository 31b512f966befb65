//! The number was drawn and the answer lost: the worker is cut off from Restate after its commit.

use crate::world::*;
use serde_json::json;
use std::time::Duration;
use testbed::{Proxy, Restate, RestateOptions};
use versioning_client::SERVICE;

#[test]
fn ver_7_a_retried_invocation_counts_once() {
    testbed::scenario!("VER-7");
    testbed::run(async {
        let _alone = alone().await;
        let db = testbed::db().await;
        let restate = Restate::start(RestateOptions::default())
            .await
            .expect("Restate");
        let served = testbed::listen(endpoint(db.clone())).await.expect("listen");
        let wire = Proxy::start(served.addr).await.expect("proxy");
        restate
            .admin()
            .register(&format!("http://{}", wire.addr()), true)
            .await
            .expect("register");
        let region = region();
        let draw = || async {
            version(
                &restate
                    .ingress()
                    .call(SERVICE, &*region, "NextVersion", &json!({}))
                    .await
                    .expect("NextVersion"),
            )
        };
        assert_eq!(draw().await, 1);

        let connections = wire.accepted();

        // The worker holds the request and waits for the row; the wire freezes, the row is let go.
        let blocker = db.begin().await.expect("begin");
        execute(
            &blocker,
            "UPDATE ctrl_worker_region_counters SET v = v WHERE region_id = ?",
            [region.as_str().into()],
        )
        .await;
        let call = draw();
        let lose_the_answer = async {
            waits_for_a_lock(&db, "%ctrl_worker_region_counters%").await;
            wire.freeze();
            blocker.rollback().await.expect("rollback");
            testbed::eventually(Duration::from_secs(5), || async {
                counter(&db, &region).await == Some(2)
            })
            .await;
            wire.drop_connections();
            wire.heal();
        };
        let (number, ()) = tokio::join!(call, lose_the_answer);
        assert_eq!(number, 2);
        assert_eq!(
            counter(&db, &region).await,
            Some(2),
            "the repeated step knew its nonce"
        );
        assert!(wire.accepted() > connections, "Restate had to call again");
        assert_eq!(draw().await, 3);
    });
}
