//! What Pebble never says: rate limits, pages of proxies, silence.

use std::time::Duration;

use acme::{AccountKey, Class, Remedy, Settings};

use crate::contract::{Kind, Outcome, class_of};
use crate::flow::now_ms;
use crate::peer::{Answer, Peer};

const LIMITED: &str = r#"{"type":"urn:ietf:params:acme:error:rateLimited","status":429,"detail":"@",
    "subproblems":[{"type":"urn:ietf:params:acme:error:rateLimited","detail":"one","identifier":{"type":"dns","value":"a.example"}}]}"#;

async fn refused(kind: Kind, answer: Answer) -> acme::Problem {
    let peer = Peer::start(answer).await;
    let acme = kind
        .open(Settings::of(&peer.directory()))
        .expect("settings");
    let key = AccountKey::generate(acme.key_kind()).expect("a key");
    acme.register(&key).await.expect_err("refused")
}

pub(crate) async fn a_rate_limit_says_when_in_its_header(kind: Kind) -> Outcome {
    let before = now_ms();
    let problem = refused(
        kind,
        Answer::problem(429, LIMITED).header("Retry-After", "600"),
    )
    .await;
    let Class::RateLimited { until_ms } = problem.class() else {
        panic!("{problem}");
    };
    let Some(until) = until_ms else {
        return Outcome::Refused;
    };
    assert!(
        (before + 600_000..=now_ms() + 600_000).contains(&until),
        "{until}"
    );
    assert_eq!(problem.remedy(), Remedy::Wait { until_ms });
    assert_eq!(problem.subproblems.len(), 1);
    assert_eq!(problem.subproblems[0].name.as_deref(), Some("a.example"));
    Outcome::Passed
}

pub(crate) async fn a_rate_limit_says_when_in_its_words(kind: Kind) -> Outcome {
    let words = "too many certificates already issued, retry after 2026-12-01 00:00:00 UTC: see";
    let problem = refused(kind, Answer::problem(429, &LIMITED.replace('@', words))).await;
    let until_ms = Some(1_796_083_200_000);
    assert_eq!(problem.class(), Class::RateLimited { until_ms });
    assert!(problem.detail.starts_with("too many certificates"));
    Outcome::Passed
}

pub(crate) async fn a_page_that_is_no_problem_document_is_an_outage(kind: Kind) -> Outcome {
    let page = Answer::new(503, "text/html", "<html>busy</html>");
    let problem = refused(kind, page).await;
    assert_eq!(problem.class(), Class::Unavailable, "{problem}");
    assert_eq!(problem.remedy(), Remedy::Soon);
    Outcome::Passed
}

pub(crate) async fn an_authority_that_is_gone_is_an_outage(kind: Kind) -> Outcome {
    let gone = Settings::of("http://127.0.0.1:9/dir");
    let acme = kind.open(gone).expect("settings");
    assert_eq!(class_of(acme.directory().await), Class::Unavailable);

    let silent = Peer::silent().await;
    let mut settings = Settings::of(&silent.directory());
    settings.limits.call = Duration::from_millis(300);
    let acme = kind.open(settings).expect("settings");
    let begun = std::time::Instant::now();
    assert_eq!(class_of(acme.directory().await), Class::Unavailable);
    assert!(begun.elapsed() < Duration::from_secs(5), "it has an end");
    Outcome::Passed
}

/// Not in the contract: the other backend reads what it is given.
#[test]
fn an_answer_without_end_is_not_read() {
    testbed::run(async {
        let flood = Answer::new(500, "application/problem+json", &"x".repeat(3 << 20));
        let problem = refused(Kind::Instant, flood).await;
        assert_eq!(problem.class(), Class::Unavailable, "{problem}");
        assert!(problem.detail.contains("larger than"), "{problem}");
    });
}

/// Not in the contract: the other backend has no status where there is no document.
#[test]
fn the_status_of_a_page_is_kept() {
    testbed::run(async {
        let page = Answer::new(503, "text/html", "<html>busy</html>").header("Retry-After", "7");
        let before = now_ms();
        let problem = refused(Kind::Instant, page).await;
        assert_eq!(problem.status, 503);
        let again = problem.retry_after_ms.expect("it said when");
        assert!((before + 7_000..=now_ms() + 7_000).contains(&again));
    });
}
