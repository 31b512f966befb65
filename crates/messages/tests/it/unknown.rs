//! Fields a message does not have: counted and ignored, or refused in strict mode.

use messages::Json;
use messages::hydra::v1::{DeployRequest, NextVersionRequest};
use metrics_exporter_prometheus::PrometheusBuilder;

#[test]
fn unknown_fields_are_counted_per_message_and_ignored() {
    let _tolerant = crate::strict(false);
    let recorder = PrometheusBuilder::new().build_recorder();
    let request = metrics::with_local_recorder(&recorder, || {
        DeployRequest::from_json(
            br#"{"deploymentId":"d_1","later":{"a":[1]},"more":1,"git":{"buildCommand":"make"}}"#,
        )
    })
    .expect("tolerated");
    assert_eq!(request.deployment_id, "d_1");
    let text = recorder.handle().render();
    assert!(
        text.contains(r#"unknown_fields_total{message="hydra.v1.DeployRequest"} 2"#),
        "{text}"
    );
    assert!(
        text.contains(r#"unknown_fields_total{message="hydra.v1.GitSource"} 1"#),
        "{text}"
    );
}

#[test]
fn strict_mode_refuses_unknown_fields() {
    let _strict = crate::strict(true);
    let error = NextVersionRequest::from_json(br#"{"foo":1}"#).expect_err("strict");
    assert!(error.to_string().contains("unknown field"), "{error}");
}

#[test]
fn an_unknown_field_given_twice_is_refused_even_when_tolerant() {
    let _tolerant = crate::strict(false);
    assert!(NextVersionRequest::from_json(br#"{"foo":1,"foo":1}"#).is_err());
}
