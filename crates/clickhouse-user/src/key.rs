//! Which object keys can name a user. Pure.

use durable::{Fault, codes};

/// Longest workspace id that is taken as a name.
const LONGEST: usize = 128;

/// Refuses whatever could end a name inside a statement, or name the administrator. Names cannot be parameters.
pub(crate) fn checked<'k>(key: &'k str, admin: &str) -> Result<&'k str, Fault> {
    let plain = key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if key.is_empty() || key.len() > LONGEST || !plain {
        let text = format!(
            "{key:?} is no workspace id: letters, digits and underscores, at most {LONGEST} of them, are expected as the object key."
        );
        return Err(Fault {
            code: codes::INVALID_REQUEST,
            text,
        });
    }
    if key == admin || key == "default" {
        return Err(Fault {
            code: codes::INVALID_REQUEST,
            text: format!("{key:?} is the name of a user of the server itself."),
        });
    }
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::checked;
    use proptest::prelude::*;

    #[test]
    fn workspace_ids_pass_and_anything_else_is_refused() {
        for good in ["ws_1", "WS", "a", &"w".repeat(128)] {
            assert_eq!(checked(good, "admin"), Ok(good));
        }
        for bad in [
            "",
            "ws_1; DROP USER x",
            "ws-1",
            "ws 1",
            "`ws`",
            "ws'",
            "wß",
            "ws_1\n",
            "default",
            "admin",
            &"w".repeat(129),
        ] {
            let fault = checked(bad, "admin").expect_err(bad);
            assert_eq!(fault.code.id, "CW0001", "{bad}");
        }
    }

    proptest! {
        #[test]
        fn what_passes_holds_nothing_that_ends_a_name(key in ".{0,40}") {
            if checked(&key, "admin").is_ok() {
                prop_assert!(!key.contains(['`', '\'', '"', '\\', ';', ' ', '.', '-', '\0', '\n']));
            }
        }
    }
}
