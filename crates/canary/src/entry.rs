//! The first entry of an invocation's journal, taken apart: a header that is expected to hold a secret must not hide the same
//! secret in another one, or in the payload, which stands there as numbers.
//!
//! Not for other entries: they are searched whole.

use serde_json::Value;

/// What the entry is made of, each part with its name: `header <name>`, `payload`. None: it is another entry.
pub(crate) fn input(entry: &str) -> Option<Vec<(String, String)>> {
    let entry: Value = serde_json::from_str(entry).ok()?;
    let input = entry.get("Command")?.get("Input")?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let headers = input["headers"].as_array()?.iter();
    let headers = headers.map(|h| (format!("header {}", text(&h["name"])), text(&h["value"])));
    let bytes = input["payload"].as_array()?.iter();
    let bytes: Vec<u8> = bytes
        .filter_map(|b| u8::try_from(b.as_u64()?).ok())
        .collect();
    let payload = String::from_utf8_lossy(&bytes).into_owned();
    Some(headers.chain([("payload".to_owned(), payload)]).collect())
}

#[cfg(test)]
mod tests {
    use super::input;

    #[test]
    fn headers_and_payload_are_parts_of_their_own() {
        let entry = r#"{"Command":{"Input":{"headers":[{"name":"authorization","value":"Bearer k"}],"payload":[123,125],"name":""}}}"#;
        let parts = [("header authorization", "Bearer k"), ("payload", "{}")];
        let parts = parts.map(|(name, text)| (name.to_owned(), text.to_owned()));
        assert_eq!(input(entry), Some(parts.to_vec()));
        assert_eq!(input(r#"{"Command":{"Output":{}}}"#), None);
        assert_eq!(input("hydra.v1.DeployService"), None);
    }
}
