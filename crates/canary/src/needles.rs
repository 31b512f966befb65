//! The forms in which a secret may lie in a store: as it is, base64 at three offsets, hexadecimal, escaped for a URL or for
//! JSON.
//!
//! Not for what is searched: see `stores`.

use std::collections::BTreeSet;

use aho_corasick::AhoCorasick;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use percent_encoding::{NON_ALPHANUMERIC, percent_encode};

/// A shorter one would be found by chance.
const SHORTEST: usize = 10;

/// A known secret.
#[derive(Debug, Clone)]
pub(crate) struct Canary {
    /// What it is, for people; never its value.
    pub(crate) name: String,
    /// Its bytes.
    pub(crate) value: Vec<u8>,
}

impl Canary {
    pub(crate) fn new(name: impl Into<String>, value: impl Into<Vec<u8>>) -> Self {
        let (name, value) = (name.into(), value.into());
        assert!(value.len() >= SHORTEST, "{name} is too short to search for");
        Self { name, value }
    }

    /// A key in PEM: a whole line out of its middle, and the bytes behind it, for where it lies as DER.
    pub(crate) fn pem(name: &str, pem: &str) -> Vec<Self> {
        let line = pem.lines().filter(|l| !l.starts_with("---")).nth(1);
        let line = line.unwrap_or_else(|| panic!("{name} has no second line"));
        let der = base64::engine::general_purpose::STANDARD.decode(&line[..line.len() / 4 * 4]);
        let der = der.unwrap_or_else(|e| panic!("{name}: {e}"));
        vec![
            Self::new(format!("{name} (PEM)"), line),
            Self::new(format!("{name} (DER)"), der),
        ]
    }
}

/// Where a secret was found: whose, and in which form.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Hit {
    /// Name of the canary.
    pub(crate) canary: String,
    /// Like `hex`.
    pub(crate) form: String,
}

/// All forms of all canaries, ready to be searched for in one pass.
pub(crate) struct Needles {
    hits: Vec<Hit>,
    search: AhoCorasick,
}

impl Needles {
    pub(crate) fn new(canaries: &[Canary]) -> Self {
        let (mut hits, mut patterns) = (Vec::new(), Vec::new());
        for canary in canaries {
            for (form, pattern) in forms(&canary.value) {
                let canary = canary.name.clone();
                hits.push(Hit { canary, form });
                patterns.push(pattern);
            }
        }
        let search = AhoCorasick::new(&patterns).expect("as many patterns as there are secrets");
        Self { hits, search }
    }

    /// What is found in these bytes, each once.
    pub(crate) fn find(&self, bytes: &[u8]) -> BTreeSet<Hit> {
        let found = self.search.find_overlapping_iter(bytes);
        found
            .map(|m| self.hits[m.pattern().as_usize()].clone())
            .collect()
    }
}

/// As it is and escaped; and each of these once more in base64, hexadecimal or as a list of numbers, for a payload is escaped
/// before it is wrapped.
fn forms(value: &[u8]) -> Vec<(String, Vec<u8>)> {
    let text = String::from_utf8_lossy(value);
    let escape = |text: &str| {
        let json = serde_json::Value::from(text).to_string();
        json.trim_matches('"').to_owned()
    };
    let json = escape(&text);
    let url = percent_encode(value, NON_ALPHANUMERIC).to_string();
    let escaped = [
        ("plain", value.to_vec()),
        ("JSON-escaped", json.replace('/', "\\/").into_bytes()),
        // in a JSON text inside a JSON text it is escaped once more
        ("JSON-escaped twice", escape(&json).into_bytes()),
        ("JSON-escaped", json.into_bytes()),
        ("URL-escaped", url.to_lowercase().into_bytes()),
        ("URL-escaped", url.into_bytes()),
    ];
    let mut forms = Vec::new();
    for (how, value) in escaped {
        let mut add = |wrapped: &str, pattern: Vec<u8>| {
            let form = match (how, wrapped) {
                (how, "") => how.to_owned(),
                ("plain", wrapped) => wrapped.to_owned(),
                (how, wrapped) => format!("{how}, {wrapped}"),
            };
            forms.push((form, pattern));
        };
        for (name, offset) in [("base64", 0), ("base64 +1", 1), ("base64 +2", 2)] {
            add(name, inner(&STANDARD_NO_PAD, &value, offset));
            add(name, inner(&URL_SAFE_NO_PAD, &value, offset));
        }
        let hex: String = value.iter().map(|b| format!("{b:02x}")).collect();
        add("hex", hex.to_uppercase().into_bytes());
        add("hex", hex.into_bytes());
        let numbers: Vec<String> = value.iter().map(u8::to_string).collect();
        add("list of bytes", numbers.join(",").into_bytes());
        add("", value);
    }
    let mut seen = BTreeSet::new();
    forms.retain(|(_, pattern)| seen.insert(pattern.clone()));
    forms
}

/// What base64 makes of `value` wherever it stands, when `offset` bytes stand before it in its group of three: the
/// characters that depend on its bytes alone.
fn inner(engine: &impl base64::Engine, value: &[u8], offset: usize) -> Vec<u8> {
    let mut bytes = vec![0; offset];
    bytes.extend_from_slice(value);
    let text = engine.encode(&bytes);
    let first = [0, 2, 3][offset];
    text.as_bytes()[first..bytes.len() * 8 / 6].to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "p\"ss/w&rd of 23 letters";

    fn found(text: &[u8]) -> Vec<String> {
        let needles = Needles::new(&[Canary::new("it", SECRET)]);
        needles.find(text).into_iter().map(|hit| hit.form).collect()
    }

    #[test]
    fn every_form_is_found_wherever_it_stands() {
        assert_eq!(found(format!("a{SECRET}b").as_bytes()), ["plain"]);
        for before in 0..7 {
            for behind in 0..4 {
                let text = format!("{}{SECRET}{}", "x".repeat(before), "y".repeat(behind));
                let want = ["base64", "base64 +1", "base64 +2"][before % 3];
                let encoded = STANDARD_NO_PAD.encode(&text);
                assert_eq!(found(encoded.as_bytes()), [want], "{text}");
                let encoded = URL_SAFE_NO_PAD.encode(&text);
                assert_eq!(found(encoded.as_bytes()), [want], "{text}");
            }
        }
        let json = serde_json::json!({ "a": SECRET }).to_string();
        assert_eq!(found(json.as_bytes()), ["JSON-escaped"]);
        let nested = serde_json::json!({ "a": json }).to_string();
        assert_eq!(found(nested.as_bytes()), ["JSON-escaped twice"]);
        let url = "x?y=p%22ss%2Fw%26rd%20of%2023%20letters&z";
        assert_eq!(found(url.as_bytes()), ["URL-escaped"]);
        let hex: String = SECRET.bytes().map(|b| format!("{b:02X}")).collect();
        assert_eq!(found(hex.as_bytes()), ["hex"]);
        let wrapped: String = json.bytes().map(|b| format!("{b:02x}")).collect();
        assert_eq!(found(wrapped.as_bytes()), ["JSON-escaped, hex"]);
        let list = serde_json::json!(json.as_bytes()).to_string();
        assert_eq!(found(list.as_bytes()), ["JSON-escaped, list of bytes"]);
    }

    #[test]
    fn what_is_not_there_is_not_found() {
        assert!(found(b"p\"ss/w&rd of 22 letters").is_empty());
        assert!(found(&vec![0; 100_000]).is_empty());
    }
}
