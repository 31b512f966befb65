//! The words and codes of refusals. Pure.

use durable::{Fault, codes};

/// What `verification_error` begins with when the window ran out; callers of the existing worker look for it.
const TIMED_OUT: &str = "domain verification timed out after 24 hours";

/// What `verification_error` of a domain says that another workspace proved to own.
pub(crate) const CLAIMED: &str = "domain claimed by another workspace";

/// What a domain is told whose CNAME would suffice if nobody held the name.
pub(crate) const IN_USE: &str = "the name is in use elsewhere, so the TXT record is needed as well";

/// What a domain is told whose host name leads to another app.
pub(crate) const ROUTED_ELSEWHERE: &str =
    "the host name is routed for another app; the TXT record is needed to take it over";

/// Longest text the column takes.
const MAX_ERROR: usize = 512;

/// No row for this key.
pub(crate) fn missing(key: &str) -> Fault {
    Fault {
        code: codes::DOMAIN_NOT_FOUND,
        text: format!(
            "No custom domain has the id or host name {key:?}. Nothing is checked any more."
        ),
    }
}

/// Several rows for this host name.
pub(crate) fn several(key: &str, ids: &[String]) -> Fault {
    Fault {
        code: codes::DOMAIN_AMBIGUOUS,
        text: format!(
            "Several domains have the host name {key:?} and none is verified: {}. Use the id of the one that is meant.",
            ids.join(", ")
        ),
    }
}

/// The name cannot be used.
pub(crate) fn bad_name(text: String) -> Fault {
    Fault {
        code: codes::DOMAIN_NAME,
        text,
    }
}

/// The window ran out.
pub(crate) fn timed_out(key: &str) -> Fault {
    Fault {
        code: codes::DOMAIN_NOT_PROVEN,
        text: format!("{key}: {TIMED_OUT}. Publish the records and start the verification again."),
    }
}

/// The same for the customer, with what the last check saw.
pub(crate) fn timed_out_text(last: Option<&str>) -> String {
    match last.filter(|last| !last.is_empty()) {
        Some(last) => fit(&format!("{TIMED_OUT}; last seen: {last}")),
        None => TIMED_OUT.to_owned(),
    }
}

/// Whether a text is that of a window that ran out.
pub(crate) fn is_timed_out(text: &str) -> bool {
    text.starts_with(TIMED_OUT)
}

/// Cut to what the column takes.
pub(crate) fn fit(text: &str) -> String {
    if text.chars().count() <= MAX_ERROR {
        return text.to_owned();
    }
    let kept: String = text.chars().take(MAX_ERROR - 1).collect();
    kept + "…"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_fits_the_column_and_keeps_its_beginning() {
        assert_eq!(fit("short"), "short");
        let long = timed_out_text(Some(&"ü".repeat(600)));
        assert_eq!(long.chars().count(), MAX_ERROR);
        assert!(is_timed_out(&long) && long.contains("last seen"));
        assert_eq!(timed_out_text(None), TIMED_OUT);
        assert_eq!(timed_out_text(Some("")), TIMED_OUT);
    }
}
