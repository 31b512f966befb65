//! Reading answers: the message of a good one, the reason of a refusal.
//!
//! Texts of the server are shortened and never passed on when they repeat a secret.

use std::time::{Duration, SystemTime};

use reqwest::header::{HeaderMap, RETRY_AFTER};
use serde::de::DeserializeOwned;

use crate::{Code, Operation, VaultError, wire};

/// Longest text of the server that an error carries, in characters.
const MESSAGE_CHARS: usize = 200;
/// How long to wait when a rate limit does not say.
const RATE_LIMIT_PAUSE: Duration = Duration::from_secs(5);
/// The longest wait a rate limit may ask for.
const LONGEST_RATE_LIMIT: Duration = Duration::from_secs(3600);

/// Reads the message of a good answer. What serde says about a bad one may quote it, so it is dropped.
pub(crate) fn read<A: DeserializeOwned>(
    operation: Operation,
    body: &[u8],
) -> Result<A, VaultError> {
    serde_json::from_slice(body).map_err(|_| VaultError::BadAnswer {
        operation,
        what: "not the JSON of its message",
    })
}

/// Turns an answer that is not 200 into an error.
pub(crate) fn refusal(
    operation: Operation,
    status: u16,
    headers: &HeaderMap,
    body: &[u8],
    secrets: &[&str],
) -> VaultError {
    let error: wire::ErrorBody = serde_json::from_slice(body).unwrap_or_default();
    let code = Code::from_text(&error.code).unwrap_or_else(|| Code::from_status(status));
    let until = (code == Code::ResourceExhausted).then(|| SystemTime::now() + retry_after(headers));
    VaultError::Answered {
        operation,
        code,
        status,
        message: message(&error.message, secrets),
        until,
    }
}

fn retry_after(headers: &HeaderMap) -> Duration {
    let seconds = headers
        .get(RETRY_AFTER)
        .and_then(|value| value.to_str().ok())
        .and_then(|text| text.parse().ok());
    seconds
        .map_or(RATE_LIMIT_PAUSE, Duration::from_secs)
        .min(LONGEST_RATE_LIMIT)
}

fn message(text: &str, secrets: &[&str]) -> String {
    if text.is_empty() {
        return "no reason given".to_owned();
    }
    if secrets
        .iter()
        .any(|secret| !secret.is_empty() && text.contains(secret))
    {
        return "reason withheld: it repeats a secret".to_owned();
    }
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(MESSAGE_CHARS)
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Class;

    fn refused(status: u16, body: &str, secret: &str) -> VaultError {
        refusal(
            Operation::Decrypt,
            status,
            &HeaderMap::new(),
            body.as_bytes(),
            &[secret],
        )
    }

    #[test]
    fn every_code_has_its_class() {
        let rows = [
            ("invalid_argument", 400, Class::BadRequest),
            ("failed_precondition", 400, Class::BadRequest),
            ("unimplemented", 501, Class::BadRequest),
            ("not_found", 404, Class::NotFound),
            ("unauthenticated", 401, Class::Unauthorised),
            ("permission_denied", 403, Class::Unauthorised),
            ("internal", 500, Class::Unavailable),
            ("unknown", 500, Class::Unavailable),
            ("unavailable", 503, Class::Unavailable),
            ("deadline_exceeded", 504, Class::Unavailable),
        ];
        for (code, status, class) in rows {
            let error = refused(
                status,
                &format!(r#"{{"code":"{code}","message":"why"}}"#),
                "",
            );
            assert_eq!(error.class(), class, "{code}");
            assert!(error.to_string().ends_with("why"), "{error}");
        }
        let limited = refused(429, r#"{"code":"resource_exhausted"}"#, "");
        assert!(
            matches!(limited.class(), Class::RateLimited { until } if until > SystemTime::now())
        );
    }

    #[test]
    fn an_answer_of_a_proxy_is_judged_by_its_status() {
        for (status, class) in [
            (502, Class::Unavailable),
            (403, Class::Unauthorised),
            (404, Class::BadRequest),
        ] {
            assert_eq!(refused(status, "<html>", "").class(), class);
        }
    }

    #[test]
    fn only_a_bad_decrypt_may_be_an_outage_in_disguise() {
        let bad = r#"{"code":"invalid_argument","message":""}"#;
        assert!(refused(400, bad, "").possibly_transient());
        let encrypt = refusal(
            Operation::Encrypt,
            400,
            &HeaderMap::new(),
            bad.as_bytes(),
            &[],
        );
        assert!(!encrypt.possibly_transient());
    }

    #[test]
    fn retry_after_is_followed_and_bounded() {
        for (text, expected) in [("7", 7), ("999999", 3600), ("soon", 5)] {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, text.parse().unwrap());
            assert_eq!(retry_after(&headers), Duration::from_secs(expected));
        }
    }

    #[test]
    fn an_unusable_answer_is_not_quoted() {
        let error =
            read::<wire::LivenessResponse>(Operation::Decrypt, br#"{"status":{"hunter2":1}}"#)
                .err()
                .unwrap();
        assert!(!format!("{error} {error:?}").contains("hunter2"));
    }

    proptest! {
        #[test]
        fn no_refusal_repeats_a_secret_or_grows(body in ".{0,400}", status in 201u16..599) {
            let echo = serde_json::json!({"code": "internal", "message": format!("{body}hunter2{body}")}).to_string();
            let error = refused(status, &echo, "hunter2");
            let shown = format!("{error} {error:?}");
            prop_assert!(!shown.contains("hunter2"), "{}", shown);
            let plain = refused(status, &serde_json::json!({"message": body}).to_string(), "hunter2").to_string();
            prop_assert!(plain.chars().count() < MESSAGE_CHARS + 80);
        }

        #[test]
        fn any_bytes_are_read_without_panic(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = read::<wire::DecryptBulkResponse>(Operation::DecryptBulk, &body);
            let _ = refusal(Operation::Decrypt, 500, &HeaderMap::new(), &body, &[]);
        }
    }
}
