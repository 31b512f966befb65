//! The password of a user: drawn once, inside the step that seals it. It is never journaled, logged or shown.

use rand::Rng;
use rand::seq::SliceRandom as _;
use zeroize::Zeroizing;

const LENGTH: usize = 64;
const UPPER: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const LOWER: &[u8] = b"abcdefghijklmnopqrstuvwxyz";
const DIGITS: &[u8] = b"0123456789";
/// Unreserved in a URL: the password stands in a DSN as it is.
const SPECIAL: &[u8] = b"-_.~";

/// 64 characters, at least one of each class, every character of the alphabet equally likely elsewhere.
pub(crate) fn draw(rng: &mut impl Rng) -> Zeroizing<String> {
    let classes = [UPPER, LOWER, DIGITS, SPECIAL];
    let alphabet = classes.concat();
    let one_of = |rng: &mut _, set: &[u8]| set[Rng::random_range(rng, 0..set.len())];
    let mut bytes = Zeroizing::new(Vec::with_capacity(LENGTH));
    for class in classes {
        bytes.push(one_of(rng, class));
    }
    while bytes.len() < LENGTH {
        bytes.push(one_of(rng, &alphabet));
    }
    bytes.shuffle(rng);
    Zeroizing::new(bytes.iter().map(|b| char::from(*b)).collect())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a test is not replayed")]
    fn every_password_is_long_has_all_classes_and_is_another() {
        let mut rng = rand::rng();
        let all: BTreeSet<String> = (0..200).map(|_| draw(&mut rng).to_string()).collect();
        assert_eq!(all.len(), 200);
        let mut used = BTreeSet::new();
        for password in &all {
            assert_eq!(password.len(), LENGTH);
            for class in [UPPER, LOWER, DIGITS, SPECIAL] {
                assert!(password.bytes().any(|b| class.contains(&b)), "{password}");
            }
            used.extend(password.bytes());
        }
        assert_eq!(used.len(), 66, "all of the alphabet and nothing else");
    }
}
