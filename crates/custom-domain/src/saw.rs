//! What a customer is told about one look at the DNS: what was seen and what is wanted. Pure.

use dns::{Addresses, Agreement, Answer, Seen};

/// Values shown of one set.
const SHOWN: usize = 3;

/// The CNAME half of a look that did not suffice.
pub(crate) fn cname(domain: &str, target: &str, seen: &Seen<String>) -> String {
    let right = seen.found().filter(|found| *found == target).count();
    let mut wrong: Vec<&str> = seen.found().map(String::as_str).collect();
    wrong.retain(|found| *found != target);
    wrong.dedup();
    if right > 0 {
        let all = seen.answers.len();
        return format!(
            "only {right} of {all} DNS servers see the CNAME {domain} to {target} yet{}",
            unread(seen)
        );
    }
    if let Some(wrong) = wrong.first() {
        return format!("{domain} has a CNAME to {}, not to {target}", shown(wrong));
    }
    if all_silent(seen) {
        return format!("the CNAME of {domain} could not be read{}", unread(seen));
    }
    format!("{domain} has no CNAME to {target}{}", unread(seen))
}

/// The TXT half.
pub(crate) fn text(
    name: &str,
    value: &str,
    seen: &Seen<Vec<String>>,
    agreement: Agreement,
) -> String {
    let matches = |texts: &Vec<String>| texts.iter().any(|text| is_value(text, value));
    let right = seen.found().filter(|texts| matches(texts)).count();
    if right > 0 {
        let all = seen.answers.len();
        let why = match agreement {
            Agreement::Quorum => "",
            Agreement::All => ", and the name is in use elsewhere, so all of them must",
        };
        return format!(
            "only {right} of {all} DNS servers see the TXT record at {name} yet{why}{}",
            unread(seen)
        );
    }
    let mut others: Vec<&String> = seen.found().flatten().collect();
    others.sort();
    others.dedup();
    if !others.is_empty() {
        let some: Vec<String> = others
            .iter()
            .take(SHOWN)
            .map(|text| format!("\"{}\"", shown(text)))
            .collect();
        let almost = match others.iter().any(|text| text.eq_ignore_ascii_case(value)) {
            true => " (upper and lower case count)",
            false => "",
        };
        return format!(
            "none of the {} TXT records at {name} is the expected value{almost}; found {}",
            others.len(),
            some.join(", ")
        );
    }
    if all_silent(seen) {
        return format!(
            "the TXT records at {name} could not be read{}",
            unread(seen)
        );
    }
    format!("there is no TXT record at {name}{}", unread(seen))
}

/// An apex name that leads nowhere.
pub(crate) fn no_address(domain: &str, target: &str, seen: &Seen<Addresses>) -> String {
    if all_silent(seen) {
        return format!(
            "the addresses of {domain} could not be read{}",
            unread(seen)
        );
    }
    format!(
        "{domain} has no address: the alias record is missing; add an ALIAS, ANAME or flattened CNAME record that leads to {target}{}",
        unread(seen)
    )
}

/// What is said of an owned name that does not seem to lead to us; empty when it does or nobody knows.
pub(crate) fn unrouted(
    domain: &str,
    target: &str,
    own: &Seen<Addresses>,
    ours: &Seen<Addresses>,
) -> String {
    let addresses = |seen: &Seen<Addresses>| -> Vec<std::net::IpAddr> {
        let mut all: Vec<_> = seen.found().flat_map(|a| a.addresses.clone()).collect();
        all.sort();
        all.dedup();
        all
    };
    let (own_addresses, our_addresses) = (addresses(own), addresses(ours));
    if own_addresses.is_empty() {
        if own
            .answers
            .iter()
            .any(|(_, answer)| *answer == Answer::Missing)
        {
            return format!(
                "the domain is owned but not routed: {domain} has no address; add a CNAME to {target}"
            );
        }
        return String::new();
    }
    if our_addresses.is_empty() || own_addresses.iter().any(|a| our_addresses.contains(a)) {
        return String::new();
    }
    let some: Vec<String> = own_addresses
        .iter()
        .take(SHOWN)
        .map(ToString::to_string)
        .collect();
    format!(
        "the domain is owned but may not be routed: {domain} leads to {}, not to {target}; if a proxy of yours stands there, \
         let it pass requests on to {target}",
        some.join(", ")
    )
}

/// Whether a TXT record is the value: exactly, but for quotes and blanks around it that some providers add.
pub(crate) fn is_value(text: &str, value: &str) -> bool {
    text.trim().trim_matches('"').trim() == value
}

fn all_silent<T>(seen: &Seen<T>) -> bool {
    seen.answers
        .iter()
        .all(|(_, answer)| matches!(answer, Answer::Unknown(_)))
}

/// ` (1.1.1.1: no answer in time)`, or nothing.
fn unread<T>(seen: &Seen<T>) -> String {
    match seen.silent() {
        silent if silent.is_empty() => String::new(),
        silent => format!(" ({silent})"),
    }
}

/// What a stranger wrote, fit for a message.
fn shown(text: &str) -> String {
    let kept: String = text
        .chars()
        .take(60)
        .map(|c| {
            if (' '..='~').contains(&c) && c != '"' {
                c
            } else {
                '?'
            }
        })
        .collect();
    if text.chars().count() > 60 {
        kept + "…"
    } else {
        kept
    }
}

#[cfg(test)]
mod tests;
