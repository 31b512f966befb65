//! The few documents of Route53 that the gate reads and writes. Pure.
//!
//! Not an XML parser: it knows the two serialisers that write them.

/// A record set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Set {
    pub(super) name: String,
    pub(super) kind: String,
    pub(super) ttl: i64,
    pub(super) values: Vec<String>,
}

impl Set {
    /// Whether it is the set at a name (a dot at the end and case do not matter) of a kind.
    pub(super) fn is(&self, name: &str, kind: &str) -> bool {
        self.kind == kind && plain(&self.name) == plain(name)
    }
}

pub(super) fn plain(name: &str) -> String {
    name.trim_end_matches('.').to_ascii_lowercase()
}

/// The texts between each pair of tags.
pub(super) fn all<'a>(text: &'a str, tag: &str) -> Vec<&'a str> {
    let (open, close) = (format!("<{tag}>"), format!("</{tag}>"));
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(from) = rest.find(&open) {
        rest = &rest[from + open.len()..];
        let Some(to) = rest.find(&close) else { break };
        found.push(&rest[..to]);
        rest = &rest[to + close.len()..];
    }
    found
}

/// The text between the first pair of tags, unescaped.
pub(super) fn one(text: &str, tag: &str) -> Option<String> {
    all(text, tag).first().map(|text| unescape(text))
}

/// The record set in an element.
pub(super) fn set(text: &str) -> Option<Set> {
    Some(Set {
        name: one(text, "Name")?.replace("\\052", "*"),
        kind: one(text, "Type")?,
        ttl: one(text, "TTL").and_then(|t| t.parse().ok()).unwrap_or(0),
        values: all(text, "Value").into_iter().map(unescape).collect(),
    })
}

/// The body of a request that makes changes.
pub(super) fn batch(changes: &[(&str, &Set)]) -> String {
    let mut text = String::from(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><ChangeResourceRecordSetsRequest \
         xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\"><ChangeBatch><Changes>",
    );
    for (action, set) in changes {
        text += &format!(
            "<Change><Action>{action}</Action><ResourceRecordSet><Name>{}</Name><Type>{}</Type><TTL>{}</TTL>\
             <ResourceRecords>",
            escape(&set.name),
            set.kind,
            set.ttl
        );
        for value in &set.values {
            text += &format!(
                "<ResourceRecord><Value>{}</Value></ResourceRecord>",
                escape(value)
            );
        }
        text += "</ResourceRecords></ResourceRecordSet></Change>";
    }
    text + "</Changes></ChangeBatch></ChangeResourceRecordSetsRequest>"
}

/// An error as the service writes it.
pub(super) fn error(code: &str, words: &str) -> String {
    format!(
        "<?xml version=\"1.0\"?><ErrorResponse xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\"><Error>\
         <Type>Sender</Type><Code>{code}</Code><Message>{}</Message></Error><RequestId>gate</RequestId></ErrorResponse>",
        escape(words)
    )
}

/// The refusal of a batch, which has a document of its own.
pub(super) fn invalid_batch(words: &str) -> String {
    format!(
        "<?xml version=\"1.0\"?><InvalidChangeBatch xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\"><Messages>\
         <Message>{}</Message></Messages><RequestId>gate</RequestId></InvalidChangeBatch>",
        escape(words)
    )
}

/// The strings of a TXT value, which must all be in quotes.
pub(super) fn strings(value: &str) -> Option<Vec<String>> {
    let mut strings = Vec::new();
    let mut rest = value.trim();
    while !rest.is_empty() {
        rest = rest.strip_prefix('"')?;
        let mut string = Vec::new();
        let bytes = rest.as_bytes();
        let mut at = 0;
        loop {
            match bytes.get(at)? {
                b'"' => break,
                b'\\' => {
                    let digits = bytes
                        .get(at + 1..at + 4)
                        .and_then(|d| std::str::from_utf8(d).ok());
                    match digits.and_then(|d| u8::from_str_radix(d, 8).ok()) {
                        Some(byte) => {
                            string.push(byte);
                            at += 4;
                        }
                        None => {
                            string.push(*bytes.get(at + 1)?);
                            at += 2;
                        }
                    }
                }
                byte => {
                    string.push(*byte);
                    at += 1;
                }
            }
        }
        if string.len() > 255 {
            return None;
        }
        strings.push(String::from_utf8_lossy(&string).into_owned());
        rest = rest[at + 1..].trim_start();
    }
    (!strings.is_empty()).then_some(strings)
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

fn unescape(text: &str) -> String {
    text.replace("&quot;", "\"")
        .replace("&#34;", "\"")
        .replace("&apos;", "'")
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_survives_being_written_and_read() {
        let written = Set {
            name: "a.example.".to_owned(),
            kind: "TXT".to_owned(),
            ttl: 60,
            values: vec![r#""a & <b>""#.to_owned(), r#""c""#.to_owned()],
        };
        let text = batch(&[("DELETE", &written), ("CREATE", &written)]);
        let changes = all(&text, "Change");
        assert_eq!(changes.len(), 2);
        assert_eq!(one(changes[1], "Action").as_deref(), Some("CREATE"));
        assert_eq!(set(changes[0]), Some(written));
    }

    #[test]
    fn only_quoted_strings_are_txt() {
        assert_eq!(strings(r#""a" "b\"c""#).unwrap(), ["a", "b\"c"]);
        assert_eq!(strings(r#""\303\251""#).unwrap(), ["é"]);
        let long = format!("\"{}\"", "x".repeat(256));
        for bad in ["a", "", r#""a"#, r#"a"b""#, &long] {
            assert_eq!(strings(bad), None, "{bad}");
        }
    }
}
