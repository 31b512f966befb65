//! Requests that name no one.

use crate::world::*;
use serde_json::json;

#[test]
fn a_request_without_holder_or_address_is_refused_and_changes_nothing() {
    testbed::run(async {
        served().await;
        let workspace = workspace();
        let whole =
            json!({ "deploymentId": "d_1", "awakeableId": "prom_1", "invocationId": "inv_1" });
        for field in ["deploymentId", "awakeableId", "invocationId"] {
            let mut body = whole.clone();
            body.as_object_mut().expect("an object").remove(field);
            let refused = ask(&workspace, true, body).await.expect_err(field);
            assert_eq!(refused.status(), Some(400), "{field}");
            assert!(refused.message().is_some_and(|m| m.contains("CW0001")));
        }
        let refused = ask(&workspace, false, json!({})).await.expect_err("empty");
        assert_eq!(refused.status(), Some(400));
        assert_eq!(state(&workspace).await, None);
        testbed::assert_quiet(&[&workspace]).await;
    });
}
