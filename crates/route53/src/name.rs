//! Names and ids in the one form used inside this crate. Pure.

use crate::{Class, Operation, Route53Error};

/// A name in lower case without a dot at the end; letters, digits, `-` and `_` only.
pub(crate) fn plain(operation: Operation, name: &str) -> Result<String, Route53Error> {
    let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    if name.len() <= 253 && name.split('.').all(label) {
        return Ok(name);
    }
    let why = format!("{name:?} is no name of a TXT record");
    Err(Route53Error::ours(operation, Class::BadRequest, why))
}

/// The name and all names above it that have at least two labels, longest first.
pub(crate) fn upwards(name: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(name), |name| Some(name.split_once('.')?.1))
        .filter(|name| name.contains('.'))
}

/// An id without `/hostedzone/` or `/change/`.
pub(crate) fn bare_id(id: &str) -> String {
    id.rsplit('/').next().unwrap_or(id).to_owned()
}

/// Whether a name of the service (a dot at the end, any case) is this one.
pub(crate) fn same(theirs: &str, ours: &str) -> bool {
    theirs
        .strip_suffix('.')
        .unwrap_or(theirs)
        .eq_ignore_ascii_case(ours)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_brought_to_one_form_or_refused() {
        let good = |name| plain(Operation::Put, name).unwrap();
        assert_eq!(
            good("_acme-challenge.Example.COM."),
            "_acme-challenge.example.com"
        );
        let long = format!("{}.com", "a.".repeat(126));
        for bad in [
            "",
            ".",
            "a..b",
            "*.example.com",
            "a b.com",
            "é.com",
            &long,
            "a.com..",
        ] {
            assert!(plain(Operation::Put, bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn zones_are_looked_for_from_the_longest_name_up() {
        let all: Vec<&str> = upwards("_acme-challenge.a.example.com").collect();
        assert_eq!(
            all,
            [
                "_acme-challenge.a.example.com",
                "a.example.com",
                "example.com"
            ]
        );
    }

    #[test]
    fn ids_lose_their_path() {
        assert_eq!(bare_id("/hostedzone/Z1"), "Z1");
        assert_eq!(bare_id("/change/C1"), "C1");
        assert_eq!(bare_id("Z1"), "Z1");
        assert!(same("A.Example.", "a.example") && !same("b.example.", "a.example"));
    }
}
