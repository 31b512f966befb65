//! The object state `version`, in the form of the existing worker: a bare JSON number.
//!
//! Not the counter itself, which is in the database: the state is the floor a counter row starts from when it has to
//! be created, and what the existing worker finds if it takes over again.

use serde_json::Value;

/// Key of the state.
pub(crate) const VERSION: &str = "version";

/// The number in the state. Absent, `null` and anything that is no number count as 0: the rows know better.
pub(crate) fn number(stored: Option<Value>) -> u64 {
    stored.as_ref().and_then(Value::as_u64).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::number;
    use serde_json::json;

    #[test]
    fn only_a_number_is_a_floor() {
        assert_eq!(number(None), 0);
        assert_eq!(number(Some(json!(null))), 0);
        assert_eq!(number(Some(json!("7"))), 0);
        assert_eq!(number(Some(json!(7))), 7);
        assert_eq!(number(Some(json!(u64::MAX))), u64::MAX);
    }
}
