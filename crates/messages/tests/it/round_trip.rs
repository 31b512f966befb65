//! decode(encode(m)) = m, and the same bytes each time, for messages with any content.

use messages::Json;
use messages::conformance::{Colour, Inner, Sample, sample};
use messages::hydra::v1::{
    DeployRequest, DockerImage, GitSource, ScheduleDesiredStateChangeRequest, deploy_request,
};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use std::fmt::Debug;

fn keeps<M: Json + PartialEq + Debug>(message: &M) -> Result<(), TestCaseError> {
    let json = message.to_json().expect("written");
    let read = M::from_json(&json).map_err(|e| TestCaseError::fail(e.to_string()))?;
    prop_assert_eq!(&read, message);
    prop_assert_eq!(read.to_json().expect("written"), json);
    Ok(())
}

fn source() -> impl Strategy<Value = Option<deploy_request::Source>> {
    let git = (any::<i64>(), any::<String>(), any::<i64>()).prop_map(
        |(installation_id, repository, pr_number)| {
            deploy_request::Source::Git(GitSource {
                installation_id,
                repository,
                pr_number,
                ..Default::default()
            })
        },
    );
    let image = any::<String>()
        .prop_map(|image| deploy_request::Source::DockerImage(DockerImage { image }));
    proptest::option::of(prop_oneof![git, image])
}

fn choice() -> impl Strategy<Value = Option<sample::Choice>> {
    proptest::option::of(prop_oneof![
        any::<String>().prop_map(|value| sample::Choice::First(Inner {
            value,
            ..Default::default()
        })),
        any::<String>().prop_map(sample::Choice::Second),
        any::<i64>().prop_map(sample::Choice::Third),
    ])
}

proptest! {
    #[test]
    fn deploy_requests_survive(deployment_id: String, key_auth_id: Option<String>, command: Vec<String>, source in source()) {
        keeps(&DeployRequest { deployment_id, key_auth_id, command, source })?;
    }

    #[test]
    fn schedules_survive_with_states_nobody_knows(delay_millis: i64, state: i32) {
        keeps(&ScheduleDesiredStateChangeRequest { delay_millis, state: state.into() })?;
    }

    #[test]
    fn every_kind_of_field_survives(
        numbers in any::<(i32, i64, u32, u64, bool)>(),
        raw in vec(any::<u8>(), 0..50),
        optional in any::<(Option<String>, Option<i64>, Option<bool>)>(),
        larges in vec(any::<i64>(), 0..5),
        colours in vec(any::<i32>(), 0..5),
        names in btree_map(any::<String>(), any::<String>(), 0..5),
        large_by_number in btree_map(any::<i32>(), any::<i64>(), 0..5),
        text_by_flag in btree_map(any::<bool>(), any::<String>(), 0..3),
        choice in choice(),
    ) {
        keeps(&Sample {
            small: numbers.0, large: numbers.1, small_unsigned: numbers.2, large_unsigned: numbers.3, flag: numbers.4,
            raw, maybe_text: optional.0, maybe_large: optional.1, maybe_flag: optional.2,
            larges, colours: colours.into_iter().map(Into::into).collect(), colour: Colour::Red.into(),
            names, large_by_number, text_by_flag, choice,
            ..Default::default()
        })?;
    }

    #[test]
    fn no_input_panics(input: Vec<u8>, text: String) {
        let _ = Sample::from_json(&input);
        let _ = Sample::from_json(text.as_bytes());
        let _ = Sample::from_json(format!(r#"{{"{text}":1,"large":{text}}}"#).as_bytes());
    }
}
