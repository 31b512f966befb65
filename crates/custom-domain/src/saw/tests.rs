//! Tests of the words for what was seen.

use super::*;

const TARGET: &str = "abc.cname.test";
const NAME: &str = "_unkey.api.acme.test";
const VALUE: &str = "unkey-domain-verify=Ab1";

fn seen<T>(answers: Vec<Answer<T>>) -> Seen<T> {
    let named = answers.into_iter().enumerate();
    let named = named.map(|(n, answer)| (format!("10.0.0.{n}"), answer));
    Seen::new("x", "api.acme.test", 2, named.collect())
}

fn silent<T>() -> Answer<T> {
    Answer::Unknown("no answer in time".to_owned())
}

fn found(text: &str) -> Answer<String> {
    Answer::Found(text.to_owned())
}

fn texts(texts: &[&str]) -> Answer<Vec<String>> {
    Answer::Found(texts.iter().map(|&t| t.to_owned()).collect())
}

fn addresses(address: &str) -> Answer<Addresses> {
    Answer::Found(Addresses {
        aliases: vec![],
        addresses: [address.parse().expect("an address")].into(),
    })
}

#[test]
fn the_words_about_a_cname() {
    let say = |answers| cname("api.acme.test", TARGET, &seen(answers));
    assert_eq!(
        say(vec![Answer::Missing]),
        "api.acme.test has no CNAME to abc.cname.test"
    );
    assert_eq!(
        say(vec![found("shop.example")]),
        "api.acme.test has a CNAME to shop.example, not to abc.cname.test"
    );
    assert!(
        say(vec![found(TARGET), Answer::Missing, Answer::Missing])
            .starts_with("only 1 of 3 DNS servers")
    );
    assert_eq!(
        say(vec![silent()]),
        "the CNAME of api.acme.test could not be read (10.0.0.0: no answer in time)"
    );
    // one that was read and is not there, one that was not read
    let mixed = say(vec![Answer::Missing, silent()]);
    assert!(
        mixed.starts_with("api.acme.test has no CNAME")
            && mixed.ends_with("(10.0.0.1: no answer in time)")
    );
}

#[test]
fn the_words_about_a_text() {
    let say = |answers| text(NAME, VALUE, &seen(answers), Agreement::Quorum);
    assert_eq!(
        say(vec![Answer::Missing]),
        "there is no TXT record at _unkey.api.acme.test"
    );
    let wrong = say(vec![texts(&["a\u{7}\"b", &"x".repeat(99)])]);
    assert!(
        wrong.contains("none of the 2") && wrong.contains("\"a??b\"") && wrong.contains('…'),
        "{wrong}"
    );
    assert!(
        !wrong.contains(VALUE),
        "the expected value is shown where the records are listed, not here"
    );
    let case = say(vec![texts(&["unkey-domain-verify=AB1"])]);
    assert!(case.contains("upper and lower case count"), "{case}");
    let few = text(
        NAME,
        VALUE,
        &seen(vec![texts(&[VALUE]), Answer::Missing]),
        Agreement::All,
    );
    assert!(
        few.contains("only 1 of 2") && few.contains("all of them must"),
        "{few}"
    );
    assert!(
        say(vec![silent()])
            .starts_with("the TXT records at _unkey.api.acme.test could not be read")
    );
}

#[test]
fn a_value_is_exact_but_for_quotes_and_blanks() {
    for right in [
        VALUE.to_owned(),
        format!("\"{VALUE}\""),
        format!(" {VALUE} "),
        format!("\" {VALUE}\""),
    ] {
        assert!(is_value(&right, VALUE), "{right:?}");
    }
    for wrong in [
        "unkey-domain-verify=ab1",
        "unkey-domain-verify=Ab",
        "unkey-domain-verify=Ab1x",
        "",
    ] {
        assert!(!is_value(wrong, VALUE), "{wrong:?}");
    }
}

#[test]
fn an_owned_name_that_leads_elsewhere_is_told_of() {
    let say = |own, ours| unrouted("api.acme.test", TARGET, &seen(own), &seen(ours));
    let here = || vec![addresses("192.0.2.1")];
    assert_eq!(say(here(), here()), "");
    assert!(say(vec![addresses("198.51.100.9")], here()).contains("leads to 198.51.100.9"));
    assert!(say(vec![Answer::Missing], here()).contains("owned but not routed"));
    // nothing is claimed of what could not be read
    assert_eq!(say(vec![silent()], here()), "");
    assert_eq!(say(vec![addresses("198.51.100.9")], vec![silent()]), "");
}

#[test]
fn an_apex_without_address_is_told_what_record_is_missing() {
    let say = |answers| no_address("acme.test", TARGET, &seen(answers));
    let words = say(vec![Answer::Missing]);
    assert!(
        words.contains("alias record is missing") && words.contains(TARGET),
        "{words}"
    );
    assert!(say(vec![silent()]).contains("could not be read"));
}
