//! What is not taken, and with which answer.

use http::{HeaderValue, Method};
use proptest::prelude::*;
use serde_json::{Value, json};
use webhook_intake::{Delivery, LIMIT, read};

use crate::signed::*;

#[test]
fn api_11_unsigned_nameless_and_other_deliveries() {
    testbed::scenario!("API-11");
    let body = push().to_string();
    let body = body.as_bytes();
    let good = headers("push", body);
    let status = |method: Method, headers: &http::HeaderMap, body: &[u8], secret: &[u8]| {
        let refused = read(&method, headers, body, secret).expect_err("refused");
        assert!(!refused.text.is_empty());
        refused.status
    };
    assert!(read(&Method::POST, &good, body, SECRET).is_ok());
    assert_eq!(status(Method::GET, &good, body, SECRET), 405);
    let mut nameless = good.clone();
    nameless.remove("x-github-event");
    assert_eq!(status(Method::POST, &nameless, body, SECRET), 400);
    let mut unsigned = good.clone();
    unsigned.remove("x-hub-signature-256");
    assert_eq!(status(Method::POST, &unsigned, body, SECRET), 401);
    let mut wrong = good.clone();
    wrong.insert("x-hub-signature-256", HeaderValue::from_static("sha256=00"));
    assert_eq!(status(Method::POST, &wrong, body, SECRET), 401);
    assert_eq!(status(Method::POST, &good, body, b"another"), 401);
    assert_eq!(
        status(Method::POST, &good, b"{}", SECRET),
        401,
        "another body"
    );
    assert_eq!(
        status(Method::POST, &good, body, b""),
        503,
        "anybody could sign"
    );
    let long = vec![b' '; LIMIT + 1];
    assert_eq!(
        status(Method::POST, &headers("push", &long), &long, SECRET),
        400
    );
    for event in ["ping", "installation", "push_x", "check_run"] {
        nothing(event, &json!({ "zen": "Keep it logically awesome." }));
    }
    // before it is signed nothing is said of what it holds
    assert_eq!(status(Method::POST, &good, b"no JSON", SECRET), 401);
    let mut odd = good.clone();
    odd.insert("x-github-delivery", HeaderValue::from_static("a/b c"));
    assert_eq!(status(Method::POST, &odd, body, SECRET), 400);
    let mut anonymous = good;
    anonymous.remove("x-github-delivery");
    match read(&Method::POST, &anonymous, body, SECRET) {
        Ok(Delivery::Message(message)) => assert_eq!(message.idempotency_key, None),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_payload_that_is_none_is_refused_with_a_clear_text() {
    let refused = |event: &str, body: &Value| {
        let refused = delivered(event, body).expect_err("refused");
        assert_eq!(refused.status, 400, "{body}");
        refused.text
    };
    let with = |at: &str, value: Value| {
        let mut push = push();
        *push.pointer_mut(at).expect("a member") = value;
        push
    };
    for (body, says) in [
        (json!({}), "not what GitHub sends"),
        (json!([]), "not what GitHub sends"),
        (with("/installation", Value::Null), "names no installation"),
        (with("/installation/id", json!(0)), "names no installation"),
        (with("/repository/id", json!(-1)), "no number"),
        (
            with("/repository/full_name", json!("acme/..")),
            "owner/name",
        ),
        (with("/ref", json!("refs/heads/--upload-pack=x")), "branch"),
        (with("/ref", json!("refs/heads/")), "branch"),
        (with("/ref", json!("refs/heads/a\nb")), "branch"),
        (
            with("/ref", json!(format!("refs/heads/{}", "x".repeat(257)))),
            "branch",
        ),
        (with("/after", json!("main")), "hexadecimal"),
        (with("/after", json!("")), "hexadecimal"),
    ] {
        let text = refused("push", &body);
        assert!(text.contains(says), "{text}");
    }
    let mut fork = pull("opened");
    fork["pull_request"]["head"]["repo"]["full_name"] = "octo".into();
    assert!(refused("pull_request", &fork).contains("owner/name"));
    fork = pull("closed");
    fork["pull_request"]["number"] = 0.into();
    assert!(refused("pull_request", &fork).contains("no number"));
    for (body, says) in [
        (&b"payload=%7B%7D"[..], "application/json"),
        (b"{\"secret\": ", "no JSON"),
        (b"", "no JSON"),
        (b"\xff\xfe", "no JSON"),
    ] {
        let answer = read(&Method::POST, &headers("push", body), body, SECRET);
        let refused = answer.expect_err("refused");
        assert_eq!(refused.status, 400);
        assert!(
            refused.text.contains(says) && !refused.text.contains("secret"),
            "{refused}"
        );
    }
}

proptest! {
    #[test]
    fn no_body_is_too_odd(body in proptest::collection::vec(any::<u8>(), 0..300), event in 0_usize..3) {
        let event = ["push", "pull_request", "ping"][event];
        let _ = read(&Method::POST, &headers(event, &body), &body, SECRET);
    }

    #[test]
    fn no_name_gets_through_that_git_could_take_for_an_option(name in "\\PC{0,40}") {
        let mut odd = push();
        odd["ref"] = format!("refs/heads/{name}").into();
        odd["repository"]["full_name"] = format!("acme/{name}").into();
        if let Ok(Delivery::Message(message)) = delivered("push", &odd) {
            let request = message.push();
            prop_assert!(!request.branch.starts_with('-') && !request.branch.is_empty());
            prop_assert!(!request.repository_full_name.contains("/-"));
        }
    }
}
