//! CAA (RFC 8659): which authorities may issue for a name. The climb and the reading of a set are pure.

use crate::answer::{Agreement, Answer, Seen, Verdict};

/// What the DNS says about who may issue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caa {
    /// No name upwards has a record: anybody may.
    Unrestricted,
    /// The records that count.
    Set(CaaSet),
    /// It cannot be known now; in words.
    Unknown(String),
}

/// The records at one name, the nearest upwards that has any.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaaSet {
    /// Where they are.
    pub name: String,
    /// All of them.
    pub records: Vec<CaaRecord>,
}

/// One record.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct CaaRecord {
    /// Who does not understand the tag must not issue.
    pub critical: bool,
    /// `issue`, `issuewild`, `iodef`, ….
    pub tag: String,
    /// `letsencrypt.org; validationmethods=http-01`, or `;` for nobody.
    pub value: String,
}

impl CaaRecord {
    /// The issuer's domain; empty: nobody.
    fn issuer(&self) -> &str {
        let domain = self.value.split(';').next().unwrap_or_default();
        domain.trim().trim_end_matches('.')
    }

    fn is(&self, tag: &str) -> bool {
        self.tag.eq_ignore_ascii_case(tag)
    }
}

impl CaaSet {
    /// Whether one of these issuers (`letsencrypt.org`) may issue; `wildcard`: for a name with `*.` in front. Parameters
    /// behind the issuer's domain are not looked at.
    pub fn allows(&self, issuers: &[String], wildcard: bool) -> bool {
        let known = [
            "issue",
            "issuewild",
            "iodef",
            "contactemail",
            "contactphone",
        ];
        let foreign = |r: &&CaaRecord| r.critical && !known.iter().any(|tag| r.is(tag));
        if self.records.iter().any(|r| foreign(&r)) {
            return false;
        }
        let of = |tag| self.records.iter().filter(move |r| r.is(tag)).peekable();
        let (mut wild, mut plain) = (of("issuewild"), of("issue"));
        let mut names = |record: &CaaRecord| {
            let issuer = record.issuer();
            issuers.iter().any(|ours| ours.eq_ignore_ascii_case(issuer))
        };
        if wildcard && wild.peek().is_some() {
            return wild.any(&mut names);
        }
        plain.peek().is_none() || plain.any(&mut names)
    }

    /// For people: `CAA at example.com allows only "otherca.example"`.
    pub fn describe(&self) -> String {
        let issuers: Vec<String> = self
            .records
            .iter()
            .filter(|r| r.is("issue") || r.is("issuewild"))
            .map(|r| format!("{} \"{}\"", r.tag, crate::lookup::printable(&r.value)))
            .collect();
        format!(
            "the CAA records at {} say {}",
            self.name,
            issuers.join(", ")
        )
    }
}

/// The name itself, then every name above it, the top-level domain last.
pub(crate) fn climb(name: &str) -> impl Iterator<Item = &str> {
    let name = name.trim_end_matches('.');
    let start = name.strip_prefix("*.").unwrap_or(name);
    std::iter::successors(Some(start).filter(|n| !n.is_empty()), |name| {
        name.split_once('.').map(|(_, above)| above)
    })
}

/// What the servers' answers at one level amount to; `None`: nothing here, go on upwards.
pub(crate) fn at(level: &str, seen: &Seen<Vec<CaaRecord>>, quorum: usize) -> Option<Caa> {
    match seen.judge(Agreement::Quorum, |records| !records.is_empty()) {
        Verdict::Yes => {
            let mut records: Vec<CaaRecord> = seen.found().flatten().cloned().collect();
            records.sort();
            records.dedup();
            Some(Caa::Set(CaaSet {
                name: level.to_owned(),
                records,
            }))
        }
        // "No" alone may rest on one server that has none and others that are silent.
        Verdict::No if missing(seen) >= quorum => None,
        Verdict::No | Verdict::Unknown => {
            Some(Caa::Unknown(format!("{}: {}", seen.question(), why(seen))))
        }
    }
}

fn missing(seen: &Seen<Vec<CaaRecord>>) -> usize {
    let missing = seen.answers.iter();
    missing.filter(|(_, a)| *a == Answer::Missing).count()
}

fn why(seen: &Seen<Vec<CaaRecord>>) -> String {
    match seen.silent() {
        silent if silent.is_empty() => "the servers do not agree".to_owned(),
        silent => silent,
    }
}

#[cfg(test)]
mod tests;
