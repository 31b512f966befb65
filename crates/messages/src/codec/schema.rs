//! The JSON schema of a message, which Restate shows to people and does not enforce. It describes the form this
//! worker writes; what it reads is wider.

use super::table::{Kind, Message, Shape};
use serde_json::{Map, Value, json};

/// A message that holds itself is described this deep.
const DEPTH: usize = 4;

/// The schema of a message with all messages inside it.
pub(super) fn schema(message: &Message) -> Value {
    object(message, DEPTH)
}

fn object(message: &Message, depth: usize) -> Value {
    if depth == 0 {
        return json!({"type": "object"});
    }
    let properties: Map<String, Value> = message
        .fields
        .iter()
        .map(|field| {
            let value = match field.shape {
                Shape::One(kind) => value(kind, depth),
                Shape::List(kind) => json!({"type": "array", "items": value(kind, depth)}),
                Shape::Map(_, kind) => {
                    json!({"type": "object", "additionalProperties": value(kind, depth)})
                }
            };
            (field.json_name.to_owned(), value)
        })
        .collect();
    json!({"title": message.name, "type": "object", "properties": properties})
}

fn value(kind: Kind, depth: usize) -> Value {
    match kind {
        Kind::Bool => json!({"type": "boolean"}),
        Kind::Int32 => json!({"type": "integer", "format": "int32"}),
        Kind::Uint32 => json!({"type": "integer", "format": "uint32", "minimum": 0}),
        Kind::Int64 => json!({"type": "string", "format": "int64", "pattern": "^-?[0-9]+$"}),
        Kind::Uint64 => json!({"type": "string", "format": "uint64", "pattern": "^[0-9]+$"}),
        Kind::Float | Kind::Double => json!({"type": "number"}),
        Kind::String => json!({"type": "string"}),
        Kind::Bytes => json!({"type": "string", "contentEncoding": "base64"}),
        Kind::Enum(names) => json!({"type": "string", "enum": names}),
        Kind::Message(message) => object(message, depth - 1),
    }
}

#[cfg(test)]
mod tests {
    use restate_sdk::serde::PayloadMetadata as _;
    use serde_json::{Value, json};

    #[test]
    fn a_payload_describes_its_fields_as_they_are_written() {
        let schema = crate::hydra::v1::DeployRequest::json_schema().expect("schema");
        assert_eq!(schema["title"], "hydra.v1.DeployRequest");
        let fields = &schema["properties"];
        assert_eq!(fields["deploymentId"], json!({"type": "string"}));
        assert_eq!(
            fields["command"],
            json!({"type": "array", "items": {"type": "string"}})
        );
        assert_eq!(
            fields["git"]["properties"]["installationId"]["format"],
            "int64"
        );
        let change = crate::hydra::v1::ChangeDesiredStateRequest::json_schema().expect("schema");
        assert_eq!(
            change["properties"]["state"]["enum"][2],
            "DEPLOYMENT_DESIRED_STATE_STANDBY"
        );
    }

    #[test]
    fn a_message_that_holds_itself_is_described_to_a_depth() {
        let schema = super::schema(&super::super::CONFORMANCE_INNER);
        let mut inner: &Value = &schema;
        for _ in 0..super::DEPTH {
            inner = &inner["properties"]["deeper"];
        }
        assert_eq!(inner, &json!({"type": "object"}));
    }
}
