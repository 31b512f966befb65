//! The step that posts one message. Slack knows no key of a message, so one whose answer is lost is posted again.

use crate::steps;
use durable::{Preset, Stop, codes};
use notify::{Class, Message, Slack};
use restate_sdk::context::ObjectContext;
use serde::{Deserialize, Serialize};
use std::time::{Duration, SystemTime};

/// How it went; journaled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Told {
    /// Slack has it.
    Sent,
    /// Slack does not take this one; others may pass.
    Refused,
    /// Slack wants to be left alone for so many milliseconds.
    Later(u64),
}

pub(crate) async fn tell(
    ctx: &ObjectContext<'_>,
    slack: Option<&Slack>,
    workspace_id: &str,
    message: &Message,
) -> Result<Told, Stop> {
    durable::run!(
        ctx,
        steps::NOTIFY,
        Preset::Outside,
        post(slack, workspace_id, message)
    )
}

async fn post(slack: Option<&Slack>, workspace_id: &str, message: &Message) -> Result<Told, Stop> {
    // It was there when the run began; this worker has another configuration.
    let Some(slack) = slack else {
        return Ok(Told::Refused);
    };
    let told = match slack.post(message).await {
        Ok(()) => Told::Sent,
        Err(error) => match error.class() {
            Class::BadRequest => {
                tracing::error!(workspace_id, %error, "Slack does not take the message about this workspace; it is left out");
                Told::Refused
            }
            Class::RateLimited { until } => Told::Later(wait_ms(until)),
            Class::NotFound | Class::Unauthorised => {
                return Err(Stop::fault(
                    codes::SLACK_REFUSED,
                    format!(
                        "{error}. Correct slack.quota_check_webhook_url and run the check again."
                    ),
                ));
            }
            Class::Unavailable => return Err(Stop::retry(error)),
        },
    };
    let outcome = match told {
        Told::Sent => "sent",
        Told::Refused => "refused",
        Told::Later(_) => "later",
    };
    metrics::counter!("ctrl_worker_quota_notices_total", "outcome" => outcome).increment(1);
    Ok(told)
}

/// At least a second, so that nobody turns in circles.
fn wait_ms(until: SystemTime) -> u64 {
    #[expect(clippy::disallowed_methods, reason = "inside a step")]
    let now = SystemTime::now();
    let wait = until.duration_since(now).unwrap_or_default();
    let wait = wait.max(Duration::from_secs(1));
    u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)
}
