//! Event `pull_request`.

use serde_json::{Value, json};

use crate::signed::*;

#[test]
fn api_13_a_fork_is_sent_under_its_bases_key_and_an_own_branch_is_nothing() {
    testbed::scenario!("API-13");
    for action in ["opened", "synchronize"] {
        let message = message("pull_request", &pull(action));
        assert_eq!(message.key, "101:202");
        assert_eq!(message.request.handler(), "HandlePush");
        assert_eq!(
            serde_json::to_value(&message.request).expect("JSON"),
            json!({
                "installationId": "101", "repositoryId": "202", "repositoryFullName": "acme/shop", "branch": "fix",
                "after": sha('b'), "before": sha('a'), "commitMessage": "Fix the cart", "commitAuthorHandle": "octo",
                "commitAuthorAvatarUrl": "https://example.test/octo.png", "commitTimestamp": "1767323045000",
                "deliveryId": ID, "senderLogin": "octo", "isForkPr": true, "prNumber": "7",
                "forkRepositoryFullName": "octo/shop", "changedFilesIncomplete": true,
            })
        );
        let mut own = pull(action);
        own["pull_request"]["head"]["repo"] = json!({ "id": 202, "full_name": "acme/shop" });
        nothing("pull_request", &own);
        let mut gone = pull(action);
        gone["pull_request"]["head"]["repo"] = Value::Null;
        nothing("pull_request", &gone);
    }
    for action in ["edited", "labeled", "reopened", "review_requested"] {
        nothing("pull_request", &pull(action));
    }
}

#[test]
fn a_closed_pull_request_is_sent_on_whoever_it_is_of() {
    let closed = message("pull_request", &pull("closed"));
    assert_eq!(
        (closed.key.as_str(), closed.request.handler()),
        ("101:202", "ClosePullRequest")
    );
    assert_eq!(
        serde_json::to_value(&closed.request).expect("JSON"),
        json!({
            "installationId": "101", "repositoryId": "202", "repositoryFullName": "acme/shop", "prNumber": "7",
            "branch": "fix", "isFork": true, "deliveryId": ID,
        })
    );
    let mut own = pull("closed");
    own["pull_request"]["head"]["repo"] = json!({ "id": 202, "full_name": "acme/shop" });
    assert!(!message("pull_request", &own).close().is_fork);
    // the fork is deleted, its pull request closes with it
    own["pull_request"]["head"]["repo"] = Value::Null;
    assert!(message("pull_request", &own).close().is_fork);
}
