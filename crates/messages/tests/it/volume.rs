//! Payloads of any depth, size and spelling: taken or refused by the rules, whatever stands in them.

use messages::conformance::Sample;
use messages::hydra::v1::DeployRequest;
use messages::{Json, MAX_BYTES, MAX_DEPTH};
use proptest::prelude::*;
use serde_json::{Value, json};

/// Any JSON.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 40, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            proptest::collection::btree_map(name(), inner, 0..6)
                .prop_map(|map| map.into_iter().collect::<Value>()),
        ]
    })
}

/// A name of a field, in either spelling, or of none.
fn name() -> impl Strategy<Value = String> {
    let known = [
        "deploymentId",
        "deployment_id",
        "git",
        "dockerImage",
        "docker_image",
        "command",
        "image",
        "inner",
        "large",
        "names",
        "colour",
        "raw",
        "first",
        "second",
        "repository",
        "installationId",
    ];
    prop_oneof![
        3 => proptest::sample::select(known.to_vec()).prop_map(str::to_owned),
        1 => "[a-zA-Z_]{0,10}",
    ]
}

proptest! {
    #[test]
    fn any_json_is_read_or_refused_and_what_is_read_is_written_alike(value in value()) {
        let text = value.to_string();
        if let Ok(read) = DeployRequest::from_json(text.as_bytes()) {
            let written = read.to_json().expect("written");
            let again = DeployRequest::from_json(&written).expect("what was written is read");
            prop_assert_eq!(again, read);
        }
        let _either = Sample::from_json(text.as_bytes());
    }

    #[test]
    fn a_field_that_stands_there_twice_is_refused(
        fields in proptest::sample::subsequence(vec![
            ("deploymentId", "deployment_id", json!("d_1")),
            ("keyAuthId", "key_auth_id", json!("ks_1")),
            ("dockerImage", "docker_image", json!({ "image": "nginx" })),
            ("command", "command", json!(["a"])),
        ], 1..=4),
        which in any::<prop::sample::Index>(),
        spellings in any::<(bool, bool)>(),
        at in any::<prop::sample::Index>(),
    ) {
        let spelt = |(camel, snake, _): &(&'static str, &'static str, Value), one: bool| if one { *camel } else { *snake };
        let mut members: Vec<String> = fields.iter().map(|f| format!("\"{}\":{}", spelt(f, spellings.0), f.2)).collect();
        let once = format!("{{{}}}", members.join(","));
        prop_assert!(DeployRequest::from_json(once.as_bytes()).is_ok(), "{}", once);
        let field = which.get(&fields);
        members.insert(at.index(members.len() + 1), format!("\"{}\":{}", spelt(field, spellings.1), field.2));
        let twice = format!("{{{}}}", members.join(","));
        prop_assert!(DeployRequest::from_json(twice.as_bytes()).is_err(), "{}", twice);
    }

    #[test]
    fn messages_nest_as_deep_as_the_limit_says(depth in 2..3 * MAX_DEPTH) {
        let open = r#"{"deeper":"#.repeat(depth - 2);
        let text = format!(r#"{{"inner":{open}{{}}{}}}"#, "}".repeat(depth - 2));
        prop_assert_eq!(Sample::from_json(text.as_bytes()).is_ok(), depth <= MAX_DEPTH);
    }

    #[test]
    fn what_nobody_knows_may_nest_without_a_limit(depth in 0..2_000usize, list: bool) {
        let (open, close) = if list { ("[", "]") } else { (r#"{"a":"#, "}") };
        let text = format!(r#"{{"nope":{}0{}}}"#, open.repeat(depth), close.repeat(depth));
        let _tolerant = crate::strict(false);
        prop_assert!(Sample::from_json(text.as_bytes()).is_ok());
    }

    #[test]
    fn no_bytes_panic_and_no_error_is_long(mut bytes in proptest::collection::vec(any::<u8>(), 0..200), value in value(), at in any::<prop::sample::Index>()) {
        let mut text = value.to_string().into_bytes();
        text.splice(at.index(text.len() + 1).., bytes.drain(..));
        if let Err(error) = DeployRequest::from_json(&text) {
            prop_assert!(error.to_string().len() < 500, "{}", error);
        }
    }
}

#[test]
fn the_limit_of_the_size_is_exact() {
    let padded = |length: usize| {
        let mut text = br#"{"deploymentId":"d_1"}"#.to_vec();
        text.resize(length, b' ');
        text
    };
    assert!(DeployRequest::from_json(&padded(MAX_BYTES)).is_ok());
    assert!(DeployRequest::from_json(&padded(MAX_BYTES + 1)).is_err());
}
