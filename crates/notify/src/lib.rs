//! What the worker tells people and monitors: a [`Slack`] webhook and [`Heartbeat`] URLs, over HTTP.
//!
//! Both addresses are secrets: whoever knows one can post. None of them appears in an error, a log or a metric.
//! Not here: what is said and when (the service decides), retries (a durable step's preset), and anything of Restate.

mod call;
mod error;
mod heartbeat;
mod slack;

pub use call::Options;
pub use error::{Class, NotifyError, Operation};
pub use heartbeat::Heartbeat;
pub use slack::{HEADER_CHARS, Message, Slack, code, escape};
