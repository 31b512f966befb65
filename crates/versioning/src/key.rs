//! Which object keys can name a counter. Pure.

use durable::{Fault, codes};

/// Width of the counter row's key column, characters.
const LONGEST: usize = 64;

/// Refuses a key that would share its row with another one (the column ignores blanks at the end) or not fit into it.
pub(crate) fn checked(key: &str) -> Result<&str, Fault> {
    let shared = key.ends_with(' ');
    if key.is_empty() || shared || key.chars().count() > LONGEST {
        let text = format!(
            "{key:?} cannot name a version counter: a key is the id of a region, at most {LONGEST} characters, without a blank at its end."
        );
        return Err(Fault {
            code: codes::INVALID_REQUEST,
            text,
        });
    }
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::checked;

    #[test]
    fn a_key_has_a_row_of_its_own_or_is_refused() {
        for good in ["rgn_x", "anything else", " leading", &"r".repeat(64)] {
            assert_eq!(checked(good), Ok(good));
        }
        for bad in ["", "rgn_x ", &"r".repeat(65)] {
            let fault = checked(bad).expect_err(bad);
            assert_eq!(fault.code.id, "CW0001");
        }
    }
}
