//! The dates in which authorities say when to come back.
//!
//! Not here: seconds; whoever reads the header knows its clock.

use time::format_description::well_known::{Rfc2822, Rfc3339};
use time::macros::format_description;
use time::{OffsetDateTime, PrimitiveDateTime};

/// A date as in HTTP headers, RFC 3339 or `2026-12-01 00:00:00 UTC`, as Unix milliseconds.
pub(crate) fn date_ms(text: &str) -> Option<i64> {
    let text = text.trim();
    let date = OffsetDateTime::parse(text, &Rfc2822)
        .or_else(|_| OffsetDateTime::parse(text, &Rfc3339))
        .ok()
        .or_else(|| {
            let plain = text.strip_suffix(" UTC")?;
            let form = format_description!("[year]-[month]-[day] [hour]:[minute]:[second]");
            Some(PrimitiveDateTime::parse(plain, form).ok()?.assume_utc())
        })?;
    date.unix_timestamp().checked_mul(1000)
}

/// The date after `retry after ` in an authority's words: some say it there and nowhere else.
pub(crate) fn in_words(words: &str) -> Option<i64> {
    const BEFORE: &[u8] = b"retry after ";
    let at = words
        .as_bytes()
        .windows(BEFORE.len())
        .position(|window| window.eq_ignore_ascii_case(BEFORE))?;
    let rest = &words[at + BEFORE.len()..];
    // the date is followed by anything: the longest beginning that is a date counts, and none is longer than this
    let ends = rest.char_indices().map(|(i, c)| i + c.len_utf8());
    let ends: Vec<usize> = ends.take(35).collect();
    ends.into_iter().rev().find_map(|end| date_ms(&rest[..end]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_forms_authorities_use_are_read() {
        let at = Some(1_796_083_200_000);
        assert_eq!(date_ms("Tue, 01 Dec 2026 00:00:00 GMT"), at);
        assert_eq!(date_ms("2026-12-01T00:00:00Z"), at);
        assert_eq!(date_ms(" 2026-12-01 00:00:00 UTC "), at);
        assert_eq!(date_ms("tomorrow"), None);
        let words = "too many certificates (5) already issued for this exact set of domains in the last 168h0m0s, ";
        for tail in [
            "retry after 2026-12-01 00:00:00 UTC: see https://letsencrypt.org/docs/rate-limits/",
            "Retry after 2026-12-01T00:00:00Z.",
            "retry after Tue, 01 Dec 2026 00:00:00 GMT",
        ] {
            assert_eq!(in_words(&format!("{words}{tail}")), at, "{tail}");
        }
        assert_eq!(in_words("retry after a while"), None);
        assert_eq!(in_words("nothing"), None);
    }

    proptest! {
        #[test]
        fn any_words_are_read_without_panic(words in ".{0,80}", tail in ".{0,80}") {
            let _ = in_words(&words);
            let _ = in_words(&format!("{words}retry after {tail}"));
        }
    }
}
