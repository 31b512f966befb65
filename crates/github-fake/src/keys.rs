//! Keys of an App, made anew in every process.
//!
//! Not for production: a key that is known to a test is no secret.

use std::sync::LazyLock;

use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::KeyPair as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Where the RSA key begins in its PKCS#8 wrapping: behind the headers of the sequence (4 bytes), the version (3), the
/// algorithm (15) and the octet string (4).
const WRAPPING: usize = 26;

/// An App's key in the forms in which it may be given, and its public half; PEM.
#[derive(Debug)]
pub struct Keys {
    /// `PRIVATE KEY`.
    pub pkcs8: String,
    /// `RSA PRIVATE KEY`.
    pub pkcs1: String,
    /// `RSA PUBLIC KEY`.
    pub public: String,
}

/// The keys of this process.
///
/// # Panics
/// No key could be made.
pub fn keys() -> &'static Keys {
    static KEYS: LazyLock<Keys> = LazyLock::new(|| {
        let pair = KeyPair::generate(KeySize::Rsa2048).expect("a key");
        let der: Pkcs8V1Der<'_> = pair.as_der().expect("its encoding");
        let der = der.as_ref();
        assert_eq!(der[WRAPPING], 0x30, "an RSA key is a sequence");
        Keys {
            pkcs8: pem("PRIVATE KEY", der),
            pkcs1: pem("RSA PRIVATE KEY", &der[WRAPPING..]),
            public: pem("RSA PUBLIC KEY", pair.public_key().as_ref()),
        }
    });
    &KEYS
}

fn pem(kind: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<&str> = text
        .as_bytes()
        .chunks(64)
        .filter_map(|line| std::str::from_utf8(line).ok())
        .collect();
    format!(
        "-----BEGIN {kind}-----\n{}\n-----END {kind}-----\n",
        lines.join("\n")
    )
}
