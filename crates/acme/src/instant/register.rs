//! Creates or finds the account of a key (RFC 8555 §7.3), with contact and external binding.
//!
//! The library registers either with a key of its own making, which would be lost with a crash before it is stored, or
//! without contact and binding. So this one request is signed here.

use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::header::{CONTENT_TYPE, LOCATION};
use serde_json::{Value, json};

use super::http::{Answer, Http, NoAnswer};
use super::read;
use crate::{AccountKey, ExternalAccount, KeyKind, Operation, Problem, Settings};

/// The account's URL.
pub(super) async fn register(
    http: &Http,
    settings: &Settings,
    key: &AccountKey,
    create: bool,
) -> Result<String, Problem> {
    let operation = Operation::Account;
    if key.kind() != KeyKind::P256 {
        let why = "account keys other than P-256; register a new account";
        return Err(Problem::unsupported(operation, why));
    }
    let way = |error: NoAnswer| Problem::unreachable(operation, error.to_string());
    let (directory, _) = http.get(operation, &settings.directory).await?;
    let (new_nonce, new_account) = read::account_urls(&directory)?;
    let nonce = http
        .send(http.client().head(new_nonce))
        .await
        .map_err(way)?;
    let Some(nonce) = header(&nonce, "replay-nonce") else {
        return Err(read::refusal(operation, &nonce));
    };
    let body = request(settings, key, create, &nonce, &new_account)?;
    let post = http
        .client()
        .post(&new_account)
        .header(CONTENT_TYPE, "application/jose+json")
        .body(body);
    let answer = http.send(post).await.map_err(way)?;
    if !matches!(answer.status, 200 | 201) {
        return Err(read::refusal(operation, &answer));
    }
    header(&answer, LOCATION.as_str())
        .ok_or_else(|| Problem::unreachable(operation, "the account it gave has no address"))
}

fn header(answer: &Answer, name: &str) -> Option<String> {
    let value = answer.headers.get(name)?.to_str().ok()?;
    (!value.is_empty()).then(|| value.to_owned())
}

/// The signed body.
fn request(
    settings: &Settings,
    key: &AccountKey,
    create: bool,
    nonce: &str,
    url: &str,
) -> Result<String, Problem> {
    let refuse = |why: &str| Problem::settings(Operation::Account, why);
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, key.pkcs8())
        .map_err(|_| refuse("the account key cannot be read"))?;
    let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
    let jwk = json!({
        "crv": "P-256",
        "kty": "EC",
        "x": URL_SAFE_NO_PAD.encode(x),
        "y": URL_SAFE_NO_PAD.encode(y),
    });
    let mut payload = if create {
        json!({ "termsOfServiceAgreed": true, "contact": settings.contact })
    } else {
        json!({ "onlyReturnExisting": true })
    };
    if let (true, Some(account)) = (create, &settings.external_account) {
        payload["externalAccountBinding"] = binding(account, &jwk, url);
    }
    let protected = json!({ "alg": "ES256", "jwk": jwk, "nonce": nonce, "url": url });
    let (protected, payload) = (part(&protected), part(&payload));
    let signature = pair
        .sign(
            &SystemRandom::new(),
            format!("{protected}.{payload}").as_bytes(),
        )
        .map_err(|_| refuse("the account key cannot sign"))?;
    Ok(signed(protected, payload, signature.as_ref()).to_string())
}

/// The proof that the holder of the external key wants this account key (RFC 8555 §7.3.4).
fn binding(account: &ExternalAccount, jwk: &Value, url: &str) -> Value {
    let protected = part(&json!({ "alg": "HS256", "kid": account.key_id, "url": url }));
    let payload = part(jwk);
    let key = hmac::Key::new(hmac::HMAC_SHA256, &account.key);
    let tag = hmac::sign(&key, format!("{protected}.{payload}").as_bytes());
    signed(protected, payload, tag.as_ref())
}

fn part(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

fn signed(protected: String, payload: String, signature: &[u8]) -> Value {
    json!({
        "protected": protected,
        "payload": payload,
        "signature": URL_SAFE_NO_PAD.encode(signature),
    })
}
