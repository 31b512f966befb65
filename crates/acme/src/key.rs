//! The key of an account: made here, read from the forms in which it may be stored, written as the existing worker
//! stores it.
//!
//! Not here: encrypting and storing it. It cannot be serialised, on purpose, so that it cannot reach a journal.

use std::fmt;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::encoding::{AsDer, EcPrivateKeyRfc5915Der, Pkcs8V1Der};
use aws_lc_rs::rsa;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject as _;
use zeroize::Zeroizing;

use crate::{Operation, Problem};

/// A kind of account key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyKind {
    /// ECDSA on P-256: what the existing worker stores and what we make.
    P256,
    /// RSA: the only kind the backend `acme2` can use.
    Rsa,
}

/// The private key of an account.
#[derive(Clone)]
pub struct AccountKey {
    kind: KeyKind,
    pkcs8: Zeroizing<Vec<u8>>,
    thumbprint: String,
}

impl AccountKey {
    /// A new key. RSA keys have 2048 bits and take a moment: call it where blocking is allowed.
    ///
    /// # Errors
    /// A problem of class [`crate::Class::Settings`] when the system has no randomness.
    pub fn generate(kind: KeyKind) -> Result<Self, Problem> {
        match kind {
            KeyKind::P256 => EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)
                .map_err(|_| refuse("no key could be made"))
                .and_then(|pair| Self::of_ec(&pair)),
            KeyKind::Rsa => rsa::KeyPair::generate(rsa::KeySize::Rsa2048)
                .map_err(|_| refuse("no key could be made"))
                .and_then(|pair| Self::of_rsa(&pair)),
        }
    }

    /// Reads a key in PEM: SEC1 (`EC PRIVATE KEY`) or PKCS#8 on P-256; RSA in PKCS#8 or PKCS#1.
    ///
    /// # Errors
    /// A problem of class [`crate::Class::Settings`] for anything else. The text repeats nothing of the key.
    pub fn from_pem(pem: &str) -> Result<Self, Problem> {
        let bad = |_| refuse("the account key is no private key in PEM");
        match PrivateKeyDer::from_pem_slice(pem.as_bytes()).map_err(bad)? {
            PrivateKeyDer::Sec1(key) => Self::read_ec(key.secret_sec1_der()),
            PrivateKeyDer::Pkcs1(key) => rsa::KeyPair::from_der(key.secret_pkcs1_der())
                .map_err(|_| refuse("the account key is a broken RSA key"))
                .and_then(|pair| Self::of_rsa(&pair)),
            PrivateKeyDer::Pkcs8(key) => match rsa::KeyPair::from_pkcs8(key.secret_pkcs8_der()) {
                Ok(pair) => Self::of_rsa(&pair),
                Err(_) => Self::read_ec(key.secret_pkcs8_der()),
            },
            _ => Err(refuse("the account key is of an unknown form")),
        }
    }

    fn read_ec(der: &[u8]) -> Result<Self, Problem> {
        EcdsaKeyPair::from_private_key_der(&ECDSA_P256_SHA256_FIXED_SIGNING, der)
            .map_err(|_| refuse("the account key is neither on the curve P-256 nor RSA"))
            .and_then(|pair| Self::of_ec(&pair))
    }

    fn of_ec(pair: &EcdsaKeyPair) -> Result<Self, Problem> {
        let pkcs8 = pair
            .to_pkcs8v1()
            .map_err(|_| refuse("the account key cannot be written"))?;
        let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
        // the members in the order that RFC 7638 demands
        let jwk = format!(
            r#"{{"crv":"P-256","kty":"EC","x":"{}","y":"{}"}}"#,
            URL_SAFE_NO_PAD.encode(x),
            URL_SAFE_NO_PAD.encode(y)
        );
        Ok(Self {
            kind: KeyKind::P256,
            pkcs8: Zeroizing::new(pkcs8.as_ref().to_vec()),
            thumbprint: thumbprint(&jwk),
        })
    }

    fn of_rsa(pair: &rsa::KeyPair) -> Result<Self, Problem> {
        let pkcs8: Pkcs8V1Der<'_> = pair
            .as_der()
            .map_err(|_| refuse("the account key cannot be written"))?;
        let public = pair.public_key();
        let jwk = format!(
            r#"{{"e":"{}","kty":"RSA","n":"{}"}}"#,
            URL_SAFE_NO_PAD.encode(public.exponent().big_endian_without_leading_zero()),
            URL_SAFE_NO_PAD.encode(public.modulus().big_endian_without_leading_zero())
        );
        Ok(Self {
            kind: KeyKind::Rsa,
            pkcs8: Zeroizing::new(pkcs8.as_ref().to_vec()),
            thumbprint: thumbprint(&jwk),
        })
    }

    /// Its kind.
    #[must_use]
    pub fn kind(&self) -> KeyKind {
        self.kind
    }

    /// The key in PEM: SEC1 (`EC PRIVATE KEY`) for P-256, as the existing worker stores it, PKCS#8 for RSA.
    ///
    /// # Errors
    /// None in practice; a problem of class [`crate::Class::Settings`] if the key cannot be written.
    pub fn to_pem(&self) -> Result<Zeroizing<String>, Problem> {
        match self.kind {
            KeyKind::Rsa => Ok(pem("PRIVATE KEY", &self.pkcs8)),
            KeyKind::P256 => {
                let broken = |()| refuse("the account key cannot be written");
                let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &self.pkcs8)
                    .map_err(|_| broken(()))?;
                let der: EcPrivateKeyRfc5915Der<'_> =
                    pair.private_key().as_der().map_err(|_| broken(()))?;
                Ok(pem("EC PRIVATE KEY", der.as_ref()))
            }
        }
    }

    /// The key's thumbprint (RFC 7638), the second half of every key authorisation. Public.
    #[must_use]
    pub fn thumbprint(&self) -> &str {
        &self.thumbprint
    }

    /// The key in PKCS#8.
    pub(crate) fn pkcs8(&self) -> &[u8] {
        &self.pkcs8
    }
}

