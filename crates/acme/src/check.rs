//! Looks at a certificate before it is stored: it must be the one that was asked for, for the key that was made, and
//! lead in order to its issuer.
//!
//! Not here: whether clients trust the issuer (a private authority is as good), revocation, and when to renew.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rcgen::{KeyPair, PublicKeyData as _};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use x509_parser::prelude::{FromDer as _, GeneralName, ParsedExtension, X509Certificate};

/// A chain of more certificates is no chain.
const CERTIFICATES: usize = 10;
/// What the column for chains takes.
const CHAIN_BYTES: usize = 65_535;
/// How far the authority's clock may be ahead of ours.
const CLOCK_SKEW_MS: i64 = 5 * 60 * 1000;

/// What a good chain says of its first certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// Begin of its validity, Unix milliseconds.
    pub not_before_ms: i64,
    /// End of its validity, Unix milliseconds.
    pub not_after_ms: i64,
    /// Its serial number in lower-case hexadecimal digits.
    pub serial: String,
    /// Who issued it, as in `C=US, O=Let's Encrypt, CN=R11`.
    pub issuer: String,
    /// All DNS names in it.
    pub names: Vec<String>,
    /// Its name in renewal information and in `replaces`; none when the authority gave it no key identifier.
    pub certificate_id: Option<String>,
}

/// Why a chain must not be stored. The texts hold names and positions (from 1), nothing of the key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Flaw {
    /// Not PEM, or nothing in it.
    #[error("the chain is no certificate in PEM")]
    NoPem,
    /// Too many certificates or bytes.
    #[error("the chain is longer than {CERTIFICATES} certificates or {CHAIN_BYTES} bytes")]
    TooLong,
    /// A certificate that cannot be read.
    #[error("certificate {0} of the chain cannot be read")]
    Unreadable(usize),
    /// The private key cannot be read.
    #[error("the private key cannot be read")]
    NoKey,
    /// The first certificate is for another key.
    #[error("the first certificate of the chain is for another key")]
    OtherKey,
    /// A certificate is not followed by its issuer.
    #[error("certificate {0} of the chain is not issued by the next one")]
    Order(usize),
    /// A certificate that issued another is not allowed to.
    #[error("certificate {0} of the chain issued another without being an authority")]
    NoAuthority(usize),
    /// The certificate is an authority's own, or not for servers.
    #[error("the first certificate of the chain is not for servers")]
    NotForServers,
    /// A name is missing.
    #[error("the certificate lacks the name {0}")]
    NameMissing(String),
    /// The validity has not begun.
    #[error("certificate {0} of the chain is not valid yet")]
    NotYetValid(usize),
    /// The validity is over.
    #[error("certificate {0} of the chain has expired")]
    Expired(usize),
}

/// Checks a chain (PEM, leaf first) for the private key (PEM) and the names it was ordered for, at an instant (Unix
/// milliseconds).
///
/// # Errors
/// The first [`Flaw`] found.
pub fn check(chain: &str, key: &str, names: &[String], now_ms: i64) -> Result<Checked, Flaw> {
    let ders = certificates(chain)?;
    let all = parse(&ders)?;
    let leaf = &all[0];
    let key = KeyPair::from_pem(key).map_err(|_| Flaw::NoKey)?;
    if leaf.public_key().subject_public_key.data.as_ref() != key.der_bytes() {
        return Err(Flaw::OtherKey);
    }
    for_servers(leaf)?;
    for (place, pair) in all.windows(2).enumerate() {
        issued_by(&pair[0], &pair[1], place + 1)?;
    }
    let has = dns_names(leaf);
    for name in names {
        if !has.iter().any(|n| n.eq_ignore_ascii_case(name)) {
            return Err(Flaw::NameMissing(name.clone()));
        }
    }
    for (place, one) in all.iter().enumerate() {
        if ms(one.validity().not_before) > now_ms.saturating_add(CLOCK_SKEW_MS) {
            return Err(Flaw::NotYetValid(place + 1));
        }
        if ms(one.validity().not_after) <= now_ms {
            return Err(Flaw::Expired(place + 1));
        }
    }
    Ok(told_by(leaf))
}

