//! The worker's configuration files in `deploy/`, as far as they must fit what they are deployed with.
//!
//! Whether the worker takes them is the worker's to say: `cargo xtask tidy` runs `worker check-config --strict` on what this
//! crate hands out. Not for files of others.

use std::collections::BTreeSet;

use serde_json::{Value, json};

/// A configuration with its variables.
#[derive(Debug)]
pub(crate) struct Configuration {
    pub(crate) place: String,
    pub(crate) text: String,
    table: toml::Table,
}

/// Keys whose values are secret, by their last part. Addresses among them hold a login.
const SECRET: &[&str] = &[
    "primary",
    "readonly_replica",
    "token",
    "api_key",
    "password",
    "secret_access_key",
    "external_account_key",
    "private_key_pem",
    "admin_url",
    "quota_check_webhook_url",
];

impl Configuration {
    /// Of a text.
    ///
    /// # Errors
    /// It is no TOML, leaving aside variables without quotes.
    pub(crate) fn new(place: String, text: &str) -> Result<Self, String> {
        let bare = |line: &str| match line.split_once("= ${") {
            Some((key, _)) => format!("{key}= 0"),
            None => line.to_owned(),
        };
        let plain: Vec<String> = text.lines().map(bare).collect();
        let table = plain
            .join("\n")
            .parse()
            .map_err(|e| format!("{place}: {e}"))?;
        Ok(Self {
            place,
            text: text.to_owned(),
            table,
        })
    }

    /// A text by section and key, empty where there is none.
    pub(crate) fn text(&self, section: &str, key: &str) -> &str {
        self.value(section, key)
            .and_then(toml::Value::as_str)
            .unwrap_or_default()
    }

    /// A number by section and key.
    pub(crate) fn number(&self, section: &str, key: &str) -> Option<i64> {
        self.value(section, key)?.as_integer()
    }

    fn value(&self, section: &str, key: &str) -> Option<&toml::Value> {
        section
            .split('.')
            .try_fold(&self.table, |t, part| t.get(part)?.as_table())?
            .get(key)
    }

    /// Names of the variables it must be given.
    pub(crate) fn variables(&self) -> BTreeSet<&str> {
        let parts = self.text.split("${").skip(1);
        let names = parts.filter_map(|part| Some(part.split_once('}')?.0));
        names.filter(|name| !name.contains(":-")).collect()
    }

    /// Seconds it may take to stop.
    pub(crate) fn drain_seconds(&self) -> Option<u64> {
        self.text("restate", "drain_timeout")
            .strip_suffix('s')?
            .parse()
            .ok()
    }

    /// Secrets that stand in it.
    pub(crate) fn problems(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        for (section, table) in self
            .table
            .iter()
            .filter_map(|(k, v)| Some((k, v.as_table()?)))
        {
            for (key, value) in table {
                let value = value.as_str().unwrap_or_default();
                // Restate's admin API has its key elsewhere
                let secret =
                    SECRET.contains(&key.as_str()) && section != "restate" || value.contains('@');
                if secret && !value.is_empty() && !value.contains("${") {
                    wrong.push(format!(
                        "{}: the secret {section}.{key} stands in the file",
                        self.place
                    ));
                }
            }
        }
        wrong
    }

    /// For whoever runs the worker on it.
    pub(crate) fn handed_out(&self) -> Value {
        json!({ "place": self.place, "text": self.text, "variables": self.variables() })
    }
}

#[cfg(test)]
mod tests {
    use super::Configuration;

    #[test]
    fn variables_secrets_and_keys_are_read() {
        let text = "a = \"x\"\n[github]\napp_id = ${ID}\n[database]\nprimary = \"u:${PASSWORD}@tcp(h)/d\"\n[slack]\nb = \"${NOT:-}\"\n\
                    [restate]\nadmin_url = \"http://r:9070\"\nhttp_port = 9080\ndrain_timeout = \"30s\"\n";
        let read = Configuration::new("a".to_owned(), text).expect("TOML");
        assert_eq!(
            read.variables().into_iter().collect::<Vec<_>>(),
            ["ID", "PASSWORD"]
        );
        assert_eq!(
            (read.number("restate", "http_port"), read.drain_seconds()),
            (Some(9080), Some(30))
        );
        assert_eq!(read.problems(), Vec::<String>::new());
        for (from, to) in [
            ("${PASSWORD}", "hunter2"),
            (
                "b = \"${NOT:-}\"",
                "quota_check_webhook_url = \"https://x\"",
            ),
        ] {
            let planted =
                Configuration::new("a".to_owned(), &text.replace(from, to)).expect("TOML");
            assert_eq!(planted.problems().len(), 1, "{to}");
        }
        assert!(Configuration::new("a".to_owned(), "a = \"").is_err());
    }
}