impl fmt::Debug for AccountKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccountKey")
            .field("kind", &self.kind)
            .field("thumbprint", &self.thumbprint)
            .finish_non_exhaustive()
    }
}

fn thumbprint(jwk: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest(&SHA256, jwk.as_bytes()))
}

fn refuse(why: &str) -> Problem {
    Problem::settings(Operation::Settings, why)
}

/// DER in PEM, lines of 64 characters.
fn pem(label: &str, der: &[u8]) -> Zeroizing<String> {
    let body = Zeroizing::new(STANDARD.encode(der));
    // sized for the whole, so that growing leaves no copy of the key behind
    let mut text = String::with_capacity(body.len() + body.len() / 64 + 2 * label.len() + 64);
    text.push_str(&format!("-----BEGIN {label}-----\n"));
    let mut rest = body.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(64));
        text.push_str(line);
        text.push('\n');
        rest = after;
    }
    text.push_str(&format!("-----END {label}-----\n"));
    Zeroizing::new(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Class;

    /// Written by `openssl ecparam -genkey -name prime256v1`, the form the existing worker stores; used nowhere else.
    const SEC1: &str = "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n\
        -----BEGIN EC PRIVATE KEY-----\n\
        MHcCAQEEID2KoqATLfo7fUsMLJae2W0IdibE67F08pif3b14GoJwoAoGCCqGSM49\n\
        AwEHoUQDQgAEYDtgs2JCjD8mBWj71/fJ4FUA47vdsTyqP+YLUFP2OhyWzs891SVK\n\
        czcw0Tbrk/wITJiPZbq3JOKV8FwhMGGGJw==\n\
        -----END EC PRIVATE KEY-----\n";

    #[test]
    fn a_key_survives_storing_in_the_existing_form() {
        let key = AccountKey::generate(KeyKind::P256).unwrap();
        let pem = key.to_pem().unwrap();
        assert!(pem.starts_with("-----BEGIN EC PRIVATE KEY-----\n"), "SEC1");
        let back = AccountKey::from_pem(&pem).unwrap();
        assert_eq!(back.thumbprint(), key.thumbprint());
        assert_eq!(back.kind(), KeyKind::P256);
        // readers that know only SEC1 need the curve inside
        let body: String = pem.lines().filter(|l| !l.starts_with('-')).collect();
        let der = STANDARD.decode(body).unwrap();
        let curve = [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
        assert!(der.windows(curve.len()).any(|w| w == curve));
        assert!(pem.lines().all(|line| line.len() <= 64));
    }

    #[test]
    fn a_key_written_by_openssl_is_read() {
        let key = AccountKey::from_pem(SEC1).unwrap();
        assert_eq!(key.kind(), KeyKind::P256);
        assert_eq!(
            key.thumbprint(),
            "sos987ULcEKVNCQkIgVqf7Eu5U0AVHLZjBUZddc3mvw"
        );
    }

    #[test]
    fn rsa_keys_are_read_in_pkcs8() {
        let key = AccountKey::generate(KeyKind::Rsa).unwrap();
        let back = AccountKey::from_pem(&key.to_pem().unwrap()).unwrap();
        assert_eq!(back.kind(), KeyKind::Rsa);
        assert_eq!(back.thumbprint(), key.thumbprint());
    }

    #[test]
    fn other_texts_are_refused_without_being_repeated() {
        for text in [
            "",
            "hunter2",
            "-----BEGIN PRIVATE KEY-----\naHVudGVyMg==\n-----END PRIVATE KEY-----\n",
            "-----BEGIN EC PRIVATE KEY-----\naHVudGVyMg==\n-----END EC PRIVATE KEY-----\n",
        ] {
            let problem = AccountKey::from_pem(text).unwrap_err();
            assert_eq!(problem.class(), Class::Settings);
            let shown = format!("{problem} {problem:?}");
            assert!(!shown.contains("hunter2") && !shown.contains("aHVu"));
        }
        let key = AccountKey::generate(KeyKind::P256).unwrap();
        let body = key.to_pem().unwrap().lines().nth(1).unwrap().to_owned();
        assert!(!format!("{key:?}").contains(&body));
    }
}
