//! Payloads that are refused for their size or depth, and what an error tells.

use messages::hydra::v1::{DeployRequest, HandlePushRequest};
use messages::{Json, MAX_BYTES, MAX_DEPTH, conformance::Sample};

#[test]
fn nesting_ends_at_the_limit() {
    let nested = |depth: usize| {
        format!(
            r#"{{"inner":{}{}{}}}"#,
            r#"{"deeper":"#.repeat(depth - 2),
            "{}",
            "}".repeat(depth - 2)
        )
    };
    Sample::from_json(nested(MAX_DEPTH).as_bytes()).expect("at the limit");
    let error = Sample::from_json(nested(MAX_DEPTH + 1).as_bytes()).expect_err("above the limit");
    assert!(error.to_string().contains("nested too deep"), "{error}");
}

#[test]
fn unknown_fields_cannot_exhaust_the_stack() {
    let bomb = format!(
        r#"{{"nope":{}{}}}"#,
        "[".repeat(200_000),
        "]".repeat(200_000)
    );
    let _tolerant = crate::strict(false);
    Sample::from_json(bomb.as_bytes()).expect("skipped");
}

#[test]
fn a_payload_longer_than_the_limit_is_refused_before_it_is_read() {
    let error = DeployRequest::from_json(&vec![b' '; MAX_BYTES + 1]).expect_err("too long");
    assert!(error.to_string().contains("longer than"), "{error}");
}

#[test]
fn a_push_with_a_hundred_thousand_files_is_taken() {
    let push = HandlePushRequest {
        changed_files: (0..100_000).map(|n| format!("src/file_{n}.rs")).collect(),
        ..Default::default()
    };
    assert_eq!(
        HandlePushRequest::from_json(&push.to_json().expect("written")).expect("read"),
        push
    );
}

#[test]
fn an_error_names_the_field_and_never_the_value() {
    for (input, field) in [
        (
            r#"{"deploymentId":"hunter2","deployment_id":"hunter2"}"#,
            "hydra.v1.DeployRequest.deploymentId",
        ),
        (
            r#"{"deploymentId":{"a":"hunter2"}}"#,
            "hydra.v1.DeployRequest.deploymentId",
        ),
        (r#"{"git":"hunter2"}"#, "hydra.v1.DeployRequest.git"),
        (
            r#"{"git":{"installationId":"hunter2"}}"#,
            "hydra.v1.GitSource.installationId",
        ),
        (r#"{"command":"hunter2"}"#, "hydra.v1.DeployRequest.command"),
    ] {
        let error = format!(
            "{:?}",
            DeployRequest::from_json(input.as_bytes()).expect_err("refused")
        );
        assert!(
            error.contains(field) && !error.contains("hunter2"),
            "{error}"
        );
    }
    for input in [
        r#"{"colour":"hunter2"}"#,
        r#"{"raw":"hunter*2"}"#,
        r#"{"real":"hunter2"}"#,
    ] {
        let error = Sample::from_json(input.as_bytes())
            .expect_err("refused")
            .to_string();
        assert!(!error.contains("hunter"), "{error}");
    }
}
