//! Names of keyrings and of keys: what may become part of a storage path.

use std::fmt;

/// Longest name of a keyring, in bytes.
const LONGEST: usize = 256;

/// A keyring's name: 1–256 bytes, no control characters, no empty, `.` or `..` segment between its slashes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Keyring(String);

/// A name that is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("keyring {0}")]
pub struct BadKeyring(&'static str);

impl BadKeyring {
    /// The storage in use cannot hold it, though another one might.
    pub(crate) fn unstorable() -> Self {
        Self("cannot be held by this storage")
    }
}

impl Keyring {
    /// Checks a name.
    ///
    /// # Errors
    /// [`BadKeyring`] says which rule it breaks, without repeating it.
    pub fn parse(name: &str) -> Result<Self, BadKeyring> {
        if name.is_empty() {
            return Err(BadKeyring("is empty"));
        }
        if name.len() > LONGEST {
            return Err(BadKeyring("is longer than 256 bytes"));
        }
        if name.chars().any(char::is_control) {
            return Err(BadKeyring("holds a control character"));
        }
        // An empty segment would be the same place on disk as none: two keyrings would share their keys.
        if name
            .split('/')
            .any(|segment| matches!(segment, "" | "." | ".."))
        {
            return Err(BadKeyring("has an empty, `.` or `..` segment"));
        }
        Ok(Self(name.to_owned()))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Where the newest key lies in storage.
    pub(crate) fn latest(&self) -> String {
        format!("{PREFIX}{}/{LATEST}", self.0)
    }

    /// Where a key lies in storage. The id must be one of [`is_key_id`].
    pub(crate) fn object(&self, key_id: &str) -> String {
        format!("{PREFIX}{}/{key_id}", self.0)
    }
}

/// Before every object of a keyring.
pub(crate) const PREFIX: &str = "keyring/";
/// Name of the copy of the newest key.
const LATEST: &str = "LATEST";

/// Whether a text can be a key's id. Ids come with blobs, so they are the caller's: one segment and nothing else, or
/// the blob of one keyring would reach the keys of another (`other/dek_1`, `../other/dek_1`).
pub(crate) fn is_key_id(id: &str) -> bool {
    !matches!(id, "" | "." | ".." | LATEST)
        && id.len() <= 128
        && !id.chars().any(|c| c.is_control() || c == '/')
}

/// The keyring an object belongs to; `None` for an object that is not of a keyring.
pub(crate) fn keyring_of(object: &str) -> Option<Keyring> {
    let (keyring, _) = object.strip_prefix(PREFIX)?.rsplit_once('/')?;
    Keyring::parse(keyring).ok()
}

impl fmt::Display for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keyring({:?})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_in_use_are_accepted_and_escapes_are_not() {
        let long = "x".repeat(256);
        for good in [
            "acme",
            "unkey_internal",
            "org/team/ring",
            "a.b",
            "..a",
            "env_1",
            "ключ",
            " ",
            &long,
        ] {
            assert!(Keyring::parse(good).is_ok(), "{good}");
        }
        let longer = "x".repeat(257);
        for bad in [
            "", "../../x", "a/../b", "..", ".", "a/.", "/a", "a/", "a//b", "a\0b", "a\nb", &longer,
        ] {
            assert!(Keyring::parse(bad).is_err(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn no_accepted_name_leaves_its_place(name in "[./a\\\\]{0,12}", id in "[./a]{0,6}") {
            if let Ok(keyring) = Keyring::parse(&name) && is_key_id(&id) {
                let object = keyring.object(&id);
                prop_assert!(!object.split('/').any(|s| matches!(s, "" | "." | "..")));
                prop_assert_eq!(keyring_of(&object), Some(keyring));
            }
        }
    }
}
