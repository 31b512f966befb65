//! The reference of the configuration, as a page: every key with its type, default, rules and meaning.
//!
//! Nothing is written down twice. Order, defaults and meanings are those of the commented file that is compiled in; types
//! and rules are asked of the very code that reads a file, by giving it values and keeping what it says about them. Not
//! for what a file of the operator's amounts to (see `commands::check_config`).

use std::collections::BTreeMap;

use config::{Config, ConfigError};
use toml::{Table, Value};

mod source;

use source::Key;

const HEAD: &str = "\
# Configuration reference

Written by `cargo xtask docs` from `worker check-config --reference`; do not edit. Keys, defaults and meanings are those of
the commented file that `worker check-config --print-default` prints; types and rules are what the worker says when a value
breaks them. How a file is read, and what differs from the existing worker: [Configuration](configuration.md).

A *secret* is never printed: `worker check-config` shows `***`. A text that is empty counts as absent.
";

/// What a file must have to be read at all.
const NEEDED: [(&str, &str); 2] = [
    ("cname_domain", "\"cname.sample.test\""),
    ("database.primary", "\"u:p@tcp(db)/d\""),
];

/// Values tried on every key: each is right for some keys and wrong for others.
const TRIED: [&str; 20] = [
    "{ x = 1 }",
    "true",
    "false",
    "-1",
    "5",
    "9000000000",
    "0.5",
    "2.5",
    "\"sample.test\"",
    "\"a b\"",
    "\"https://sample.test\"",
    "\"127.0.0.1:9\"",
    "\"linux/arm64\"",
    "\"p256\"",
    "\"debug\"",
    "\"tcp://sample.test:1\"",
    "\"-----BEGIN PRIVATE KEY-----\\nx\\n-----END PRIVATE KEY-----\"",
    "\"15s\"",
    "\"1000h\"",
    "[\"sample.test\"]",
];

/// The page.
pub fn page() -> String {
    let sections = source::sections(config::DEFAULT_TEXT);
    let keys: Vec<&Key> = sections.iter().flat_map(|s| &s.keys).collect();
    let good = good(&keys);
    let (rules, shown) = (rules(&keys, &good), shown(&good));
    let mut out = HEAD.to_owned();
    for section in &sections {
        let name = section.name.as_str();
        match name {
            "" => out.push_str("\n## The file's first lines\n"),
            name => out.push_str(&format!("\n## `[{name}]`\n")),
        }
        if !section.meaning.is_empty() {
            out.push_str(&format!("\n{}\n", cell(&section.meaning)));
        }
        for text in of(&rules, name) {
            out.push_str(&format!("\n`{name}` {}.\n", cell(text)));
        }
        out.push_str("\n| key | type | default | rule | meaning |\n|---|---|---|---|---|\n");
        for key in &section.keys {
            let path = key.path.as_str();
            let row = [
                format!("`{}`", key.name),
                kind(path, &shown),
                default(key),
                cell(&of(&rules, path).join("; ")),
                cell(key.meaning.trim_start_matches("REQUIRED. ")),
            ];
            out.push_str(&format!("| {} |\n", row.join(" | ")));
        }
    }
    out
}

/// A text as a cell of a table: nothing in it is taken for HTML or for the cell's end.
fn cell(text: &str) -> String {
    text.replace('<', "\\<").replace('|', "\\|")
}

/// A file of these values and what must be there besides.
fn read(values: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let needed = NEEDED
        .iter()
        .filter(|(path, _)| values.iter().all(|(given, _)| given != path));
    let lines = needed
        .chain(values)
        .map(|(path, value)| format!("{path} = {value}\n"));
    Config::parse(&lines.collect::<String>(), false, &|_| None)
}

/// What reading such a file says: about which key, and what. Nothing where all is well.
fn said(values: &[(&str, &str)]) -> Vec<(String, String)> {
    let problems = match read(values) {
        Ok(config) => config.warnings,
        Err(ConfigError::Invalid(problems)) => problems,
        Err(_) => Vec::new(),
    };
    problems.into_iter().map(|p| (p.path, p.message)).collect()
}

/// What the worker says of a key when it is no section.
fn wanted(path: &str) -> String {
    let all = said(&[(path, "{ x = 1 }")]);
    let own = all
        .iter()
        .find(|(about, text)| about == path && text.ends_with(", is a section"));
    let text = own.map_or("must be a list of texts", |(_, text)| text.as_str());
    plain(text).trim_start_matches("must be ").to_owned()
}

fn kind(path: &str, shown: &Table) -> String {
    let wanted = wanted(path);
    let word = wanted.split(" such as ").next().unwrap_or_default();
    let word = word.trim_start_matches("a ");
    let word = word.split(" between ").next().unwrap_or_default();
    // what is set and hidden
    if at(shown, path).and_then(Value::as_str) == Some("***") {
        format!("{word}, secret")
    } else {
        word.to_owned()
    }
}

