//! Compares the codec with files written by protobuf's Python implementation over the same .proto files
//! (`tests/golden/generate.py`).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use messages::{ALL, Codec};
use serde_json::Value;
use std::collections::BTreeSet;

const MESSAGES: &str = include_str!("../golden/messages.json");
const ROWS: &str = include_str!("../golden/rows.json");

#[test]
fn api_21_every_row_of_the_codec_rules_agrees_with_an_independent_implementation() {
    testbed::scenario!("API-21");
    let _strict = crate::strict(true);
    let rows = entries(ROWS);
    let mut wrong = Vec::new();
    for row in &rows {
        let input = match row["input"].as_str() {
            Some(text) => text.as_bytes().to_vec(),
            None => binary(row, "input_base64"),
        };
        let result = (codec(row).canonical)(&input);
        let expected = row["accept"]
            .as_bool()
            .expect("verdict")
            .then(|| row["json"].clone());
        let given = result.as_ref().ok().map(|json| parsed(json));
        if given != expected {
            wrong.push(format!(
                "{}: {} gave {given:?}, not {expected:?}",
                row["rule"],
                String::from_utf8_lossy(&input)
            ));
        }
        if let Err(e) = result {
            assert!(
                e.to_string()
                    .starts_with("request could not be decoded into handler input type: "),
                "{e}"
            );
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
    // Every row of both tables of the contract, and both verdicts, are there.
    let rules: BTreeSet<_> = rows
        .iter()
        .map(|r| (r["section"].as_str(), r["rule"].as_str()))
        .collect();
    assert!(
        rules.len() >= 40 && rows.iter().filter(|r| r["accept"] == false).count() >= 80,
        "{} rules",
        rules.len()
    );
}

#[test]
fn api_21_every_message_reads_and_writes_what_an_independent_implementation_wrote() {
    testbed::scenario!("API-21");
    let _strict = crate::strict(true);
    let entries = entries(MESSAGES);
    for entry in &entries {
        let name = &entry["message"];
        let json = serde_json::to_vec(&entry["json"]).expect("JSON");
        assert_eq!(
            parsed(&(codec(entry).canonical)(&json).expect("decoded")),
            entry["json"],
            "{name} {}",
            entry["case"]
        );
        let from_binary = (codec(entry).from_binary)(&binary(entry, "binary")).expect("decoded");
        assert_eq!(
            parsed(&from_binary),
            entry["json"],
            "{name} {} from binary",
            entry["case"]
        );
    }
    let covered: BTreeSet<_> = entries
        .iter()
        .filter_map(|e| e["message"].as_str())
        .collect();
    assert_eq!(covered, ALL.iter().map(|c| c.name).collect());
}

#[test]
fn the_golden_file_knows_every_field() {
    let entries = entries(MESSAGES);
    for codec in ALL {
        let filled = entries.iter().filter(|e| e["message"] == codec.name);
        let known: BTreeSet<_> = filled
            .filter_map(|e| e["json"].as_object())
            .flatten()
            .map(|(name, _)| name.as_str())
            .collect();
        assert_eq!(
            known,
            codec.fields().collect(),
            "{}: run tests/golden/generate.py",
            codec.name
        );
    }
}

#[test]
fn api_22_int64_is_taken_as_number_and_as_string_and_written_as_string() {
    testbed::scenario!("API-22");
    for input in [r#"{"installationId":4711}"#, r#"{"installationId":"4711"}"#] {
        let entry = serde_json::json!({"message": "hydra.v1.HandlePushRequest"});
        let written = (codec(&entry).canonical)(input.as_bytes()).expect("decoded");
        assert_eq!(written, br#"{"installationId":"4711"}"#);
    }
}

#[test]
fn maps_are_written_in_the_order_of_their_keys() {
    let entry = serde_json::json!({"message": "ctrl.v1.SecretsConfig"});
    let written =
        (codec(&entry).canonical)(br#"{"secrets":{"b":"2","c":"3","a":"1"}}"#).expect("decoded");
    assert_eq!(written, br#"{"secrets":{"a":"1","b":"2","c":"3"}}"#);
}

fn entries(text: &str) -> Vec<Value> {
    let entries: Vec<Value> = serde_json::from_str(text).expect("golden file");
    assert!(!entries.is_empty());
    entries
}

fn codec(entry: &Value) -> &'static Codec {
    ALL.iter()
        .find(|c| entry["message"] == c.name)
        .unwrap_or_else(|| panic!("no message {}", entry["message"]))
}

fn binary(entry: &Value, member: &str) -> Vec<u8> {
    STANDARD
        .decode(entry[member].as_str().expect("base64"))
        .expect("base64")
}

fn parsed(json: &[u8]) -> Value {
    serde_json::from_slice(json).expect("JSON")
}
