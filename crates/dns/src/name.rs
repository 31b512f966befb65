//! Which texts are host names a customer can bring. Pure; the public suffix list is compiled in.

use std::net::IpAddr;

/// Why a name cannot be used, with what to do instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Nothing, or too much.
    #[error("a host name has 1 to 253 characters, this one has {0}; shorten it")]
    Length(usize),
    /// A wildcard.
    #[error("a wildcard cannot be added; add each host name on its own")]
    Wildcard,
    /// An address.
    #[error("an IP address is no host name; create a DNS name for it and add that")]
    Address,
    /// Letters of other alphabets.
    #[error(
        "write the name in its ASCII form (xn--…); letters outside a-z, 0-9 and - cannot be used in DNS"
    )]
    NotAscii,
    /// A label breaks the rules of host names.
    #[error(
        "{0:?} is no label of a host name; use 1 to 63 of a-z, 0-9 and -, with no - at either end, and a dot between two labels"
    )]
    Label(String),
    /// One label, or a last one that is no top-level domain.
    #[error("the name must end in a top-level domain, as in www.example.com")]
    TopLevel,
    /// Anybody's.
    #[error(
        "{0} is a public suffix under which everybody can have names; add a name below it that is yours"
    )]
    PublicSuffix(String),
    /// Of this platform.
    #[error("{0} belongs to this platform; add a name of your own domain")]
    Ours(String),
}

/// Checks a name as it is stored: lower or upper case, no dot at the end. `ours`: domains of the platform; a name at or
/// under one of them is refused.
///
/// # Errors
/// What is wrong with it and what to do.
pub fn check_host_name(name: &str, ours: &[String]) -> Result<(), NameError> {
    if name.is_empty() || name.len() > 253 {
        return Err(NameError::Length(name.chars().count()));
    }
    let lower = name.to_ascii_lowercase();
    if lower.starts_with("*.") {
        return Err(NameError::Wildcard);
    }
    if lower.trim_matches(['[', ']']).parse::<IpAddr>().is_ok() {
        return Err(NameError::Address);
    }
    if !lower.is_ascii() {
        return Err(NameError::NotAscii);
    }
    for label in lower.split('.') {
        if !is_label(label) {
            let shown = crate::lookup::printable(label);
            return Err(NameError::Label(shown));
        }
    }
    match lower.rsplit_once('.') {
        Some((_, top)) if top.len() >= 2 && !top.bytes().all(|b| b.is_ascii_digit()) => {}
        _ => return Err(NameError::TopLevel),
    }
    let under = |domain: &&String| {
        let domain = domain.trim_matches('.').to_ascii_lowercase();
        !domain.is_empty() && (lower == domain || lower.ends_with(&format!(".{domain}")))
    };
    if let Some(domain) = ours.iter().find(under) {
        return Err(NameError::Ours(domain.trim_matches('.').to_owned()));
    }
    match apex(&lower) {
        Some(_) => Ok(()),
        None => Err(NameError::PublicSuffix(lower)),
    }
}

/// The registrable domain a name lies in: its public suffix and one label more. `None` for a public suffix itself.
pub fn apex(name: &str) -> Option<String> {
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    psl::domain_str(&name).map(str::to_owned)
}

fn is_label(label: &str) -> bool {
    (1..=63).contains(&label.len())
        && !label.starts_with('-')
        && !label.ends_with('-')
        && label
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(name: &str) -> Result<(), NameError> {
        check_host_name(
            name,
            &[
                "unkey.app".to_owned(),
                ".cname.example.com".to_owned(),
                String::new(),
            ],
        )
    }

    #[test]
    fn names_that_can_be_brought() {
        for name in [
            "api.acme.com",
            "acme.com",
            "ACME.co.uk",
            "a.xn--p1ai",
            "x.acme.test",
            "my-unkey.app.acme.com",
        ] {
            assert_eq!(check(name), Ok(()), "{name}");
        }
    }

    #[test]
    fn names_that_cannot_and_why() {
        let long = format!("{}.com", "a.".repeat(126));
        assert!(matches!(check(&long), Err(NameError::Length(_))));
        assert!(matches!(check(""), Err(NameError::Length(0))));
        assert_eq!(check("*.acme.com"), Err(NameError::Wildcard));
        assert_eq!(check("192.0.2.1"), Err(NameError::Address));
        assert_eq!(check("2001:db8::1"), Err(NameError::Address));
        assert_eq!(check("[2001:db8::1]"), Err(NameError::Address));
        assert_eq!(check("bücher.example"), Err(NameError::NotAscii));
        for bad in [
            "a..acme.com",
            "-a.acme.com",
            "a-.acme.com",
            "a_b.acme.com",
            "a b.acme.com",
            "acme.com.",
            "acme.com/x",
        ] {
            assert!(matches!(check(bad), Err(NameError::Label(_))), "{bad}");
        }
        assert_eq!(check("localhost"), Err(NameError::TopLevel));
        assert_eq!(check("acme.c"), Err(NameError::TopLevel));
        assert_eq!(check("1.2.3.444"), Err(NameError::TopLevel));
        for suffix in ["co.uk", "github.io"] {
            assert!(
                matches!(check(suffix), Err(NameError::PublicSuffix(_))),
                "{suffix}"
            );
        }
        assert_eq!(
            check("x.Unkey.App"),
            Err(NameError::Ours("unkey.app".to_owned()))
        );
        assert_eq!(
            check("cname.example.com"),
            Err(NameError::Ours("cname.example.com".to_owned()))
        );
    }

    #[test]
    fn the_apex_is_the_suffix_and_one_label() {
        assert_eq!(apex("a.b.acme.co.uk").as_deref(), Some("acme.co.uk"));
        assert_eq!(apex("Acme.com.").as_deref(), Some("acme.com"));
        assert_eq!(apex("acme.test").as_deref(), Some("acme.test"));
        assert_eq!(apex("co.uk"), None);
    }

    proptest! {
        /// Whatever passes can be asked for in the DNS and stored in a column of 256 characters.
        #[test]
        fn what_passes_is_a_dns_name(name in "[a-zA-Z0-9.*_\\-]{0,80}") {
            if check(&name).is_ok() {
                let rooted = name.clone() + ".";
                prop_assert!(hickory_resolver::proto::rr::Name::from_ascii(rooted).is_ok());
                prop_assert!(name.contains('.') && !name.ends_with('.'));
            }
        }
    }
}
