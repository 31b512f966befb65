//! Reads typed values out of a parsed file and gathers every problem instead of stopping at the first.
//!
//! It also remembers which keys it was asked for: what the file has besides is unknown. Not for rules that span
//! several keys (see `rules`).

use std::collections::BTreeSet;
use std::time::Duration;

use toml::{Table, Value};

use crate::{Problem, Secret, duration};

/// The file's values, the problems so far, and the keys asked for.
pub(crate) struct Reader {
    root: Table,
    whole: BTreeSet<String>,
    asked: BTreeSet<String>,
    pub(crate) problems: Vec<Problem>,
}

impl Reader {
    pub(crate) fn new(root: Table, whole: BTreeSet<String>) -> Self {
        Self {
            root,
            whole,
            asked: BTreeSet::new(),
            problems: Vec::new(),
        }
    }

    pub(crate) fn problem(&mut self, path: &str, message: impl Into<String>) {
        self.problems.push(Problem::new(path, message));
    }

    /// Whether the file has this key or section at all. Does not count as asking for it.
    pub(crate) fn has(&self, path: &str) -> bool {
        self.find(path).is_some()
    }

    fn find(&self, path: &str) -> Option<&Value> {
        let mut parts = path.split('.');
        let mut value = self.root.get(parts.next()?)?;
        for part in parts {
            value = value.as_table()?.get(part)?;
        }
        Some(value)
    }

    fn get(&mut self, path: &str) -> Option<Value> {
        self.asked.insert(path.to_owned());
        self.find(path).cloned()
    }

    fn wrong(&mut self, path: &str, wanted: &str, value: &Value) {
        // The value itself is not shown: it may be a secret under a mistaken key.
        self.problem(path, format!("must be {wanted}, is {}", article(value)));
    }

    /// A text; absent gives "".
    pub(crate) fn text(&mut self, path: &str) -> String {
        match self.get(path) {
            None => String::new(),
            Some(Value::String(text)) => text,
            Some(other) => {
                self.wrong(path, "a text", &other);
                String::new()
            }
        }
    }

    /// A text with a default. An empty text counts as absent, as it does in files of the existing worker.
    pub(crate) fn text_or(&mut self, path: &str, default: &str) -> String {
        Some(self.text(path))
            .filter(|t| !t.is_empty())
            .unwrap_or_else(|| default.to_owned())
    }

    /// A text that has to be there.
    pub(crate) fn required(&mut self, path: &str) -> String {
        let before = self.problems.len();
        let text = self.text(path);
        if text.trim().is_empty() && self.problems.len() == before {
            self.problem(path, "is required");
        }
        text
    }

    pub(crate) fn secret(&mut self, path: &str) -> Secret {
        Secret::new(self.text(path))
    }

    /// An http(s) address, without a trailing slash; "" when absent and no default is given.
    pub(crate) fn url_or(&mut self, path: &str, default: &str) -> String {
        let text = self.text_or(path, default);
        self.check_url(path, &text, &["http", "https"]);
        text.trim_end_matches('/').to_owned()
    }

    /// An http(s) address with a token in its path or query.
    pub(crate) fn secret_url(&mut self, path: &str) -> Secret {
        let text = self.text(path);
        self.check_url(path, &text, &["http", "https"]);
        Secret::new(text)
    }

    pub(crate) fn check_url(&mut self, path: &str, text: &str, schemes: &[&str]) {
        if text.is_empty() {
            return;
        }
        // Placeholders of `restate.register_as` are no part of an address yet.
        let plain = text.replace("{version}", "0").replace("{port}", "1");
        let good = url::Url::parse(&plain)
            .is_ok_and(|u| schemes.contains(&u.scheme()) && u.host_str().is_some());
        if !good {
            self.problem(
                path,
                format!(
                    "must be an address that begins with {}://",
                    schemes.join(":// or ")
                ),
            );
        }
    }

    pub(crate) fn flag(&mut self, path: &str, default: bool) -> bool {
        self.flag_opt(path).unwrap_or(default)
    }

    pub(crate) fn flag_opt(&mut self, path: &str) -> Option<bool> {
        match self.get(path)? {
            Value::Boolean(flag) => Some(flag),
            Value::String(text) if self.whole.contains(path) && text.parse::<bool>().is_ok() => {
                text.parse().ok()
            }
            other => {
                self.wrong(path, "true or false", &other);
                None
            }
        }
    }

