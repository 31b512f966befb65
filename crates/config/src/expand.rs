//! Environment variables in configuration values (`${VAR}`, `${VAR:-default}`, `$$`).
//!
//! Values are expanded one by one *after* the file is parsed, so a secret with a quote, a newline or a `$` in it can
//! neither break the file nor add keys to it. The one thing that has to happen before parsing is a value that is a
//! bare `${VAR}` (`app_id = ${ID}`), which is not TOML: it is put in quotes behind a mark and becomes a number or a
//! boolean later. Comments are never looked at. Not for anything but the values of the configuration file.

use std::collections::BTreeSet;

use toml::Value;

use crate::Problem;

/// Stands before a value that the file wrote without quotes. From the private use area, so no file has it.
const BARE: char = '\u{E0B7}';

/// Looks up one environment variable.
pub(crate) type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

/// What expanding found besides the new values.
#[derive(Default)]
pub(crate) struct Expanded {
    /// Paths of values that were one single `${VAR}` in quotes: these may be numbers too.
    pub(crate) whole: BTreeSet<String>,
    /// Variables that are not there, or have the wrong type.
    pub(crate) problems: Vec<Problem>,
    /// Values with a `$NAME` that stays as it is.
    pub(crate) unexpanded: Vec<String>,
}

/// Puts bare `${VAR}` values in quotes behind the mark. Keeps the number of lines.
pub(crate) fn quote_bare(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut inside: Option<&str> = None;
    for line in text.split_inclusive('\n') {
        if inside.is_none()
            && let Some((before, variable, after)) = bare_value(line)
        {
            out.push_str(&format!("{before}'{BARE}{variable}'{after}"));
        } else {
            out.push_str(line);
        }
        // Lines inside a multi-line string (a PEM block, say) are text, whatever they look like.
        for quotes in ["\"\"\"", "'''"] {
            if inside.is_none_or(|open| open == quotes) && line.matches(quotes).count() % 2 == 1 {
                inside = if inside.is_none() { Some(quotes) } else { None };
            }
        }
    }
    out
}

/// Splits `key = ${VAR}  # comment` into what stands before, the variable, and what stands after.
fn bare_value(line: &str) -> Option<(&str, &str, &str)> {
    let (key, value) = line.split_once('=')?;
    let name = key.trim();
    if name.is_empty()
        || !name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "_-.\"".contains(c))
    {
        return None;
    }
    let start = line.len() - value.trim_start().len();
    let rest = &line[start..];
    let end = rest.starts_with("${").then(|| rest.find('}'))?? + 1;
    let after = &rest[end..];
    let tail = after.trim();
    if (tail.is_empty() || tail.starts_with('#')) && !rest[..end].contains('\'') {
        Some((&line[..start], &rest[..end], after))
    } else {
        None
    }
}

/// Expands every string below `value`.
pub(crate) fn expand(value: &mut Value, path: &str, lookup: Lookup<'_>, found: &mut Expanded) {
    match value {
        Value::Table(table) => {
            for (key, inner) in table.iter_mut() {
                let path = if path.is_empty() {
                    key.clone()
                } else {
                    format!("{path}.{key}")
                };
                expand(inner, &path, lookup, found);
            }
        }
        Value::Array(items) => {
            for (index, inner) in items.iter_mut().enumerate() {
                expand(inner, &format!("{path}[{index}]"), lookup, found);
            }
        }
        Value::String(text) => {
            if let Some(variable) = text.strip_prefix(BARE) {
                match replace(variable, path, lookup, found).map(|new| typed(&new)) {
                    Some(Some(new)) => *value = new,
                    Some(None) => found.problems.push(Problem::new(
                        path,
                        format!("{variable} stands without quotes, so it must be a number or a boolean; put it in quotes if it is a text"),
                    )),
                    None => {}
                }
            } else if let Some(new) = replace(text, path, lookup, found) {
                if text.starts_with("${") && text.find('}') == Some(text.len() - 1) {
                    found.whole.insert(path.to_owned());
                }
                *text = new;
            }
        }
        _ => {}
    }
}

/// A number or a boolean, or nothing.
fn typed(text: &str) -> Option<Value> {
    let text = text.trim();
    text.parse()
        .map(Value::Integer)
        .or_else(|_| text.parse().map(Value::Boolean))
        .or_else(|_| text.parse().map(Value::Float))
        .ok()
}

/// The text with its variables replaced; `None` after a problem was noted.
fn replace(text: &str, path: &str, lookup: Lookup<'_>, found: &mut Expanded) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut whole = true;
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('$') {
            out.push('$');
            rest = after;
        } else if let Some(inner) = rest.strip_prefix('{') {
            let Some(end) = inner.find('}') else {
                found.problems.push(Problem::new(
                    path,
                    "a `${` without its `}`; write `$$` for a plain dollar sign",
                ));
                return None;
            };
            let (name, default) = match inner[..end].split_once(":-") {
                Some((name, default)) => (name, Some(default)),
                None => (&inner[..end], None),
            };
            rest = &inner[end + 1..];
            match lookup(name)
                .filter(|v| default.is_none() || !v.is_empty())
                .or_else(|| default.map(str::to_owned))
            {
                Some(new) => out.push_str(&new),
                None => {
                    found.problems.push(Problem::new(path, format!("the environment variable {name} is not set; `${{{name}:-default}}` gives a default")));
                    whole = false;
                }
            }
        } else {
            if rest.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
                found.unexpanded.push(path.to_owned());
            }
            out.push('$');
        }
    }
    out.push_str(rest);
    whole.then_some(out)
}
