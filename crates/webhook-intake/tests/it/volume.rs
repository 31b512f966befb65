//! Deliveries of any content: read or refused, never a panic; and not read at all unless they are signed.

use http::Method;
use proptest::prelude::*;
use serde_json::{Value, json};
use webhook_intake::{Delivery, Request, read};

use crate::signed::{SECRET, delivered, headers, sha};

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".{0,16}".prop_map(Value::from),
        "refs/heads/.{0,8}".prop_map(Value::from),
        "[0-9a-f]{38,42}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 30, 5, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            proptest::collection::btree_map(field(), inner, 0..8)
                .prop_map(|map| map.into_iter().collect::<Value>()),
        ]
    })
}

fn field() -> impl Strategy<Value = String> {
    let known = [
        "ref",
        "before",
        "after",
        "created",
        "deleted",
        "forced",
        "head_commit",
        "commits",
        "repository",
        "installation",
        "sender",
        "id",
        "full_name",
        "login",
        "message",
        "author",
        "added",
        "removed",
        "modified",
        "action",
        "number",
        "pull_request",
        "head",
        "base",
        "sha",
        "repo",
    ];
    prop_oneof![
        5 => proptest::sample::select(known.to_vec()).prop_map(str::to_owned),
        1 => "[a-z_]{0,8}",
    ]
}

fn push(reference: &str, message: &str, files: &[String]) -> Value {
    json!({
        "ref": reference, "before": sha('a'), "after": sha('b'), "created": false, "deleted": false, "forced": false,
        "head_commit": { "message": message, "timestamp": "2026-11-26T10:00:00Z", "author": { "name": "A", "username": "a" },
                         "added": files, "removed": [], "modified": [] },
        "commits": [{ "message": message, "added": files }],
        "repository": { "id": 7, "full_name": "acme/shop", "default_branch": "main" },
        "installation": { "id": 42 },
        "sender": { "login": "octocat", "avatar_url": "https://a.test/1" },
    })
}

/// Replaces the value at a drawn place.
fn spoil(value: &mut Value, mut place: usize, with: &Value) -> bool {
    match value {
        Value::Object(map) => {
            let members = map.len();
            if place < members {
                if let Some(member) = map.values_mut().nth(place) {
                    *member = with.clone();
                }
                return true;
            }
            place -= members;
            map.values_mut().any(|inner| spoil(inner, place, with))
        }
        Value::Array(items) => items.iter_mut().any(|inner| spoil(inner, place, with)),
        _ => false,
    }
}

proptest! {
    #[test]
    fn any_json_that_is_signed_is_read_or_refused(body in any_json(), event in proptest::sample::select(vec!["push", "pull_request", "ping"])) {
        if let Err(refusal) = delivered(event, &body) {
            prop_assert!((400..500).contains(&refusal.status), "{:?}", refusal);
            prop_assert!(refusal.text.len() < 1_000, "{}", refusal.text);
        }
    }

    #[test]
    fn a_push_with_one_part_spoilt_is_read_or_refused(place in 0..40usize, with in any_json()) {
        let mut body = push("refs/heads/main", "words", &["a.rs".to_owned()]);
        spoil(&mut body, place, &with);
        if let Err(refusal) = delivered("push", &body) {
            prop_assert!((400..500).contains(&refusal.status), "{:?}", refusal);
        }
    }

    #[test]
    fn a_push_says_what_was_pushed(branch in "[a-zA-Z0-9][a-zA-Z0-9._/-]{0,60}[a-z0-9]", message in ".{0,80}", files in proptest::collection::vec("[a-z/]{1,20}\\.rs", 0..8)) {
        let body = push(&format!("refs/heads/{branch}"), &message, &files);
        if let Ok(Delivery::Message(message)) = delivered("push", &body) {
            prop_assert_eq!(message.key, "42:7");
            match message.request {
                Request::Push(push) => prop_assert_eq!(push.branch, branch),
                Request::Close(close) => prop_assert!(false, "no push: {:?}", close),
            }
        }
    }

    #[test]
    fn bytes_that_are_not_signed_are_not_read(body in proptest::collection::vec(any::<u8>(), 0..100), other in proptest::collection::vec(any::<u8>(), 0..100)) {
        prop_assume!(body != other);
        let headers = headers("push", &other);
        let refusal = read(&Method::POST, &headers, &body, SECRET).expect_err("another body was signed");
        prop_assert_eq!(refusal.status, 401);
    }

    #[test]
    fn signed_bytes_never_panic(body in proptest::collection::vec(any::<u8>(), 0..200)) {
        let headers = headers("push", &body);
        let _either = read(&Method::POST, &headers, &body, SECRET);
    }
}
