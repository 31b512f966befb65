//! The library's values and the authority's documents as ours.
//!
//! Not here: asking for them.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use instant_acme::{AuthorizationState, Error, OrderState};
use serde::Deserialize;
use time::OffsetDateTime;

use super::http::{Answer, Seen};
use crate::{
    AccountKey, Authorization, AuthorizationStatus, Challenge, ChallengeKind, ChallengeStatus,
    Directory, Operation, Order, OrderStatus, Problem, RenewalInfo, Subproblem,
};

pub(super) const BAD_NONCE: &str = "urn:ietf:params:acme:error:badNonce";
/// Where an authority does not say when to ask for a window again: RFC 9773 §4.3.2.
const ASK_AGAIN_MS: i64 = 6 * 3600 * 1000;

/// An error of the library as a problem.
pub(super) fn problem(operation: Operation, error: Error, seen: &Seen) -> Problem {
    match error {
        Error::Api(told) => {
            let mut problem = told_by(operation, &told);
            if problem.status == 0 {
                problem.status = seen.status;
            }
            problem.retry_after_ms = seen.retry_after_ms.or(problem.retry_after_ms);
            problem
        }
        Error::Unsupported(what) => Problem::unsupported(operation, what),
        Error::KeyRejected | Error::Crypto => {
            Problem::settings(operation, "the account key is not accepted")
        }
        Error::InvalidUri(_) | Error::Http(_) => {
            Problem::unreachable(operation, "an address in its answers is none")
        }
        Error::Json(error) => Problem::unreachable(operation, format!("not ACME: {error}")),
        error => Problem::unreachable(operation, error.to_string()),
    }
}

