//! The key of a certificate and the request that asks for it.
//!
//! Not here: encrypting and storing the key. It cannot be serialised, on purpose, so that it cannot reach a journal.

use std::fmt;

use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair};
use zeroize::Zeroizing;

use crate::{Operation, Problem};

/// Longer names do not fit into a subject's common name.
const COMMON_NAME_BYTES: usize = 64;

/// A kind of certificate key.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum KeyAlgorithm {
    /// ECDSA on P-256.
    #[default]
    P256,
    /// RSA with 2048 bits, for clients that know nothing else.
    Rsa2048,
}

/// The private key of a certificate.
pub struct CertificateKey {
    pem: Zeroizing<String>,
}

impl CertificateKey {
    /// A new key. RSA takes a moment: call it where blocking is allowed.
    ///
    /// # Errors
    /// A problem of class [`crate::Class::Settings`] when the system has no randomness.
    pub fn generate(algorithm: KeyAlgorithm) -> Result<Self, Problem> {
        let pair = match algorithm {
            KeyAlgorithm::P256 => KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256),
            KeyAlgorithm::Rsa2048 => {
                KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, rcgen::RsaKeySize::_2048)
            }
        };
        let pair = pair.map_err(|_| refuse("no certificate key could be made"))?;
        Ok(Self {
            pem: Zeroizing::new(pair.serialize_pem()),
        })
    }

    /// Reads a key back from PEM (PKCS#8, PKCS#1 or SEC1).
    ///
    /// # Errors
    /// A problem of class [`crate::Class::Settings`]. The text repeats nothing of the key.
    pub fn from_pem(pem: &str) -> Result<Self, Problem> {
        KeyPair::from_pem(pem)
            .map_err(|_| refuse("the certificate key is no private key in PEM"))?;
        Ok(Self {
            pem: Zeroizing::new(pem.to_owned()),
        })
    }

    /// The key in PEM. Secret: encrypt it in the step that made it.
    #[must_use]
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// The certificate request (DER) for names: all of them as alternative names, the first one that fits as common
    /// name.
    ///
    /// # Errors
    /// A problem of class [`crate::Class::Settings`] when a name is not ASCII or there is none.
    pub fn csr(&self, names: &[String]) -> Result<Vec<u8>, Problem> {
        if names.is_empty() {
            return Err(refuse("a certificate needs a name"));
        }
        let pair = KeyPair::from_pem(&self.pem)
            .map_err(|_| refuse("the certificate key cannot be read"))?;
        let mut params = CertificateParams::new(names.to_vec())
            .map_err(|_| refuse("a name of the certificate is not ASCII"))?;
        params.distinguished_name = DistinguishedName::new();
        if let Some(name) = names.iter().find(|name| name.len() <= COMMON_NAME_BYTES) {
            params
                .distinguished_name
                .push(DnType::CommonName, name.as_str());
        }
        params
            .serialize_request(&pair)
            .map(|csr| csr.der().to_vec())
            .map_err(|_| refuse("the certificate request cannot be signed"))
    }
}

impl fmt::Debug for CertificateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CertificateKey(***)")
    }
}

fn refuse(why: &str) -> Problem {
    Problem::settings(Operation::Settings, why)
}

#[cfg(test)]
mod tests {
    use super::*;
    use x509_parser::certification_request::X509CertificationRequest;
    use x509_parser::extensions::{GeneralName, ParsedExtension};
    use x509_parser::prelude::FromDer;

    fn read(der: &[u8]) -> (Vec<String>, Vec<String>) {
        let (_, csr) = X509CertificationRequest::from_der(der).unwrap();
        let info = &csr.certification_request_info;
        let common = info.subject.iter_common_name();
        let common = common.map(|n| n.as_str().unwrap().to_owned()).collect();
        let mut names = Vec::new();
        for extension in csr.requested_extensions().unwrap() {
            if let ParsedExtension::SubjectAlternativeName(san) = extension {
                for name in &san.general_names {
                    if let GeneralName::DNSName(name) = name {
                        names.push((*name).to_owned());
                    }
                }
            }
        }
        (common, names)
    }

    #[test]
    fn the_request_names_what_was_asked_for() {
        for algorithm in [KeyAlgorithm::P256, KeyAlgorithm::Rsa2048] {
            let key = CertificateKey::generate(algorithm).unwrap();
            let again = CertificateKey::from_pem(key.pem()).unwrap();
            let names = ["*.example.com".to_owned(), "example.com".to_owned()];
            let (common, all) = read(&again.csr(&names).unwrap());
            assert_eq!(common, ["*.example.com"]);
            assert_eq!(all, names);
        }
    }

    #[test]
    fn a_long_name_is_no_common_name_and_no_name_no_request() {
        let key = CertificateKey::generate(KeyAlgorithm::P256).unwrap();
        let long = format!("{}.example.com", "a".repeat(60));
        let (common, all) = read(&key.csr(std::slice::from_ref(&long)).unwrap());
        assert!(common.is_empty());
        assert_eq!(all, [long]);
        assert!(key.csr(&[]).is_err());
        assert!(key.csr(&["bücher.example".to_owned()]).is_err());
    }

    #[test]
    fn a_key_is_never_shown() {
        let key = CertificateKey::generate(KeyAlgorithm::P256).unwrap();
        assert_eq!(format!("{key:?}"), "CertificateKey(***)");
        let problem = CertificateKey::from_pem("hunter2").unwrap_err();
        assert!(!format!("{problem:?}").contains("hunter2"));
    }
}
