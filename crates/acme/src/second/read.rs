//! The library's values as ours.
//!
//! Not here: asking for them.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::{
    AccountKey, Authorization, AuthorizationStatus, Challenge, ChallengeKind, ChallengeStatus,
    Operation, Order, OrderStatus, Problem,
};

pub(super) fn problem(operation: Operation, error: acme2::Error) -> Problem {
    match error {
        acme2::Error::Server(error) => {
            let mut problem = told(&error);
            problem.operation = operation;
            problem
        }
        error => Problem::unreachable(operation, error.to_string()),
    }
}

pub(super) fn told(error: &acme2::ServerError) -> Problem {
    let status = error.status.and_then(|status| u16::try_from(status).ok());
    let (kind, detail) = (error.r#type.as_deref(), error.detail.as_deref());
    Problem::told(Operation::Validation, status.unwrap_or(0), kind, detail)
}

pub(super) fn read_order(url: &str, order: &acme2::Order) -> Order {
    use acme2::OrderStatus as Theirs;
    Order {
        url: url.to_owned(),
        status: match order.status {
            Theirs::Pending => OrderStatus::Pending,
            Theirs::Ready => OrderStatus::Ready,
            Theirs::Processing => OrderStatus::Processing,
            Theirs::Valid => OrderStatus::Valid,
            Theirs::Invalid => OrderStatus::Invalid,
        },
        problem: order.error.as_ref().map(told),
        retry_after_ms: None,
    }
}

pub(super) fn read_authorization(
    url: &str,
    one: &acme2::Authorization,
    key: &AccountKey,
) -> Authorization {
    use acme2::{AuthorizationStatus as Theirs, ChallengeStatus as TheirChallenge};
    let challenges = one.challenges.iter().filter_map(|challenge| {
        let kind = [ChallengeKind::Http01, ChallengeKind::Dns01]
            .into_iter()
            .find(|kind| kind.name() == challenge.r#type)?;
        let status = match challenge.status {
            TheirChallenge::Pending => ChallengeStatus::Pending,
            TheirChallenge::Processing => ChallengeStatus::Processing,
            TheirChallenge::Valid => ChallengeStatus::Valid,
            TheirChallenge::Invalid => ChallengeStatus::Invalid,
        };
        let token = challenge.token.as_deref().unwrap_or_default();
        let problem = challenge.error.as_ref().map(told);
        Some(Challenge::of(key, kind, status, token, problem))
    });
    Authorization {
        url: url.to_owned(),
        name: one.identifier.value.clone(),
        wildcard: one.wildcard.unwrap_or(false),
        status: match one.status {
            Theirs::Pending => AuthorizationStatus::Pending,
            Theirs::Valid => AuthorizationStatus::Valid,
            Theirs::Invalid => AuthorizationStatus::Invalid,
            _ => AuthorizationStatus::Gone,
        },
        challenges: challenges.collect(),
    }
}

/// The front of the URLs that a client makes up for its orders: `acme2:<process>-<begin>-<client>:`.
pub(super) fn front() -> String {
    static CLIENTS: AtomicU64 = AtomicU64::new(0);
    let client = CLIENTS.fetch_add(1, Ordering::Relaxed);
    let begin = std::time::SystemTime::UNIX_EPOCH.elapsed();
    let begin = begin.map_or(0, |since| since.as_millis());
    format!("acme2:{}-{begin}-{client}:", std::process::id())
}
