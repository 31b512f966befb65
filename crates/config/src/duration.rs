//! Lengths of time as the configuration writes them: `500ms`, `2s`, `1m30s`, `0.5h`.
//!
//! Not for instants or calendars.

use std::time::Duration;

use serde::Serializer;

/// The units and their lengths in seconds.
const UNITS: [(&str, f64); 7] = [
    ("ns", 1e-9),
    ("us", 1e-6),
    ("µs", 1e-6),
    ("ms", 1e-3),
    ("s", 1.0),
    ("m", 60.0),
    ("h", 3600.0),
];

/// Parses a sequence of decimal numbers with units; `0` needs none. `None` when it is anything else.
pub(crate) fn parse(text: &str) -> Option<Duration> {
    if text == "0" {
        return Some(Duration::ZERO);
    }
    let mut rest = text;
    let mut total = 0.0;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest.get(..end)?.parse().ok()?;
        rest = rest.get(end..)?;
        let unit_end = rest
            .find(|c: char| c.is_ascii_digit() || c == '.')
            .unwrap_or(rest.len());
        let (unit, after) = rest.split_at(unit_end);
        let (_, seconds) = UNITS.iter().find(|(name, _)| *name == unit)?;
        total += number * seconds;
        rest = after;
    }
    if text.is_empty() {
        None
    } else {
        Duration::try_from_secs_f64(total).ok()
    }
}

/// Prints a duration so that [`parse`] reads the same again.
pub(crate) fn print(duration: Duration) -> String {
    let millis = duration.as_millis();
    if millis == 0 {
        return if duration.is_zero() {
            "0s".to_owned()
        } else {
            format!("{}ns", duration.as_nanos())
        };
    }
    let mut rest = millis;
    let mut text = String::new();
    for (unit, length) in [("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)] {
        if rest >= length {
            text.push_str(&format!("{}{unit}", rest / length));
            rest %= length;
        }
    }
    text
}

/// For `#[serde(serialize_with)]`.
pub(crate) fn serialize<S: Serializer>(
    duration: &Duration,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&print(*duration))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_they_are_printed() {
        for (text, millis) in [
            ("500ms", 500),
            ("2s", 2_000),
            ("1m30s", 90_000),
            ("10m", 600_000),
            ("24h", 86_400_000),
            ("1h0m1s", 3_601_000),
        ] {
            let parsed = parse(text).unwrap_or_default();
            assert_eq!(parsed, Duration::from_millis(millis), "{text}");
            assert_eq!(parse(&print(parsed)), Some(parsed), "{text}");
        }
        assert_eq!(parse("1.5s"), Some(Duration::from_millis(1500)));
        assert_eq!(parse("0"), Some(Duration::ZERO));
        assert_eq!(print(Duration::ZERO), "0s");
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        for text in ["", "5", "s", "5 s", "-1s", "1d", "1.2.3s", "ten"] {
            assert_eq!(parse(text), None, "{text:?}");
        }
    }
}
