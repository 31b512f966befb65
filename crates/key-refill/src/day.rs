//! The date in an object's key: which keys are due on it, when it begins, and its mark in the ids of audit rows. Pure.

use durable::{Fault, codes};
use std::time::Duration;
use time::{Date, Month};

const DAY_MS: i64 = 86_400_000;
/// Above every day of a month and every value of the column.
const NEVER: i8 = i8::MAX;

/// A date of the calendar, in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Day(Date);

/// When a run for a date may begin.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Start {
    /// The date has begun.
    Now,
    /// It begins so much later.
    In(Duration),
}

impl Day {
    /// `YYYY-MM-DD`, alone or before a further `-`.
    pub(crate) fn of_key(key: &str) -> Result<Self, Fault> {
        parse(key).map(Self).ok_or_else(|| Fault {
            code: codes::NO_PERIOD,
            text: format!(
                "{key:?} is no date. Call with a key like 2026-01-31, or 2026-01-31-again."
            ),
        })
    }

    /// A date that begins within a day is waited for; one further ahead is a mistake.
    pub(crate) fn start(self, now_ms: i64) -> Result<Start, Fault> {
        let days = i64::from(self.0.to_julian_day()) - i64::from(EPOCH_JULIAN_DAY);
        let ahead = days * DAY_MS - now_ms;
        if ahead > DAY_MS {
            return Err(Fault {
                code: codes::DATE_AHEAD,
                text: format!(
                    "{} begins more than 24 hours from now. Call again when it has begun, or the day before.",
                    self.0
                ),
            });
        }
        Ok(match u64::try_from(ahead) {
            Ok(ms) if ms > 0 => Start::In(Duration::from_millis(ms)),
            _ => Start::Now,
        })
    }

    /// The day of the month: keys with this `refill_day` are due.
    pub(crate) fn of_month(self) -> u8 {
        self.0.day()
    }

    /// Keys with a `refill_day` above this are due too: on the last day of a month those whose day it does not have.
    pub(crate) fn also_above(self) -> i8 {
        let last = self.0.month().length(self.0.year());
        if self.0.day() == last {
            i8::try_from(last).unwrap_or(NEVER)
        } else {
            NEVER
        }
    }

    /// What every audit id of this date begins with: `log_` and six digits. The rest of the id is of the key, see
    /// `statements`. A date's ids lie side by side in the index, so that a million inserts touch few of its pages.
    pub(crate) fn audit_prefix(self) -> String {
        format!("log_{:06x}", self.0.to_julian_day())
    }

    /// `YYYY-MM-DD`.
    pub(crate) fn name(self) -> String {
        let (year, month, day) = self.0.to_calendar_date();
        format!("{year:04}-{:02}-{day:02}", u8::from(month))
    }
}

/// The Julian day of 1970-01-01.
const EPOCH_JULIAN_DAY: i32 = 2_440_588;

fn parse(key: &str) -> Option<Date> {
    let date = key.get(..10)?;
    let rest = key.get(10..)?;
    if !rest.is_empty() && !rest.starts_with('-') {
        return None;
    }
    let mut parts = date.split('-');
    let mut number = |digits: usize| -> Option<u16> {
        let part = parts.next()?;
        let whole = part.len() == digits && part.bytes().all(|b| b.is_ascii_digit());
        whole.then(|| part.parse().ok()).flatten()
    };
    let (year, month, day) = (number(4)?, number(2)?, number(2)?);
    let month = Month::try_from(u8::try_from(month).ok()?).ok()?;
    Date::from_calendar_date(year.into(), month, u8::try_from(day).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn day(key: &str) -> Day {
        Day::of_key(key).expect(key)
    }

    /// Whether a key with this `refill_day` is due, as the statement asks it.
    fn due(date: &str, refill_day: i8) -> bool {
        let day = day(date);
        refill_day == i8::try_from(day.of_month()).expect("small") || refill_day > day.also_above()
    }

    #[test]
    fn the_last_day_of_a_month_takes_the_days_it_does_not_have() {
        for (date, refill_day, expected) in [
            ("2025-02-28", 31, true),
            ("2025-02-28", 29, true),
            ("2024-02-28", 31, false),
            ("2024-02-28", 29, false),
            ("2024-02-29", 31, true),
            ("2024-02-29", 30, true),
            ("2025-04-30", 31, true),
            ("2025-03-30", 31, false),
            ("2025-03-31", 31, true),
            ("2025-03-31", 30, false),
            ("2025-03-30", 30, true),
            ("2100-02-28", 29, true),
            ("2000-02-28", 29, false),
        ] {
            assert_eq!(due(date, refill_day), expected, "{date} {refill_day}");
        }
    }

    #[test]
    fn whatever_is_no_date_is_refused() {
        for bad in [
            "",
            "abc",
            "2026-02",
            "2026-13-01",
            "2026-00-01",
            "2026-02-30",
            "2026-02-99",
            "2026-01-00",
            "2026-1-5",
            "26-01-05",
            "2026-01-05x",
            "2026/01/05",
            " 2026-01-05",
            "2026-01-055",
            "+026-01-05",
            "2026-01-0５",
            "２026-01-05",
        ] {
            let fault = Day::of_key(bad).expect_err(bad);
            assert_eq!((fault.code.id, fault.code.status), ("CW0045", 400));
        }
    }

    #[test]
    fn what_follows_the_date_is_ignored() {
        for key in [
            "2026-01-31",
            "2026-01-31-",
            "2026-01-31-again",
            "2026-01-31-a-b",
        ] {
            assert_eq!(day(key).name(), "2026-01-31");
            assert_eq!(day(key).audit_prefix(), day("2026-01-31").audit_prefix());
        }
        assert_eq!(day("2026-01-31").audit_prefix(), "log_258d90");
    }

    #[test]
    fn a_date_ahead_waits_for_its_beginning_or_is_refused() {
        let midnight = 1_772_323_200_000; // 2026-03-01
        let start = |now| day("2026-03-01").start(now);
        assert_eq!(start(midnight), Ok(Start::Now));
        assert_eq!(start(midnight + 400 * DAY_MS), Ok(Start::Now));
        assert_eq!(start(midnight - 1), Ok(Start::In(Duration::from_millis(1))));
        assert_eq!(
            start(midnight - DAY_MS),
            Ok(Start::In(Duration::from_secs(86_400)))
        );
        let fault = start(midnight - DAY_MS - 1).expect_err("too far");
        assert_eq!((fault.code.id, fault.code.status), ("CW0046", 400));
    }

    proptest! {
        #[test]
        fn any_text_is_a_date_or_a_refusal(key in "\\PC{0,14}|[0-9]{3,5}-[0-9]{1,3}-[0-9]{1,3}(-.*)?") {
            if let Ok(day) = Day::of_key(&key) {
                prop_assert!(key.starts_with(&day.name()));
            }
        }

        #[test]
        fn every_day_of_a_year_refills_each_monthly_key_exactly_twelve_times(year in 1970i32..2200, refill_day in 1i8..=31) {
            let days = if time::util::is_leap_year(year) { 366u16 } else { 365 };
            let times = (1..=days).filter(|n| {
                let date = Date::from_ordinal_date(year, *n).expect("a day of the year");
                due(&Day(date).name(), refill_day)
            });
            prop_assert_eq!(times.count(), 12);
        }
    }
}
