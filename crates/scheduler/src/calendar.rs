//! Instants as their UTC date, month or minute. Pure. Not a clock.

use time::OffsetDateTime;

fn utc(ms: i64) -> OffsetDateTime {
    // Beyond the year 9999 nothing is scheduled.
    OffsetDateTime::from_unix_timestamp(ms.div_euclid(1_000)).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

/// `2026-01-31`.
pub(crate) fn date(ms: i64) -> String {
    let t = utc(ms);
    format!("{:04}-{:02}-{:02}", t.year(), u8::from(t.month()), t.day())
}

/// `2026-01`.
pub(crate) fn month(ms: i64) -> String {
    let t = utc(ms);
    format!("{:04}-{:02}", t.year(), u8::from(t.month()))
}

/// The month before the one of this instant.
pub(crate) fn month_before(ms: i64) -> String {
    let t = utc(ms);
    match u8::from(t.month()) {
        1 => format!("{:04}-12", t.year() - 1),
        m => format!("{:04}-{:02}", t.year(), m - 1),
    }
}

/// `2026-01-31T23:59`.
pub(crate) fn minute(ms: i64) -> String {
    let t = utc(ms);
    format!("{}T{:02}:{:02}", date(ms), t.hour(), t.minute())
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    fn ms(t: OffsetDateTime) -> i64 {
        t.unix_timestamp() * 1_000 + i64::from(t.millisecond())
    }

    #[test]
    fn names_are_those_of_the_day_in_utc() {
        let last = ms(datetime!(2026-01-31 23:59:59.999 UTC));
        assert_eq!(date(last), "2026-01-31");
        assert_eq!(month(last), "2026-01");
        assert_eq!(minute(last), "2026-01-31T23:59");
        assert_eq!(month_before(last), "2025-12");
        assert_eq!(date(last + 1), "2026-02-01");
        assert_eq!(month_before(last + 1), "2026-01");
        assert_eq!(date(ms(datetime!(2028-02-29 00:00 UTC))), "2028-02-29");
    }
}
