//! What the codec refuses.

use crate::world::*;
use serde_json::json;

#[test]
fn an_unknown_field_is_refused_when_strict() {
    testbed::run(async {
        let world = World::new().await;
        messages::set_strict(true);
        for handler in [
            "AssignFrontlineRoutes",
            "SwapLiveDeployment",
            "UpsertRoutes",
            "FinishDeployment",
            "WithdrawRoutes",
        ] {
            let refused = world
                .call(handler, json!({"deploymentId": world.d2, "foo": 1}))
                .await
                .expect_err("refused");
            assert_eq!(refused.status(), Some(400), "{handler}: {refused}");
        }
        assert_eq!(world.picture().await, UNTOUCHED);
    });
}
