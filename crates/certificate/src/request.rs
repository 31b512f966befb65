//! The checked request of `ProcessChallenge`, and the words with which it is refused. Pure.

use durable::{Fault, codes};
use messages::hydra::v1::ProcessChallengeRequest;

/// The request with the name it is for. A name has one key, or two callers could order at once.
pub(crate) fn checked(
    key: &str,
    mut req: ProcessChallengeRequest,
) -> Result<ProcessChallengeRequest, Fault> {
    let refuse = |text: String| Fault {
        code: codes::INVALID_REQUEST,
        text,
    };
    if req.domain.is_empty() {
        req.domain = key.to_owned();
    }
    if req.domain != key {
        return Err(other_key(key, &req.domain));
    }
    let good = |b: u8| b.is_ascii_alphanumeric() || b"-._*".contains(&b);
    if req.domain.is_empty() || req.domain.len() > 253 || !req.domain.bytes().all(good) {
        return Err(refuse(format!(
            "{:?} is no host name: write its ASCII form (xn--…), at most 253 characters.",
            req.domain
        )));
    }
    Ok(req)
}

/// The name has another key.
pub(crate) fn other_key(key: &str, name: &str) -> Fault {
    Fault {
        code: codes::INVALID_REQUEST,
        text: format!(
            "the certificate of {name:?} is asked for at the key {key:?}: use the host name as the key."
        ),
    }
}

/// No custom domain has the name.
pub(crate) fn gone(name: &str) -> Fault {
    Fault {
        code: codes::DOMAIN_NOT_FOUND,
        text: format!("{name} is no custom domain (any more): add and verify it first."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(domain: &str) -> ProcessChallengeRequest {
        ProcessChallengeRequest {
            workspace_id: "ws".into(),
            domain: domain.into(),
        }
    }

    #[test]
    fn a_name_has_one_key() {
        assert_eq!(
            checked("a.test", request("")).map(|r| r.domain),
            Ok("a.test".into())
        );
        assert!(checked("*.a.test", request("*.a.test")).is_ok());
        for (key, domain) in [
            ("a.test", "b.test"),
            ("", ""),
            ("bücher.example", "bücher.example"),
            (&*"a".repeat(254), &*"a".repeat(254)),
        ] {
            let fault = checked(key, request(domain)).expect_err(domain);
            assert_eq!(fault.code, codes::INVALID_REQUEST);
        }
    }
}
