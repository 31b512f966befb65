//! Tests of the pure half of CAA.

use super::*;

fn record(critical: bool, tag: &str, value: &str) -> CaaRecord {
    CaaRecord {
        critical,
        tag: tag.to_owned(),
        value: value.to_owned(),
    }
}

fn set(records: &[(&str, &str)]) -> CaaSet {
    CaaSet {
        name: "example.com".to_owned(),
        records: records.iter().map(|(t, v)| record(false, t, v)).collect(),
    }
}

fn ours() -> Vec<String> {
    vec!["letsencrypt.org".to_owned()]
}

#[test]
fn the_climb_ends_at_the_top_level_domain_and_leaves_the_star_out() {
    let names = |name| climb(name).collect::<Vec<_>>();
    assert_eq!(
        names("a.b.example."),
        ["a.b.example", "b.example", "example"]
    );
    assert_eq!(names("*.b.example"), ["b.example", "example"]);
    assert!(names("").is_empty());
}

#[test]
fn an_issuer_must_be_named_when_any_is() {
    assert!(set(&[("issue", "letsencrypt.org")]).allows(&ours(), false));
    assert!(set(&[("Issue", "LetsEncrypt.org; validationmethods=http-01")]).allows(&ours(), false));
    assert!(
        set(&[("issue", "otherca.example"), ("issue", " letsencrypt.org ")]).allows(&ours(), false)
    );
    assert!(!set(&[("issue", "otherca.example")]).allows(&ours(), false));
    assert!(!set(&[("issue", ";")]).allows(&ours(), false));
    assert!(!set(&[("issue", "")]).allows(&ours(), false));
    assert!(set(&[("iodef", "mailto:a@b.example")]).allows(&ours(), false));
}

#[test]
fn issuewild_counts_for_wildcards_alone() {
    let both = set(&[
        ("issue", "otherca.example"),
        ("issuewild", "letsencrypt.org"),
    ]);
    assert!(both.allows(&ours(), true));
    assert!(!both.allows(&ours(), false));
    assert!(!set(&[("issue", "letsencrypt.org"), ("issuewild", ";")]).allows(&ours(), true));
    // without issuewild, issue counts for both
    assert!(set(&[("issue", "letsencrypt.org")]).allows(&ours(), true));
}

#[test]
fn an_unknown_critical_tag_forbids() {
    let mut with = set(&[("issue", "letsencrypt.org")]);
    with.records.push(record(true, "tbs", "x"));
    assert!(!with.allows(&ours(), false));
    with.records.pop();
    with.records.push(record(false, "tbs", "x"));
    assert!(with.allows(&ours(), false));
}

#[test]
fn a_level_without_an_answer_is_unknown_and_not_climbed_over() {
    let seen = |answers: Vec<Answer<Vec<CaaRecord>>>| {
        let answers = answers.into_iter().map(|a| ("s".to_owned(), a)).collect();
        Seen::new("CAA", "a.test", 2, answers)
    };
    let found = || Answer::Found(vec![record(false, "issue", "ca.test")]);
    let silent = || Answer::Unknown("no answer".to_owned());
    let missing = || Answer::Missing;
    assert_eq!(
        at("a.test", &seen(vec![missing(), missing(), silent()]), 2),
        None
    );
    assert!(matches!(
        at("a.test", &seen(vec![missing(), silent(), silent()]), 2),
        Some(Caa::Unknown(_))
    ));
    assert!(matches!(
        at("a.test", &seen(vec![found(), found(), silent()]), 2),
        Some(Caa::Set(CaaSet { records, .. })) if records.len() == 1
    ));
    assert!(matches!(
        at("a.test", &seen(vec![found(), missing(), silent()]), 2),
        Some(Caa::Unknown(_))
    ));
}
