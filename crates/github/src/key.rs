//! The App's own key, and the proofs signed with it. A proof lasts for minutes and says nothing but who the App is.

use std::fmt;

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde::Serialize;

use crate::{GitHubError, Operation};

/// A proof is dated back by this, seconds: GitHub refuses one from its future.
const SKEW: i64 = 60;
/// A proof ends this much after now, seconds; GitHub allows ten minutes, by its own clock.
const LIFE: i64 = 9 * 60;

/// Number and private key of a GitHub App.
#[derive(Clone)]
pub struct AppKey {
    app_id: i64,
    key: EncodingKey,
}

#[derive(Serialize)]
struct Claims {
    iat: i64,
    exp: i64,
    iss: String,
}

impl AppKey {
    /// Reads an RSA key in PEM, PKCS#1 or PKCS#8; also one that came through an environment variable, with `\n` for line
    /// breaks and quotes around.
    ///
    /// # Errors
    /// It is no RSA key.
    pub fn new(app_id: i64, pem: &str) -> Result<Self, GitHubError> {
        let refused = |why| GitHubError::Settings {
            operation: Operation::Settings,
            why,
        };
        if app_id <= 0 {
            return Err(refused("the App's id must be a number above zero"));
        }
        let pem = pem.trim().trim_matches('"').replace("\\n", "\n");
        let key = EncodingKey::from_rsa_pem(pem.as_bytes()).map_err(|_| {
            refused("the App's private key is no RSA key in PEM; download a new one from the App's page")
        })?;
        let app = Self { app_id, key };
        // a key that parses may still be one that cannot sign
        app.proof(0)?;
        Ok(app)
    }

    /// A JWT that proves to be the App, at an instant in epoch seconds.
    pub(crate) fn proof(&self, now: i64) -> Result<String, GitHubError> {
        let claims = Claims {
            iat: now - SKEW,
            exp: now + LIFE,
            iss: self.app_id.to_string(),
        };
        let signed = jsonwebtoken::encode(&Header::new(Algorithm::RS256), &claims, &self.key);
        signed.map_err(|_| GitHubError::Settings {
            operation: Operation::Settings,
            why: "the App's private key cannot sign",
        })
    }
}

impl fmt::Debug for AppKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AppKey")
            .field("app_id", &self.app_id)
            .finish_non_exhaustive()
    }
}
