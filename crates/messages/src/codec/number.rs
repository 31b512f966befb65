//! Integers as proto3's JSON allows them: any JSON number whose value is integral, `1e3` and `2.0` included.
//! Exact: nothing goes through a floating-point number.

/// Digits of the longest value in range (`u64::MAX`).
const LONGEST: i64 = 20;

/// Reads a number in JSON's notation; `None`: not that notation, not integral, or far out of any range.
pub(super) fn integer(text: &str) -> Option<i128> {
    let (negative, rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (mantissa, exponent) = match rest.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, self::exponent(exponent)?),
        None => (rest, 0),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) if digits(fraction) => (whole, fraction),
        Some(_) => return None,
        None => (mantissa, ""),
    };
    if !digits(whole) || (whole.len() > 1 && whole.starts_with('0')) {
        return None;
    }
    let fraction = fraction.trim_end_matches('0');
    let all = format!("{whole}{fraction}");
    let significant = all.trim_start_matches('0');
    let shift = exponent.saturating_sub(i64::try_from(fraction.len()).ok()?);
    let kept = significant.trim_end_matches('0');
    if kept.is_empty() {
        return Some(0);
    }
    // value = kept × 10^zeros
    let zeros = shift.saturating_add(i64::try_from(significant.len() - kept.len()).ok()?);
    if zeros < 0 || zeros.saturating_add(i64::try_from(kept.len()).ok()?) > LONGEST {
        return None;
    }
    let value = kept.parse::<i128>().ok()? * 10_i128.pow(u32::try_from(zeros).ok()?);
    Some(if negative { -value } else { value })
}

fn exponent(text: &str) -> Option<i64> {
    let (negative, text) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    if !digits(text) {
        return None;
    }
    // Longer than any exponent that could still give a value in range: only the sign matters.
    let value = text.parse::<i64>().unwrap_or(i64::MAX / 2);
    Some(if negative { -value } else { value })
}

fn digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::integer;

    #[test]
    fn integral_notations_are_read_exactly() {
        for (text, value) in [
            ("0", 0),
            ("-0", 0),
            ("-0.000e5", 0),
            ("5", 5),
            ("-5", -5),
            ("2.0", 2),
            ("1e3", 1000),
            ("1E+3", 1000),
            ("1.5e1", 15),
            ("100e-2", 1),
            ("0.001e3", 1),
            ("9007199254740993", 9_007_199_254_740_993),
            ("9.223372036854775807e18", i128::from(i64::MAX)),
            ("18446744073709551615", i128::from(u64::MAX)),
            ("0e99999999999999999999", 0),
        ] {
            assert_eq!(integer(text), Some(value), "{text}");
        }
    }

    #[test]
    fn everything_else_is_refused() {
        for text in [
            "",
            " 1",
            "1 ",
            "+1",
            "01",
            "1.",
            ".5",
            "1.5",
            "1e-1",
            "1e",
            "1e+",
            "0x10",
            "1_000",
            "NaN",
            "Infinity",
            "--1",
            "-",
            "1e1000000000",
            "1e99999999999999999999",
            "123456789012345678901",
            "١",
        ] {
            assert_eq!(integer(text), None, "{text:?}");
        }
    }
}
