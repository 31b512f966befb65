//! The month in an object's key. Pure.

use durable::{Fault, codes};

/// A month of a year.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Period {
    pub(crate) year: i32,
    pub(crate) month: i32,
}

impl Period {
    /// `YYYY-MM`.
    pub(crate) fn of_key(key: &str) -> Result<Self, Fault> {
        parse(key).ok_or_else(|| Fault {
            code: codes::NO_PERIOD,
            text: format!("{key:?} is no month. Call with a key like 2026-01."),
        })
    }
}

fn parse(key: &str) -> Option<Period> {
    let (year, month) = key.split_once('-')?;
    let number = |text: &str, digits: usize| {
        let whole = text.len() == digits && text.bytes().all(|b| b.is_ascii_digit());
        whole.then(|| text.parse::<i32>().ok()).flatten()
    };
    let (year, month) = (number(year, 4)?, number(month, 2)?);
    (1..=12).contains(&month).then_some(Period { year, month })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_a_month_with_all_its_digits_is_one() {
        for (key, year, month) in [
            ("2026-01", 2026, 1),
            ("2026-12", 2026, 12),
            ("0001-09", 1, 9),
        ] {
            assert_eq!(Period::of_key(key), Ok(Period { year, month }));
        }
        for bad in [
            "",
            "2026",
            "2026-1",
            "2026-13",
            "2026-00",
            "26-01",
            "2026-01-05",
            "2026/01",
            " 2026-01",
            "2026-0１",
            "quota-check-2026-01",
            "+026-01",
            "20260-1",
        ] {
            let fault = Period::of_key(bad).expect_err(bad);
            assert_eq!((fault.code.id, fault.code.status), ("CW0045", 400));
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_month_or_a_refusal(key in "\\PC{0,9}|[0-9]{3,5}-[0-9]{1,3}") {
            if let Ok(period) = Period::of_key(&key) {
                prop_assert_eq!(format!("{:04}-{:02}", period.year, period.month), key);
            }
        }
    }
}
