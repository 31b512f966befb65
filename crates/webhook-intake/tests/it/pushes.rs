//! Event `push`.

use serde_json::{Value, json};

use crate::signed::*;

#[test]
fn a_push_is_read_whole() {
    let message = message("push", &push());
    assert_eq!(message.key, "101:202");
    assert_eq!(message.idempotency_key.as_deref(), Some(ID));
    assert_eq!(message.request.handler(), "HandlePush");
    assert_eq!(
        serde_json::to_value(&message.request).expect("JSON"),
        json!({
            "installationId": "101", "repositoryId": "202", "repositoryFullName": "acme/shop", "branch": "main",
            "after": sha('c'), "before": sha('a'), "commitMessage": "Fix the cart", "commitAuthorHandle": "octo",
            "commitAuthorAvatarUrl": "https://github.com/octo.png", "commitTimestamp": "1767319445000",
            "deliveryId": ID, "changedFiles": ["new.rs", "old.rs", "src/cart.rs"], "senderLogin": "mo",
        })
    );
}

#[test]
fn api_12_a_new_branch_is_sent_on_and_a_deleted_one_is_nothing() {
    testbed::scenario!("API-12");
    let mut new = push();
    (new["created"], new["before"]) = (true.into(), sha('0').into());
    new["ref"] = "refs/heads/feat/a b".replace(' ', "-").into();
    let request = message("push", &new).push();
    assert_eq!(
        (request.branch.as_str(), request.before.as_str()),
        ("feat/a-b", "")
    );
    assert!(
        request.changed_files_incomplete,
        "its commits may be another branch's"
    );
    let mut gone = push();
    (gone["deleted"], gone["after"]) = (true.into(), sha('0').into());
    (gone["head_commit"], gone["commits"]) = (Value::Null, json!([]));
    nothing("push", &gone);
    for other in ["refs/tags/v1", "refs/notes/x", "main"] {
        let mut push = push();
        push["ref"] = other.into();
        nothing("push", &push);
    }
}

#[test]
fn a_list_of_files_is_believed_only_where_it_can_be_whole() {
    let incomplete = |push: &Value| message("push", push).push().changed_files_incomplete;
    assert!(!incomplete(&push()));
    let with = |change: &dyn Fn(&mut Value)| {
        let mut push = push();
        change(&mut push);
        push
    };
    assert!(incomplete(&with(&|p| p["forced"] = true.into())));
    assert!(incomplete(&with(&|p| p["commits"] = json!([]))));
    let commit = push()["commits"][0].clone();
    assert!(incomplete(&with(
        &|p| p["commits"] = vec![commit.clone(); 20].into()
    )));
    let many: Vec<String> = (0..3_001).map(|n| format!("f{n}")).collect();
    let long = with(&|p| p["commits"][0]["added"] = many.clone().into());
    let request = message("push", &long).push();
    assert!(request.changed_files_incomplete);
    assert_eq!(request.changed_files.len(), 3_000);
}

#[test]
fn what_a_commit_does_not_say_is_left_out() {
    let mut bare = push();
    bare["head_commit"] = json!({ "timestamp": "yesterday", "author": { "name": "Octo Cat" } });
    bare.as_object_mut().map(|push| push.remove("sender"));
    let request = message("push", &bare).push();
    assert_eq!(
        (request.commit_timestamp, request.commit_message.as_str()),
        (0, "")
    );
    assert_eq!(request.commit_author_handle, "Octo Cat");
    assert_eq!(request.commit_author_avatar_url, "", "no login, no picture");
    let mut login = push();
    login["head_commit"]["author"]["username"] = "a/../b?x".into();
    let request = message("push", &login).push();
    assert_eq!(request.commit_author_avatar_url, "");
}