/// A configuration with all values that go together, as it is printed.
fn shown(good: &[Setting]) -> Table {
    let mut values = good.to_vec();
    loop {
        match read(&values) {
            Ok(config) => return config.to_text().parse().unwrap_or_default(),
            Err(ConfigError::Invalid(problems)) => {
                let before = values.len();
                values.retain(|(path, _)| problems.iter().all(|p| p.path != *path));
                if values.len() == before {
                    return Table::new();
                }
            }
            Err(_) => return Table::new(),
        }
    }
}

fn at<'a>(table: &'a Table, path: &str) -> Option<&'a Value> {
    match path.split_once('.') {
        None => table.get(path),
        Some((section, rest)) => at(table.get(section)?.as_table()?, rest),
    }
}

fn default(key: &Key) -> String {
    match key.value.as_str() {
        _ if NEEDED.iter().any(|(path, _)| *path == key.path) => "required".to_owned(),
        "\"\"" => "empty".to_owned(),
        "[]" => "none".to_owned(),
        value if key.absent => format!("absent; `{value}` for example"),
        value => format!("`{}`", value.trim_matches('"')),
    }
}

/// A key and a value of it.
type Setting<'a> = (&'a str, &'a str);

/// For each key a value with which reading has nothing to say about that key: alone, or beside all the others.
fn good<'a>(keys: &[&'a Key]) -> Vec<Setting<'a>> {
    let mut good: Vec<Setting> = Vec::new();
    for among_others in [false, true] {
        let beside = if among_others {
            good.clone()
        } else {
            Vec::new()
        };
        for key in keys {
            let path = key.path.as_str();
            let fits = |value: &&&str| {
                let said = said(&[beside.as_slice(), &[(path, **value)]].concat());
                said.iter()
                    .all(|(about, _)| about.split('[').next() != Some(path))
            };
            if good.iter().all(|(found, _)| *found != path) {
                good.extend(TRIED.iter().find(fits).map(|value| (path, *value)));
            }
        }
    }
    good
}

/// Everything said about a key: when it has some value, when all have a good one, and when one of all is left out.
fn rules(keys: &[&Key], good: &[Setting]) -> BTreeMap<String, Vec<String>> {
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut note = |values: &[Setting]| {
        for (path, text) in said(values) {
            let path = path.split('[').next().unwrap_or_default().to_owned();
            let text = plain(&text);
            let told = found.entry(path).or_default();
            if !told.contains(&text) {
                told.push(text);
            }
        }
    };
    for key in keys {
        for value in TRIED {
            note(&[(&key.path, value)]);
        }
    }
    note(good);
    for (left_out, _) in good {
        let others = good.iter().filter(|(path, _)| path != left_out);
        note(&others.copied().collect::<Vec<_>>());
    }
    for (path, texts) in &mut found {
        // the type has a column of its own
        let kind = format!("must be {}", wanted(path));
        texts.retain(|text| *text != kind && !text.starts_with("must be a duration"));
        texts.sort();
    }
    found
}

fn of<'a>(rules: &'a BTreeMap<String, Vec<String>>, path: &str) -> Vec<&'a str> {
    rules
        .get(path)
        .into_iter()
        .flatten()
        .map(String::as_str)
        .collect()
}

/// A message without what it says of the very value: `must be …, is 7`.
fn plain(text: &str) -> String {
    let text = text.split(", is ").next().unwrap_or_default();
    if let Some(range) = text.strip_suffix(&format!(" and {}", i64::MAX)) {
        return range.replace("between", "at least");
    }
    match text.rsplit_once(", ") {
        Some((before, last)) if last.parse::<u64>().is_ok() => before.to_owned(),
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_page_is_what_this_build_reads() {
        let page = page();
        for line in [
            "| `http_port` | whole number | `9080` | must be between 1 and 65535 |",
            "| `drain_timeout` | duration | `30s` |  |",
            "| `password` | text, secret | empty |  |",
            "| `external_account_key` | text, secret | empty | belongs to acme.external_account_key_id: give both or none |",
            "| `primary` | text, secret | required |  |",
            "| `username` | text | empty | is required when registry.password is set |",
            "| `access_key_id` | text | empty | is required when acme.enabled and acme.route53.enabled are true |",
            "| `app_id` | whole number | `0` | must be at least 0 |",
        ] {
            assert!(page.contains(line), "no {line} in {page}");
        }
        let path = "../../docs/configuration-reference.md";
        let committed =
            std::fs::read_to_string(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(path));
        let same = committed.is_ok_and(|committed| committed == page);
        assert!(
            same,
            "docs/configuration-reference.md: run `cargo xtask docs`"
        );
    }
}
