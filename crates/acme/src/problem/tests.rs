//! Tests of classes and remedies.

use super::*;

fn told(operation: Operation, status: u16, kind: &str) -> Problem {
    Problem::told(
        operation,
        status,
        Some(&format!("{PREFIX}{kind}")),
        Some("words"),
    )
}

#[test]
fn every_type_has_the_remedy_of_the_table() {
    let wait = Remedy::Wait { until_ms: Some(77) };
    let table = [
        (429, "rateLimited", wait),
        (400, "badNonce", Remedy::Soon),
        (500, "serverInternal", Remedy::Soon),
        (400, "connection", Remedy::Slowly),
        (400, "dns", Remedy::Slowly),
        (400, "tls", Remedy::Slowly),
        (403, "unauthorized", Remedy::Slowly),
        (403, "incorrectResponse", Remedy::Slowly),
        (403, "caa", Remedy::Customer),
        (400, "rejectedIdentifier", Remedy::Customer),
        (400, "unsupportedIdentifier", Remedy::Customer),
        (400, "accountDoesNotExist", Remedy::Register),
        (403, "externalAccountRequired", Remedy::Operator),
        (403, "userActionRequired", Remedy::Operator),
        (409, "alreadyReplaced", Remedy::DropReplaces),
        (403, "orderNotReady", Remedy::Look),
        (400, "malformed", Remedy::Bug),
        (400, "badCSR", Remedy::Bug),
        (400, "badPublicKey", Remedy::Bug),
        (400, "badSignatureAlgorithm", Remedy::Bug),
        (404, "malformed", Remedy::NewOrder),
        (503, "unheardOf", Remedy::Soon),
        (429, "unheardOf", wait),
        (403, "unheardOf", Remedy::Operator),
        (418, "unheardOf", Remedy::Bug),
    ];
    for (status, kind, remedy) in table {
        let mut problem = told(Operation::Finalize, status, kind);
        problem.retry_after_ms = Some(77);
        assert_eq!(problem.remedy(), remedy, "{status} {kind}");
    }
    assert_eq!(
        told(Operation::NewOrder, 404, "malformed").remedy(),
        Remedy::Bug
    );
    assert_eq!(
        told(Operation::NewOrder, 409, "malformed").remedy(),
        Remedy::DropReplaces
    );
}

#[test]
fn classes_follow_type_then_status_then_where_it_arose() {
    let class = |status, kind| told(Operation::Finalize, status, kind).class();
    assert_eq!(
        class(400, "rateLimited"),
        Class::RateLimited { until_ms: None }
    );
    assert_eq!(class(429, "x"), Class::RateLimited { until_ms: None });
    assert_eq!(class(400, "badNonce"), Class::BadNonce);
    assert_eq!(class(401, "x"), Class::Unauthorised);
    assert_eq!(class(404, "x"), Class::NotFound);
    assert_eq!(class(502, "x"), Class::Unavailable);
    assert_eq!(class(400, "malformed"), Class::BadRequest);
    assert_eq!(class(400, "connection"), Class::BadRequest);
    let looked = told(Operation::Validation, 400, "connection");
    assert_eq!(looked.class(), Class::Unauthorised);
    let ours = Problem::unreachable(Operation::Order, "refused");
    assert_eq!(
        (ours.class(), ours.remedy()),
        (Class::Unavailable, Remedy::Soon)
    );
    let ours = Problem::unsupported(Operation::RenewalInfo, "acme2");
    assert_eq!(
        (ours.class(), ours.remedy()),
        (Class::Unsupported, Remedy::Operator)
    );
    let ours = Problem::settings(Operation::Settings, "no URL");
    assert_eq!(
        (ours.class(), ours.remedy()),
        (Class::Settings, Remedy::Operator)
    );
}

#[test]
fn a_compound_problem_takes_the_gravest_part() {
    let part = |kind: &str| Subproblem::new(Some(&format!("{PREFIX}{kind}")), Some("d"), None);
    let with = |kinds: &[&str]| {
        told(Operation::NewOrder, 400, "compound")
            .with_subproblems(kinds.iter().map(|k| part(k)))
            .remedy()
    };
    assert_eq!(with(&["dns", "caa"]), Remedy::Customer);
    assert_eq!(
        with(&["caa", "rateLimited", "dns"]),
        Remedy::Wait { until_ms: None }
    );
    assert_eq!(with(&["dns", "connection"]), Remedy::Slowly);
    assert_eq!(with(&[]), Remedy::Slowly);
}

#[test]
fn a_problem_survives_being_carried_as_data() {
    let mut problem =
        told(Operation::NewOrder, 429, "rateLimited").with_subproblems([Subproblem::new(
            Some("urn:ietf:params:acme:error:caa"),
            Some("no"),
            Some("a.org".into()),
        )]);
    problem.retry_after_ms = Some(1_790_000_000_000);
    let text = serde_json::to_string(&problem).unwrap();
    let back: Problem = serde_json::from_str(&text).unwrap();
    assert_eq!(back, problem);
    assert_eq!(back.urn(), "urn:ietf:params:acme:error:rateLimited");
    assert_eq!(back.subproblems[0].kind, "caa");
    assert_eq!(
        problem.to_string(),
        "the certificate authority refused new_order with 429 (rateLimited): words; a.org: no (caa)"
    );
}

#[test]
fn an_authority_can_neither_flood_nor_break_lines() {
    let long = "é\n".repeat(5000);
    let problem = Problem::told(Operation::Order, 500, Some(&long), Some(&long)).with_subproblems(
        std::iter::repeat_with(|| Subproblem::new(Some(&long), Some(&long), None)).take(500),
    );
    assert!(problem.detail.len() <= DETAIL_BYTES && problem.kind.len() <= DETAIL_BYTES);
    assert_eq!(problem.subproblems.len(), SUBPROBLEMS);
    assert!(!problem.to_string().contains('\n'));
}
