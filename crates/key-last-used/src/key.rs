//! Which part of the keys a call is about. Pure.

use durable::{Fault, codes};

/// More parts than this are a mistake.
const MOST: i32 = 1_024;

/// The number of the part and the number of parts; refuses a key that names none of them.
pub(crate) fn partition(key: &str, total: i32) -> Result<(u64, u64), Fault> {
    let number = key.parse::<i32>().ok().filter(|n| n.to_string() == key);
    match number {
        Some(n) if (1..=MOST).contains(&total) && (0..total).contains(&n) => {
            // both are above or equal to zero here
            Ok((n.unsigned_abs().into(), total.unsigned_abs().into()))
        }
        _ => Err(Fault {
            code: codes::INVALID_REQUEST,
            text: format!(
                "{key:?} is no partition of {total}: the object key is a number from 0 and below total_partitions, which is 1 to {MOST}."
            ),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::partition;

    #[test]
    fn numbers_below_the_total_pass_and_nothing_else() {
        assert_eq!(partition("0", 8), Ok((0, 8)));
        assert_eq!(partition("7", 8), Ok((7, 8)));
        assert_eq!(partition("0", 1), Ok((0, 1)));
        for (key, total) in [
            ("8", 8),
            ("-1", 8),
            ("", 8),
            ("x", 8),
            ("01", 8),
            ("+1", 8),
            ("1 ", 8),
            ("0", 0),
            ("0", -8),
            ("0", 1_025),
        ] {
            assert_eq!(partition(key, total).expect_err(key).code.id, "CW0001");
        }
    }
}
