//! The documents of the YAML files below `deploy/`.
//!
//! A key that is given twice is an error: Kubernetes would take one of the two. Not for what they say.

use serde_json::Value;

/// One document and where it is.
#[derive(Debug, Clone)]
pub(crate) struct Document {
    /// File below the folder, and what it is: `kubernetes/worker.yaml: ConfigMap worker`.
    pub(crate) place: String,
    pub(crate) value: Value,
}

impl Document {
    /// Of a text, for tests too.
    pub(crate) fn all(file: &str, text: &str) -> Result<Vec<Self>, String> {
        let mut found = Vec::new();
        for part in serde_norway::Deserializer::from_str(text) {
            let value: serde_norway::Value =
                serde::Deserialize::deserialize(part).map_err(|e| format!("{file}: {e}"))?;
            if value.is_null() {
                continue;
            }
            let value = serde_json::to_value(value).map_err(|e| format!("{file}: {e}"))?;
            let name = text_at(&value, "/metadata/name");
            let place = match text_at(&value, "/kind") {
                "" => file.to_owned(),
                kind => format!("{file}: {kind} {name}"),
            };
            found.push(Self { place, value });
        }
        Ok(found)
    }

    /// A text at a JSON pointer, empty where there is none.
    pub(crate) fn text(&self, pointer: &str) -> &str {
        text_at(&self.value, pointer)
    }

    /// What kind of thing it is.
    pub(crate) fn kind(&self) -> &str {
        self.text("/kind")
    }
}

/// A text at a JSON pointer, empty where there is none.
pub(crate) fn text_at<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

/// A list at a JSON pointer, empty where there is none.
pub(crate) fn list_at<'a>(value: &'a Value, pointer: &str) -> &'a [Value] {
    value
        .pointer(pointer)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

/// Whether everything the first wants is in the second, as label selectors mean it. Wanting nothing is no.
pub(crate) fn selects(wanted: Option<&Value>, labels: Option<&Value>) -> bool {
    let Some(wanted) = wanted.and_then(Value::as_object).filter(|w| !w.is_empty()) else {
        return false;
    };
    wanted
        .iter()
        .all(|(key, value)| labels.and_then(|l| l.get(key)) == Some(value))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Document, selects};

    #[test]
    fn every_document_is_found_and_named() {
        let found = Document::all(
            "a.yaml",
            "kind: A\nmetadata: {name: x}\n---\n# nothing\n---\nkind: B\n",
        )
        .expect("good");
        let places: Vec<&str> = found.iter().map(|d| d.place.as_str()).collect();
        assert_eq!(places, ["a.yaml: A x", "a.yaml: B "]);
    }

    #[test]
    fn a_key_given_twice_is_an_error() {
        let found = Document::all("a.yaml", "spec:\n  replicas: 1\n  replicas: 2\n");
        assert!(found.is_err_and(|e| e.contains("replicas")));
        assert!(Document::all("a.yaml", "a: [").is_err());
    }

    #[test]
    fn a_selector_wants_something() {
        let labels = json!({ "a": "1", "b": "2" });
        assert!(selects(Some(&json!({ "a": "1" })), Some(&labels)));
        assert!(!selects(Some(&json!({ "a": "2" })), Some(&labels)));
        assert!(!selects(Some(&json!({})), Some(&labels)) && !selects(None, Some(&labels)));
    }
}
