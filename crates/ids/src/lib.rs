//! Ids and DNS labels: drawn at random, or derived from what they stand for.
//! Not for parsing: an id is opaque, other writers use other lengths and alphabets.
//!
//! Random ones are drawn inside a journaled step; derived ones are the same on every replay.

use rand::Rng;
use sha2::{Digest, Sha256};

const ALPHANUMERIC: &[u8; 62] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
const LOWER: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";

/// What an id stands for: the text before `_`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prefix(&'static str);

macro_rules! prefixes {
    ($($name:ident = $text:literal, $of:literal;)+) => {
        impl Prefix {
            $(#[doc = concat!("Prefix of ", $of, ".")] pub const $name: Self = Self($text);)+

            /// Every prefix.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];
        }
    };
}

prefixes! {
    WORKSPACE = "ws", "a workspace";
    PROJECT = "proj", "a project";
    APP = "app", "an app";
    ENVIRONMENT = "env", "an environment";
    DEPLOYMENT = "d", "a deployment";
    ROUTE = "flr", "a frontline route";
    SENTINEL = "s", "a sentinel";
    POLICY = "net", "a network policy";
    DOMAIN = "dom", "a custom domain";
    CERTIFICATE = "cert", "a certificate";
    ACME_ACCOUNT = "acme", "an account at the certificate authority";
    OPENAPI_SPEC = "oas", "an OpenAPI document";
    AUDIT_LOG = "log", "an audit log entry";
    INSTANCE = "ins", "an instance";
    REGION = "rgn", "a region";
    CLUSTER = "cls", "a cluster";
    KEY = "key", "an API key";
    VARIABLE = "evr", "an environment variable";
    AUTOSCALING_POLICY = "asp", "an autoscaling policy";
}

impl Prefix {
    /// The text itself, without `_`.
    pub const fn as_str(self) -> &'static str {
        self.0
    }
}

/// A new id: prefix, `_`, eight characters of `[a-zA-Z0-9]`.
pub fn random(prefix: Prefix) -> String {
    random_of_length(prefix, 8)
}

/// A new id with `length` characters of `[a-zA-Z0-9]` after the `_`.
pub fn random_of_length(prefix: Prefix, length: usize) -> String {
    let mut rng = rand::rng();
    let tail: String = (0..length)
        .map(|_| pick(ALPHANUMERIC, rng.random()))
        .collect();
    format!("{}_{tail}", prefix.0)
}

/// The id of whatever `parts` name: always the same for the same prefix and parts, 16 characters of
/// `[a-z0-9]` after the `_`. Lower case, because ids are compared without case in the database.
pub fn derived(prefix: Prefix, parts: &[&str]) -> String {
    format!("{}_{}", prefix.0, spread(prefix.0, parts, 16, LOWER))
}

/// A new DNS label: first `[a-z]`, then `[a-z0-9]`.
pub fn dns_label(length: usize) -> String {
    let mut rng = rand::rng();
    label((0..length).map(|_| rng.random()))
}

/// The DNS label of whatever `parts` name; same alphabet as [`dns_label`].
pub fn derived_dns_label(length: usize, parts: &[&str]) -> String {
    label(stream("label", parts).take(length))
}

fn label(draws: impl Iterator<Item = u64>) -> String {
    let letters = &LOWER[..26];
    draws
        .enumerate()
        .map(|(i, draw)| pick(if i == 0 { letters } else { LOWER }, draw))
        .collect()
}

fn spread(domain: &str, parts: &[&str], length: usize, alphabet: &[u8]) -> String {
    stream(domain, parts)
        .take(length)
        .map(|draw| pick(alphabet, draw))
        .collect()
}

/// 64 bits per character, so that the remainder's bias is far below anything that matters.
fn pick(alphabet: &[u8], draw: u64) -> char {
    alphabet[(draw % alphabet.len() as u64) as usize].into()
}

/// An endless row of numbers fixed by domain and parts. Each part is hashed with its length, so that
/// `["ab", "c"]` and `["a", "bc"]` differ.
fn stream(domain: &str, parts: &[&str]) -> impl Iterator<Item = u64> + use<> {
    let mut seed = Sha256::new();
    for part in std::iter::once(&domain).chain(parts) {
        seed.update((part.len() as u64).to_be_bytes());
        seed.update(part.as_bytes());
    }
    let seed = seed.finalize();
    (0u64..).flat_map(move |block| {
        let mut hash = Sha256::new();
        hash.update(seed);
        hash.update(block.to_be_bytes());
        let bytes: [u8; 32] = hash.finalize().into();
        let mut words = [0u64; 4];
        for (word, chunk) in words.iter_mut().zip(bytes.chunks_exact(8)) {
            *word = chunk
                .iter()
                .fold(0, |sum, byte| sum << 8 | u64::from(*byte));
        }
        words
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn random_ids_have_the_shape_the_other_writers_use() {
        for prefix in Prefix::ALL {
            let id = random(*prefix);
            let (head, tail) = id.split_once('_').expect("an underscore");
            assert_eq!(head, prefix.as_str());
            assert_eq!(tail.len(), 8);
            assert!(tail.chars().all(|c| c.is_ascii_alphanumeric()), "{id}");
        }
        assert_eq!(
            random_of_length(Prefix::AUDIT_LOG, 24).len(),
            "log_".len() + 24
        );
    }

    #[test]
    fn random_ids_differ() {
        let ids: BTreeSet<_> = (0..1000).map(|_| random(Prefix::ROUTE)).collect();
        assert_eq!(ids.len(), 1000);
    }

    #[test]
    fn derived_ids_are_the_same_for_ever() {
        // Changing these values would make a deployment in flight write its rows twice.
        assert_eq!(
            derived(Prefix::SENTINEL, &["env_1", "rgn_1"]),
            "s_uv1w0xbhzobvgql8"
        );
        assert_eq!(derived_dns_label(12, &["d_1"]), "nvzk379uvn9a");
    }

    #[test]
    fn derived_ids_tell_apart_prefix_parts_and_their_borders() {
        let ids: BTreeSet<_> = [
            derived(Prefix::SENTINEL, &["ab", "c"]),
            derived(Prefix::SENTINEL, &["a", "bc"]),
            derived(Prefix::SENTINEL, &["abc"]),
            derived(Prefix::SENTINEL, &["abc", ""]),
        ]
        .into();
        assert_eq!(ids.len(), 4);
        let tail = |id: String| id.split_once('_').map(|(_, tail)| tail.to_owned());
        assert_ne!(
            tail(derived(Prefix::POLICY, &["abc"])),
            tail(derived(Prefix::SENTINEL, &["abc"]))
        );
    }

    #[test]
    fn dns_labels_begin_with_a_letter() {
        for n in 0..200 {
            for label in [dns_label(8), derived_dns_label(8, &[&n.to_string()])] {
                assert_eq!(label.len(), 8);
                assert!(
                    label.starts_with(|c: char| c.is_ascii_lowercase()),
                    "{label}"
                );
                assert!(label.bytes().all(|c| LOWER.contains(&c)), "{label}");
            }
        }
        assert_eq!(derived_dns_label(63, &["long"]).len(), 63);
    }
}