fn told_by(operation: Operation, told: &instant_acme::Problem) -> Problem {
    let parts = told.subproblems.iter().map(|part| {
        let name = part.identifier.as_ref();
        let name = name.map(|name| name.authorized(false).to_string());
        Subproblem::new(part.r#type.as_deref(), part.detail.as_deref(), name)
    });
    let kind = told.r#type.as_deref();
    let detail = told.detail.as_deref();
    Problem::told(operation, told.status.unwrap_or(0), kind, detail).with_subproblems(parts)
}

/// A refusal outside the library as a problem.
pub(super) fn refusal(operation: Operation, answer: &Answer) -> Problem {
    let mut problem = match serde_json::from_slice::<instant_acme::Problem>(&answer.body) {
        Ok(told) => told_by(operation, &told),
        Err(_) => Problem::told(operation, answer.status, None, Some("no problem document")),
    };
    problem.status = answer.status;
    problem.retry_after_ms = answer.seen.retry_after_ms.or(problem.retry_after_ms);
    problem
}

pub(super) fn order(url: String, state: &OrderState, seen: &Seen) -> Order {
    let problem = state.error.as_ref();
    Order {
        url,
        status: order_status(state.status),
        problem: problem.map(|told| told_by(Operation::Validation, told)),
        retry_after_ms: seen.retry_after_ms,
    }
}

pub(super) fn order_status(status: instant_acme::OrderStatus) -> OrderStatus {
    use instant_acme::OrderStatus as Theirs;
    match status {
        Theirs::Pending => OrderStatus::Pending,
        Theirs::Ready => OrderStatus::Ready,
        Theirs::Processing => OrderStatus::Processing,
        Theirs::Valid => OrderStatus::Valid,
        Theirs::Invalid => OrderStatus::Invalid,
    }
}

pub(super) fn challenge_status(status: instant_acme::ChallengeStatus) -> ChallengeStatus {
    use instant_acme::ChallengeStatus as Theirs;
    match status {
        Theirs::Pending => ChallengeStatus::Pending,
        Theirs::Processing => ChallengeStatus::Processing,
        Theirs::Valid => ChallengeStatus::Valid,
        Theirs::Invalid => ChallengeStatus::Invalid,
    }
}

pub(super) fn kind_out(kind: ChallengeKind) -> instant_acme::ChallengeType {
    match kind {
        ChallengeKind::Http01 => instant_acme::ChallengeType::Http01,
        ChallengeKind::Dns01 => instant_acme::ChallengeType::Dns01,
    }
}

pub(super) fn authorization(
    url: &str,
    state: &AuthorizationState,
    key: &AccountKey,
) -> Authorization {
    use instant_acme::AuthorizationStatus as Theirs;
    let name = state.identifier().identifier.authorized(false).to_string();
    let challenges = state.challenges.iter().filter_map(|challenge| {
        let kind = match challenge.r#type {
            instant_acme::ChallengeType::Http01 => ChallengeKind::Http01,
            instant_acme::ChallengeType::Dns01 => ChallengeKind::Dns01,
            _ => return None,
        };
        let problem = challenge.error.as_ref();
        Some(Challenge::of(
            key,
            kind,
            challenge_status(challenge.status),
            &challenge.token,
            problem.map(|told| told_by(Operation::Validation, told)),
        ))
    });
    Authorization {
        url: url.to_owned(),
        wildcard: state.wildcard,
        status: match state.status {
            Theirs::Pending => AuthorizationStatus::Pending,
            Theirs::Valid => AuthorizationStatus::Valid,
            Theirs::Invalid => AuthorizationStatus::Invalid,
            _ => AuthorizationStatus::Gone,
        },
        challenges: challenges.collect(),
        name,
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DirectoryDocument {
    pub(super) new_nonce: String,
    pub(super) new_account: String,
    renewal_info: Option<String>,
    #[serde(default)]
    meta: Meta,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Meta {
    external_account_required: bool,
    caa_identities: Vec<String>,
    profiles: std::collections::BTreeMap<String, String>,
}

fn document(operation: Operation, body: &[u8]) -> Result<DirectoryDocument, Problem> {
    serde_json::from_slice(body)
        .map_err(|error| Problem::unreachable(operation, format!("no ACME directory: {error}")))
}

pub(super) fn directory(body: &[u8]) -> Result<Directory, Problem> {
    let found = document(Operation::Directory, body)?;
    Ok(Directory {
        renewal_info: found.renewal_info.is_some(),
        external_account_required: found.meta.external_account_required,
        caa_identities: found.meta.caa_identities,
        profiles: found.meta.profiles.into_keys().collect(),
    })
}

pub(super) fn renewal_info_url(body: &[u8]) -> Result<Option<String>, Problem> {
    Ok(document(Operation::RenewalInfo, body)?.renewal_info)
}

/// The addresses for a nonce and a new account.
pub(super) fn account_urls(body: &[u8]) -> Result<(String, String), Problem> {
    let found = document(Operation::Account, body)?;
    Ok((found.new_nonce, found.new_account))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RenewalDocument {
    suggested_window: Window,
    #[serde(rename = "explanationURL")]
    explanation_url: Option<String>,
}

#[derive(Deserialize)]
struct Window {
    #[serde(with = "time::serde::rfc3339")]
    start: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    end: OffsetDateTime,
}

pub(super) fn renewal_info(
    body: &[u8],
    retry_after_ms: Option<i64>,
) -> Result<RenewalInfo, Problem> {
    let bad = |why: String| Problem::unreachable(Operation::RenewalInfo, why);
    let found: RenewalDocument = serde_json::from_slice(body)
        .map_err(|error| bad(format!("no renewal information: {error}")))?;
    let ms = |at: OffsetDateTime| at.unix_timestamp().saturating_mul(1000);
    let (start_ms, end_ms) = (
        ms(found.suggested_window.start),
        ms(found.suggested_window.end),
    );
    if end_ms <= start_ms {
        return Err(bad("the suggested window ends before it begins".to_owned()));
    }
    Ok(RenewalInfo {
        start_ms,
        end_ms,
        explanation_url: found.explanation_url.filter(|url| url.len() <= 1000),
        retry_after_ms: retry_after_ms
            .unwrap_or_else(|| ms(OffsetDateTime::now_utc()) + ASK_AGAIN_MS),
    })
}

impl Challenge {
    /// A challenge with what must be published for it, which follows from its token and our key.
    pub(crate) fn of(
        key: &AccountKey,
        kind: ChallengeKind,
        status: ChallengeStatus,
        token: &str,
        problem: Option<Problem>,
    ) -> Self {
        let key_authorization = format!("{token}.{}", key.thumbprint());
        let digest =
            aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, key_authorization.as_bytes());
        Self {
            kind,
            status,
            token: token.to_owned(),
            dns_value: URL_SAFE_NO_PAD.encode(digest),
            key_authorization,
            problem,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Class, Remedy};

    #[test]
    fn a_window_is_read_and_one_without_length_is_refused() {
        let body = |start: &str, end: &str| {
            format!(r#"{{"suggestedWindow":{{"start":"{start}","end":"{end}"}}}}"#)
        };
        let good = body("2026-01-02T04:00:00Z", "2026-01-03T04:00:00+01:00");
        let info = renewal_info(good.as_bytes(), Some(5)).unwrap();
        assert_eq!(info.start_ms, 1_767_326_400_000);
        assert_eq!(info.end_ms, 1_767_409_200_000);
        assert_eq!(info.retry_after_ms, 5);
        let bad = body("2026-01-02T04:00:00Z", "2026-01-02T04:00:00Z");
        let problem = renewal_info(bad.as_bytes(), None).unwrap_err();
        assert_eq!(problem.remedy(), Remedy::Soon);
    }

    #[test]
    fn retry_after_of_a_refusal_is_kept_whatever_the_library_says() {
        let told = |text: &str| Error::Api(serde_json::from_str(text).unwrap());
        let limited = r#"{"type":"urn:ietf:params:acme:error:rateLimited","detail":"slow down"}"#;
        let seen = Seen {
            status: 429,
            retry_after_ms: Some(1234),
        };
        let found = problem(Operation::NewOrder, told(limited), &seen);
        assert_eq!(found.status, 429);
        let until_ms = Some(1234);
        assert_eq!(found.class(), Class::RateLimited { until_ms });
        // without the header the text is all there is
        let limited = r#"{"type":"urn:ietf:params:acme:error:rateLimited",
            "detail":"too many certificates, retry after 2026-12-01 00:00:00 UTC: see"}"#;
        let found = problem(Operation::NewOrder, told(limited), &Seen::default());
        let until_ms = Some(1_796_083_200_000);
        assert_eq!(found.class(), Class::RateLimited { until_ms });
    }

    #[test]
    fn what_must_be_published_follows_rfc_8555() {
        let key = AccountKey::generate(crate::KeyKind::P256).unwrap();
        let challenge = Challenge::of(
            &key,
            ChallengeKind::Dns01,
            ChallengeStatus::Pending,
            "tok",
            None,
        );
        assert_eq!(
            challenge.key_authorization,
            format!("tok.{}", key.thumbprint())
        );
        assert_eq!(challenge.dns_value.len(), 43);
    }
}