    /// A whole number within a range.
    pub(crate) fn int(
        &mut self,
        path: &str,
        default: i64,
        range: std::ops::RangeInclusive<i64>,
    ) -> i64 {
        let number = match self.get(path) {
            None => return default,
            Some(Value::Integer(number)) => number,
            Some(Value::String(text))
                if self.whole.contains(path) && text.trim().parse::<i64>().is_ok() =>
            {
                text.trim().parse().unwrap_or(default)
            }
            Some(other) => {
                self.wrong(path, "a whole number", &other);
                return default;
            }
        };
        if !range.contains(&number) {
            self.problem(
                path,
                format!(
                    "must be between {} and {}, is {number}",
                    range.start(),
                    range.end()
                ),
            );
            return default;
        }
        number
    }

    /// A share between 0 and 1; an explicit 0 counts.
    pub(crate) fn share(&mut self, path: &str, default: f64) -> f64 {
        let number = match self.get(path) {
            None => return default,
            Some(Value::Float(number)) => number,
            Some(Value::Integer(0)) => 0.0,
            Some(Value::Integer(1)) => 1.0,
            Some(Value::String(text))
                if self.whole.contains(path) && text.trim().parse::<f64>().is_ok() =>
            {
                text.trim().parse().unwrap_or(default)
            }
            Some(Value::Integer(_)) => f64::NAN,
            Some(other) => {
                self.wrong(path, "a number between 0 and 1", &other);
                return default;
            }
        };
        if !(0.0..=1.0).contains(&number) {
            self.problem(path, "must be between 0 and 1");
            return default;
        }
        number
    }

    /// A length of time.
    pub(crate) fn duration(&mut self, path: &str, default: Duration) -> Duration {
        match self.get(path) {
            None => default,
            Some(Value::String(text)) => duration::parse(&text).unwrap_or_else(|| {
                self.problem(
                    path,
                    "must be a duration such as \"500ms\", \"2s\" or \"1m30s\"",
                );
                default
            }),
            Some(other) => {
                self.wrong(path, "a duration such as \"2s\"", &other);
                default
            }
        }
    }

    /// A list of texts.
    pub(crate) fn texts(&mut self, path: &str) -> Vec<String> {
        let Some(value) = self.get(path) else {
            return Vec::new();
        };
        let texts = value.as_array().and_then(|items| {
            items
                .iter()
                .map(|i| i.as_str().map(str::to_owned))
                .collect()
        });
        texts.unwrap_or_else(|| {
            self.problem(path, "must be a list of texts");
            Vec::new()
        })
    }

    /// The keys directly below a section whose keys are not known beforehand.
    pub(crate) fn keys(&self, path: &str) -> Vec<String> {
        self.find(path)
            .and_then(Value::as_table)
            .map(|t| t.keys().cloned().collect())
            .unwrap_or_default()
    }

    /// Every key of the file that nobody asked for, each with the nearest one that exists.
    pub(crate) fn unknown(&self) -> Vec<(String, Option<String>)> {
        let mut leaves = Vec::new();
        collect(&self.root, "", &self.asked, &mut leaves);
        leaves
            .into_iter()
            .map(|path| (path.clone(), nearest(&path, &self.asked)))
            .collect()
    }
}

fn collect(table: &Table, prefix: &str, asked: &BTreeSet<String>, out: &mut Vec<String>) {
    for (key, value) in table {
        let path = if prefix.is_empty() {
            key.clone()
        } else {
            format!("{prefix}.{key}")
        };
        match value {
            Value::Table(inner) if !asked.contains(&path) => collect(inner, &path, asked, out),
            _ if asked.contains(&path) => {}
            _ => out.push(path),
        }
    }
}

fn nearest(path: &str, known: &BTreeSet<String>) -> Option<String> {
    let last = |p: &str| p.rsplit('.').next().unwrap_or_default().to_owned();
    let score = |candidate: &String| {
        let moved = last(candidate) == last(path);
        let away = distance(path, candidate);
        if moved { away.min(2) } else { away }
    };
    let best = known
        .iter()
        .min_by_key(|candidate| (score(candidate), distance(path, candidate)))?;
    (score(best) <= path.len() / 2).then(|| best.clone())
}

/// Edit distance (insert, delete, replace).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

fn article(value: &Value) -> &'static str {
    match value {
        Value::String(_) => "a text",
        Value::Integer(_) => "a whole number",
        Value::Float(_) => "a number",
        Value::Boolean(_) => "a boolean",
        Value::Datetime(_) => "a date",
        Value::Array(_) => "a list",
        Value::Table(_) => "a section",
    }
}
