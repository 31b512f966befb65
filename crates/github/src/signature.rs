//! The signature of a webhook: whoever sent the body knows the secret.

use aws_lc_rs::hmac;
use subtle::ConstantTimeEq as _;

/// What the header begins with.
const PREFIX: &str = "sha256=";

/// Why a body is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadSignature {
    /// There is no secret, so that anybody could sign.
    #[error(
        "no webhook secret is configured: deliveries cannot be told from forgeries and are refused"
    )]
    NoSecret,
    /// The header is missing or of another kind.
    #[error("the delivery is not signed: `X-Hub-Signature-256` must begin with `sha256=`")]
    Unsigned,
    /// The signature is another one's, or the body was changed.
    #[error(
        "the delivery's signature is wrong: the webhook's secret at GitHub is another one, or the body was changed"
    )]
    Wrong,
}

/// Whether `header` (`X-Hub-Signature-256`) signs exactly this body with this secret. Takes the same time whatever is
/// wrong with it.
///
/// # Errors
/// [`BadSignature`].
pub fn verify_signature(secret: &[u8], body: &[u8], header: &str) -> Result<(), BadSignature> {
    if secret.is_empty() {
        return Err(BadSignature::NoSecret);
    }
    let given = header.strip_prefix(PREFIX).ok_or(BadSignature::Unsigned)?;
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
    let expected: String = hmac::sign(&key, body)
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    if bool::from(expected.as_bytes().ct_eq(given.as_bytes())) {
        Ok(())
    } else {
        Err(BadSignature::Wrong)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of GitHub's documentation.
    const SIGNED: &str = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
    const SECRET: &[u8] = b"It's a Secret to Everybody";

    #[test]
    fn c6_only_the_lower_case_digest_with_its_prefix_is_taken() {
        testbed::scenario!("C-6");
        let verify = |header: &str| verify_signature(SECRET, b"Hello, World!", header);
        assert_eq!(verify(SIGNED), Ok(()));
        assert_eq!(verify(&SIGNED.to_uppercase()), Err(BadSignature::Unsigned));
        let upper = format!("{PREFIX}{}", SIGNED[PREFIX.len()..].to_uppercase());
        assert_eq!(verify(&upper), Err(BadSignature::Wrong));
        assert_eq!(verify(&SIGNED[PREFIX.len()..]), Err(BadSignature::Unsigned));
        assert_eq!(verify(""), Err(BadSignature::Unsigned));
        assert_eq!(verify(PREFIX), Err(BadSignature::Wrong));
        assert_eq!(
            verify(&SIGNED[..SIGNED.len() - 1]),
            Err(BadSignature::Wrong)
        );
        let other = verify_signature(SECRET, b"Hello, World?", SIGNED);
        assert_eq!(other, Err(BadSignature::Wrong));
        let none = verify_signature(b"", b"Hello, World!", SIGNED);
        assert_eq!(none, Err(BadSignature::NoSecret));
    }
}
