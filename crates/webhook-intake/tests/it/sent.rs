//! What is read is what Restate hands to the service, once.

use std::collections::BTreeMap;
use std::sync::{LazyLock, Mutex, PoisonError};

use github_webhook_client::{GitHubWebhookBackend, GitHubWebhookService, SERVICE};
use messages::hydra::v1 as msg;
use restate_sdk::prelude::*;
use webhook_intake::Message;

use crate::signed::*;

/// Handlers by object key, in their order.
static CALLS: LazyLock<Mutex<BTreeMap<String, Vec<&str>>>> = LazyLock::new(Mutex::default);

fn note(key: &str, handler: &'static str) {
    let mut calls = CALLS.lock().unwrap_or_else(PoisonError::into_inner);
    calls.entry(key.to_owned()).or_default().push(handler);
}

struct Counts;

impl GitHubWebhookBackend for Counts {
    async fn handle_push<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        req: msg::HandlePushRequest,
    ) -> HandlerResult<msg::HandlePushResponse> {
        assert_eq!(req.after, sha('c'));
        note(ctx.key(), "HandlePush");
        Ok(msg::HandlePushResponse {})
    }

    async fn close_pull_request<'a>(
        &'a self,
        ctx: ObjectContext<'a>,
        req: msg::ClosePullRequestRequest,
    ) -> HandlerResult<msg::ClosePullRequestResponse> {
        assert_eq!((req.pr_number, req.is_fork), (7, true));
        note(ctx.key(), "ClosePullRequest");
        Ok(msg::ClosePullRequestResponse {})
    }
}

/// Whether Restate saw the message for the first time.
async fn send(message: &Message, delivery: &str) -> bool {
    let ingress = testbed::ingress().await;
    let sent = ingress.send_after(
        SERVICE,
        message.key.as_str(),
        message.request.handler(),
        &message.request,
        Some(delivery),
        std::time::Duration::ZERO,
    );
    sent.await.expect("sent").fresh
}

#[test]
fn api_10_a_delivery_that_comes_again_is_the_same_invocation() {
    testbed::scenario!("API-10");
    testbed::run(async {
        let endpoint = Endpoint::builder()
            .bind(GitHubWebhookService(Counts))
            .build();
        testbed::serve(endpoint).await;
        let repository = ids::dns_label(6)
            .bytes()
            .fold(1_i64, |n, b| n * 31 + i64::from(b));
        let mut body = push();
        body["repository"]["id"] = repository.into();
        let mut closed = pull("closed");
        closed["repository"]["id"] = repository.into();
        let (push, closed) = (message("push", &body), message("pull_request", &closed));
        assert_eq!(push.key, closed.key);
        let (one, two) = (
            format!("{ID}-{repository}-1"),
            format!("{ID}-{repository}-2"),
        );
        assert!(send(&push, &one).await);
        assert!(!send(&push, &one).await, "PreviouslyAccepted");
        assert!(send(&closed, &two).await);
        assert!(!send(&closed, &two).await);
        testbed::assert_quiet(&[&push.key]).await;
        let calls = CALLS.lock().unwrap_or_else(PoisonError::into_inner);
        assert_eq!(calls[&push.key], ["HandlePush", "ClosePullRequest"]);
    });
}
