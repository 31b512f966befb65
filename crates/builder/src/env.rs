//! The secret file with a build's environment variables, and the hash that names it.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::{BuildError, Secret};

/// Most that BuildKit takes as one secret, bytes.
const MOST_BYTES: usize = 500 << 10;
/// How many names an error tells.
const NAMES: usize = 5;

/// The file, and the hash of what is in it, as lower-case hexadecimal digits of SHA-256.
///
/// A line is `NAME=value`, by name; a value with anything but letters, digits and `_./:@%+,=-` in it is quoted so that a
/// POSIX shell reads the same value back, line breaks included. The hash is over each name and value with its length before
/// it, so no two sets of variables share one.
///
/// # Errors
/// [`BuildError::Order`]: a name that no shell takes, a value with a NUL, or too much.
pub fn env_file(env: &BTreeMap<String, Secret>) -> Result<(Secret, String), BuildError> {
    refuse(
        env,
        |name, _| !is_name(name),
        |names| {
            format!(
                "environment variables of a build need names of letters, digits and '_' that begin with no digit; rename {names}"
            )
        },
    )?;
    refuse(
        env,
        |_, value| value.contains('\0'),
        |names| format!("environment variables cannot hold a NUL character; change {names}"),
    )?;
    let mut hash = Sha256::new();
    let mut file = Zeroizing::new(String::new());
    for (name, value) in env {
        let value = value.expose();
        for part in [name.as_str(), value] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        // grown by hand: a growing string leaves copies of the secret behind
        let mut grown = Zeroizing::new(String::with_capacity(
            file.len() + name.len() + 4 * value.len() + 4,
        ));
        grown.push_str(&file);
        grown.push_str(name);
        grown.push('=');
        quote(value, &mut grown);
        grown.push('\n');
        file = grown;
    }
    if file.len() > MOST_BYTES {
        return Err(BuildError::Order(format!(
            "the environment variables take {} bytes, a build can take {MOST_BYTES}: shorten or remove some",
            file.len()
        )));
    }
    let hash = hash.finalize();
    let hash = hash.iter().map(|b| format!("{b:02x}")).collect();
    Ok((Secret::new(std::mem::take(&mut *file)), hash))
}

fn refuse(
    env: &BTreeMap<String, Secret>,
    bad: impl Fn(&str, &str) -> bool,
    text: impl Fn(String) -> String,
) -> Result<(), BuildError> {
    let bad = |(name, value): &(&String, &Secret)| bad(name, value.expose());
    let names: Vec<String> = env
        .iter()
        .filter(bad)
        .map(|(name, _)| shown(name))
        .collect();
    if names.is_empty() {
        return Ok(());
    }
    let mut list = names
        .iter()
        .take(NAMES)
        .cloned()
        .collect::<Vec<_>>()
        .join(", ");
    if names.len() > NAMES {
        list.push_str(&format!(" and {} more", names.len() - NAMES));
    }
    Err(BuildError::Order(text(list)))
}

fn shown(name: &str) -> String {
    let short: String = name.chars().take(50).collect();
    format!("{short:?}")
}

fn is_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    let first = |b: u8| b.is_ascii_alphabetic() || b == b'_';
    bytes.next().is_some_and(first) && bytes.all(|b| first(b) || b.is_ascii_digit())
}

fn quote(value: &str, to: &mut String) {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"_./:@%+,=-".contains(&b);
    if value.bytes().all(plain) {
        to.push_str(value);
        return;
    }
    to.push('\'');
    for (at, part) in value.split('\'').enumerate() {
        if at > 0 {
            to.push_str("'\\''");
        }
        to.push_str(part);
    }
    to.push('\'');
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use proptest::prelude::*;

    use super::*;

    fn env(pairs: &[(&str, &str)]) -> BTreeMap<String, Secret> {
        let pair = |(name, value): &(&str, &str)| ((*name).to_owned(), Secret::new(*value));
        pairs.iter().map(pair).collect()
    }

    fn file(pairs: &[(&str, &str)]) -> String {
        let (file, _) = env_file(&env(pairs)).expect("a file");
        file.expose().to_owned()
    }

    fn hash(pairs: &[(&str, &str)]) -> String {
        env_file(&env(pairs)).expect("a file").1
    }

    #[test]
    fn lines_are_in_order_and_quoted_where_they_must_be() {
        assert_eq!(file(&[]), "");
        assert_eq!(
            file(&[
                ("B", "two words"),
                ("A", "https://x.test/?a=1&b=2"),
                ("C", ""),
                ("_D1", "it's"),
                ("E", "a\nb\r\n")
            ]),
            "A='https://x.test/?a=1&b=2'\nB='two words'\nC=\nE='a\nb\r\n'\n_D1='it'\\''s'\n"
        );
        assert_eq!(
            file(&[("A", "plain-1.2/x:y@z%+,=_")]),
            "A=plain-1.2/x:y@z%+,=_\n"
        );
    }

    #[test]
    fn the_hash_tells_every_two_sets_apart() {
        assert_eq!(
            hash(&[("B", "2"), ("A", "1")]),
            hash(&[("A", "1"), ("B", "2")])
        );
        assert_ne!(hash(&[("A", "1\nB=2")]), hash(&[("A", "1"), ("B", "2")]));
        assert_ne!(hash(&[("A", "BC")]), hash(&[("AB", "C")]));
        assert_ne!(hash(&[("A", "")]), hash(&[]));
        // each with its length before it, eight bytes, the highest first
        let by_hand = Sha256::digest(b"\0\0\0\0\0\0\0\x01A\0\0\0\0\0\0\0\x02xy");
        let by_hand: String = by_hand.iter().map(|b| format!("{b:02x}")).collect();
        assert_eq!(hash(&[("A", "xy")]), by_hand);
    }

    #[test]
    fn what_no_shell_takes_is_refused_by_name_and_without_its_value() {
        for bad in ["", "1A", "A-B", "A B", "A=B", "A\nB", "Ä", "A.B"] {
            let refused = env_file(&env(&[(bad, "hunter2"), ("GOOD", "x")])).expect_err(bad);
            let BuildError::Order(text) = refused else {
                panic!("{refused:?}");
            };
            assert!(
                text.contains(&format!("{bad:?}")) && !text.contains("hunter2"),
                "{text}"
            );
            assert!(!text.contains("GOOD") && !text.contains('\n'), "{text}");
        }
        let refused = env_file(&env(&[("A", "x\0y")])).expect_err("a NUL");
        assert_eq!(
            refused.to_string(),
            "environment variables cannot hold a NUL character; change \"A\""
        );
        let big = "x".repeat(MOST_BYTES);
        assert!(matches!(
            env_file(&env(&[("A", &big)])),
            Err(BuildError::Order(_))
        ));
        let many: Vec<String> = (0..9).map(|i| format!("{i}")).collect();
        let many: Vec<(&str, &str)> = many.iter().map(|n| (n.as_str(), "")).collect();
        let refused = env_file(&env(&many)).expect_err("no names").to_string();
        assert!(
            refused.ends_with("\"0\", \"1\", \"2\", \"3\", \"4\" and 4 more"),
            "{refused}"
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        /// A real shell reads every value back as it was.
        #[test]
        fn a_shell_reads_the_same_values(value in "[ -~\n\r\täß€'\"$`\\\\]{0,40}") {
            let text = file(&[("VALUE", &value)]);
            let script = format!("{text}printf %s \"$VALUE\"");
            let output = Command::new("sh").arg("-c").arg(script).output().expect("a shell");
            prop_assert_eq!(String::from_utf8_lossy(&output.stdout), value);
        }
    }
}
