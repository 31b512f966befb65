//! What the DNS server knows by itself: records, failures to play, and what it was asked.

use std::collections::BTreeMap;

use super::{DnsData, DnsFailure, DnsKind};

/// A failure in force.
#[derive(Debug)]
pub(super) struct Rule {
    name: String,
    kind: Option<DnsKind>,
    failure: DnsFailure,
    /// `None`: until healed.
    left: Option<u32>,
}

impl Rule {
    pub(super) fn new(
        name: &str,
        kind: Option<DnsKind>,
        failure: DnsFailure,
        times: Option<u32>,
    ) -> Self {
        Self {
            name: plain(name),
            kind,
            failure,
            left: times,
        }
    }
}

/// The table of one server.
#[derive(Debug, Default)]
pub(super) struct Table {
    records: BTreeMap<String, Vec<DnsData>>,
    rules: Vec<Rule>,
    asked: BTreeMap<String, Vec<DnsKind>>,
}

impl Table {
    pub(super) fn add(&mut self, name: &str, data: DnsData) {
        self.records.entry(plain(name)).or_default().push(data);
    }

    pub(super) fn set(&mut self, name: &str, data: Vec<DnsData>) {
        self.records.insert(plain(name), data);
    }

    pub(super) fn remove(&mut self, name: &str) {
        self.records.remove(&plain(name));
    }

    pub(super) fn fail(&mut self, rule: Rule) {
        self.rules.push(rule);
    }

    pub(super) fn heal(&mut self, name: &str) {
        let name = plain(name);
        self.rules.retain(|rule| rule.name != name);
    }

    pub(super) fn queries(&self, name: &str, kind: Option<DnsKind>) -> usize {
        let asked = self.asked.get(&plain(name)).map_or(&[][..], Vec::as_slice);
        asked
            .iter()
            .filter(|asked| kind.is_none_or(|kind| kind == **asked))
            .count()
    }

    /// Counts a query and says how it must fail, if at all.
    pub(super) fn ask(&mut self, name: &str, kind: DnsKind) -> Option<DnsFailure> {
        self.asked.entry(name.to_owned()).or_default().push(kind);
        let hit = self.rules.iter_mut().rev().find(|rule| {
            (rule.name == "*" || rule.name == name)
                && rule.kind.is_none_or(|wanted| wanted == kind)
                && rule.left != Some(0)
        })?;
        hit.left = hit.left.map(|left| left - 1);
        Some(hit.failure)
    }

    /// The records at a name. A name above another one exists too, without data.
    pub(super) fn records(&self, name: &str) -> Option<Vec<DnsData>> {
        let below = format!(".{name}");
        match self.records.get(name) {
            Some(records) => Some(records.clone()),
            None => self
                .records
                .keys()
                .any(|known| known.ends_with(&below))
                .then(Vec::new),
        }
    }
}

/// Lower case, no dot at the end.
pub(super) fn plain(name: &str) -> String {
    name.trim_end_matches('.').to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_used_up_and_the_newest_rule_goes_first() {
        let mut table = Table::default();
        table.fail(Rule::new("*", None, DnsFailure::Refused, None));
        table.fail(Rule::new(
            "A.test.",
            Some(DnsKind::Txt),
            DnsFailure::ServFail,
            Some(1),
        ));
        assert_eq!(
            table.ask("a.test", DnsKind::Txt),
            Some(DnsFailure::ServFail)
        );
        assert_eq!(table.ask("a.test", DnsKind::Txt), Some(DnsFailure::Refused));
        table.heal("*");
        assert_eq!(table.ask("a.test", DnsKind::Txt), None);
        assert_eq!(table.queries("a.TEST", Some(DnsKind::Txt)), 3);
        assert_eq!(table.queries("a.test", Some(DnsKind::A)), 0);
    }

    #[test]
    fn a_name_above_another_exists_without_data() {
        let mut table = Table::default();
        table.add("x.a.test", DnsData::txt("t"));
        assert_eq!(table.records("a.test"), Some(vec![]));
        assert_eq!(table.records("b.test"), None);
        // the end of a label is not a parent
        assert_eq!(table.records("est"), None);
    }
}
