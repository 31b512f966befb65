//! GitHubWebhookService: which deployments a push, or a fork's pull request, becomes.
//!
//! Not here: the delivery as it arrives (crate `webhook-intake`), deploying.