/// What a stored chain says of its first certificate; for those that were checked before they were stored.
///
/// # Errors
/// [`Flaw::NoPem`], [`Flaw::TooLong`] or [`Flaw::Unreadable`].
pub fn read(chain: &str) -> Result<Checked, Flaw> {
    let ders = certificates(chain)?;
    Ok(told_by(&parse(&ders[..1])?[0]))
}

fn told_by(leaf: &X509Certificate<'_>) -> Checked {
    Checked {
        not_before_ms: ms(leaf.validity().not_before),
        not_after_ms: ms(leaf.validity().not_after),
        serial: leaf
            .raw_serial()
            .iter()
            .map(|b| format!("{b:02x}"))
            .collect(),
        issuer: leaf.issuer().to_string(),
        names: dns_names(leaf),
        certificate_id: id_of(leaf),
    }
}

/// The name of a stored certificate in renewal information (RFC 9773 §4.1): its issuer's key identifier and its serial
/// number. None when its authority gave it no key identifier.
///
/// # Errors
/// [`Flaw::NoPem`], [`Flaw::TooLong`] or [`Flaw::Unreadable`].
pub fn certificate_id(chain: &str) -> Result<Option<String>, Flaw> {
    let ders = certificates(chain)?;
    Ok(id_of(&parse(&ders[..1])?[0]))
}

fn certificates(chain: &str) -> Result<Vec<CertificateDer<'static>>, Flaw> {
    if chain.len() > CHAIN_BYTES {
        return Err(Flaw::TooLong);
    }
    let mut all = Vec::new();
    for one in CertificateDer::pem_slice_iter(chain.as_bytes()) {
        all.push(one.map_err(|_| Flaw::NoPem)?);
        if all.len() > CERTIFICATES {
            return Err(Flaw::TooLong);
        }
    }
    if all.is_empty() {
        return Err(Flaw::NoPem);
    }
    Ok(all)
}

fn parse<'a>(ders: &'a [CertificateDer<'static>]) -> Result<Vec<X509Certificate<'a>>, Flaw> {
    let read = |(place, der): (usize, &'a CertificateDer<'static>)| {
        let bytes: &'a [u8] = der.as_ref();
        // the parser takes other bytes for a sequence's tag; no signature covers it, and stricter readers refuse it
        let sequence = bytes.first() == Some(&0x30);
        match X509Certificate::from_der(bytes) {
            Ok((rest, certificate)) if rest.is_empty() && sequence => Ok(certificate),
            _ => Err(Flaw::Unreadable(place + 1)),
        }
    };
    ders.iter().enumerate().map(read).collect()
}

/// Whether `one`, at a place of the chain, is issued and signed by `next`, which may do so.
fn issued_by(
    one: &X509Certificate<'_>,
    next: &X509Certificate<'_>,
    place: usize,
) -> Result<(), Flaw> {
    if one.issuer().as_raw() != next.subject().as_raw()
        || one.verify_signature(Some(next.public_key())).is_err()
    {
        return Err(Flaw::Order(place));
    }
    if next.is_ca() {
        Ok(())
    } else {
        Err(Flaw::NoAuthority(place + 1))
    }
}

fn for_servers(leaf: &X509Certificate<'_>) -> Result<(), Flaw> {
    let usage = leaf.extended_key_usage().map_err(|_| Flaw::Unreadable(1))?;
    let allowed = usage.is_none_or(|u| u.value.server_auth || u.value.any);
    if allowed && !leaf.is_ca() {
        Ok(())
    } else {
        Err(Flaw::NotForServers)
    }
}

fn dns_names(leaf: &X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(names)) = leaf.subject_alternative_name() else {
        return Vec::new();
    };
    let dns = |name: &GeneralName<'_>| match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        _ => None,
    };
    names.value.general_names.iter().filter_map(dns).collect()
}

fn id_of(leaf: &X509Certificate<'_>) -> Option<String> {
    leaf.iter_extensions()
        .find_map(|extension| match extension.parsed_extension() {
            ParsedExtension::AuthorityKeyIdentifier(issuer) => issuer.key_identifier.as_ref(),
            _ => None,
        })
        .map(|issuer| {
            format!(
                "{}.{}",
                URL_SAFE_NO_PAD.encode(issuer.0),
                URL_SAFE_NO_PAD.encode(leaf.raw_serial())
            )
        })
}

fn ms(time: x509_parser::time::ASN1Time) -> i64 {
    time.timestamp().saturating_mul(1000)
}

#[cfg(test)]
mod tests;
