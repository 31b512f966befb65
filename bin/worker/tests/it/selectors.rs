//! What a Prometheus expression selects, and what `/metrics` serves: as far as a test needs to hold one against the other.
//!
//! Not for judging expressions: Prometheus' own checker does.

use std::collections::BTreeMap;

/// A name with its label matchers.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Selector {
    pub(crate) name: String,
    /// Label, operator, value.
    pub(crate) matchers: Vec<(String, String, String)>,
}

/// One line of `/metrics`.
#[derive(Debug)]
pub(crate) struct Series {
    pub(crate) name: String,
    pub(crate) labels: BTreeMap<String, String>,
}

/// Words of the language that stand where a name could; those before a list of labels first.
const BEFORE_LABELS: [&str; 6] = [
    "by",
    "without",
    "on",
    "ignoring",
    "group_left",
    "group_right",
];
const WORDS: [&str; 6] = ["and", "or", "unless", "offset", "bool", "atan2"];

/// Every selector of an expression.
pub(crate) fn selectors(expression: &str) -> Vec<Selector> {
    let mut found = Vec::new();
    let mut rest = expression;
    while let Some(c) = rest.chars().next() {
        if c == '[' {
            rest = rest.split_once(']').expect("a closed range").1;
        } else if c == '"' {
            rest = rest[1..].split_once('"').expect("a closed text").1;
        } else if c.is_ascii_alphabetic() || c == '_' {
            let end = rest.find(|c: char| !is_word(c)).unwrap_or(rest.len());
            let (word, after) = rest.split_at(end);
            rest = after;
            let next = after.trim_start();
            if BEFORE_LABELS.contains(&word) && next.starts_with('(') {
                rest = next.split_once(')').expect("a closed list").1;
            } else if next.starts_with('(')
                || ["by ", "without "]
                    .iter()
                    .any(|word| next.starts_with(word))
                || WORDS.contains(&word)
            {
                // a function, an aggregation, an operator
            } else if BEFORE_LABELS.contains(&word) {
                // `group_left` without labels
            } else {
                let (matchers, after) = matchers(after);
                rest = after;
                found.push(Selector {
                    name: word.to_owned(),
                    matchers,
                });
            }
        } else if c.is_ascii_digit() {
            // a number with its unit, `15m`, `1e3`
            let end = rest
                .find(|c: char| !is_word(c) && c != '.')
                .unwrap_or(rest.len());
            rest = &rest[end..];
        } else {
            rest = &rest[c.len_utf8()..];
        }
    }
    found
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == ':'
}

/// The matchers in braces at the beginning of a text, and what follows them.
fn matchers(text: &str) -> (Vec<(String, String, String)>, &str) {
    let Some(mut rest) = text.strip_prefix('{') else {
        return (Vec::new(), text);
    };
    let mut found = Vec::new();
    loop {
        rest = rest.trim_start_matches([' ', ',']);
        if let Some(after) = rest.strip_prefix('}') {
            return (found, after);
        }
        let end = rest.find(['=', '!']).expect("an operator");
        let label = rest[..end].trim().to_owned();
        let quote = rest.find('"').expect("a value");
        let operator = rest[end..quote].trim().to_owned();
        let (value, after) = rest[quote + 1..].split_once('"').expect("a closed value");
        found.push((label, operator, value.to_owned()));
        rest = after;
    }
}

/// The series of a text in Prometheus' format.
pub(crate) fn series(text: &str) -> Vec<Series> {
    let lines = text
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty());
    lines
        .map(|line| {
            let end = line.find(['{', ' ']).expect("a value");
            let (name, rest) = line.split_at(end);
            let (labels, _) = matchers(rest);
            Series {
                name: name.to_owned(),
                labels: labels
                    .into_iter()
                    .map(|(label, _, value)| (label, value))
                    .collect(),
            }
        })
        .collect()
}

impl Selector {
    /// The same once for each word of a list of alternatives: every one of them is to be there.
    pub(crate) fn each(&self) -> Vec<Self> {
        let mut all = vec![self.clone()];
        for (place, (_, operator, value)) in self.matchers.iter().enumerate() {
            if operator != "=~" {
                continue;
            }
            let words = value.split('|');
            all = words
                .flat_map(|word| {
                    all.iter().cloned().map(move |mut one| {
                        one.matchers[place].1 = "=".to_owned();
                        word.clone_into(&mut one.matchers[place].2);
                        one
                    })
                })
                .collect();
        }
        all
    }

    /// Whether one of these series is selected. Lists of alternatives must have been taken apart.
    pub(crate) fn selects(&self, series: &[Series]) -> bool {
        series.iter().any(|one| {
            one.name == self.name
                && self.matchers.iter().all(|(label, operator, value)| {
                    let has = one.labels.get(label).map_or("", String::as_str);
                    match operator.as_str() {
                        "=" => has == value,
                        "!=" => has != value,
                        "!~" => value.split('|').all(|word| has != word),
                        other => panic!("{label}{other}: not known here"),
                    }
                })
        })
    }
}

#[test]
fn selectors_are_found_and_nothing_else_is() {
    let expression = r#"sum by (kind, le) (rate(a_count{x="1", y!~"p|q"}[5m])) / on (job) group_left max(b offset 15m) > 1e3
        or absent(c) unless histogram_quantile(0.99, d_bucket{le="0.5"})"#;
    let names: Vec<String> = selectors(expression).into_iter().map(|s| s.name).collect();
    assert_eq!(names, ["a_count", "b", "c", "d_bucket"]);
    let served = series("# TYPE a_count counter\na_count{x=\"1\",y=\"r\"} 3\nb 1\n");
    let of = |text: &str| selectors(text).remove(0);
    assert!(of(r#"a_count{x="1", y!~"p|q"}"#).selects(&served));
    assert!(!of(r#"a_count{x="1", y!="r"}"#).selects(&served));
    assert!(!of(r#"a_count{x="2"}"#).selects(&served));
    assert!(!of("a_conut").selects(&served), "a misspelt name is seen");
    let each = of(r#"a_count{x=~"1|2"}"#).each();
    assert_eq!(
        each.iter().map(|s| s.selects(&served)).collect::<Vec<_>>(),
        [true, false]
    );
}
