//! Restate's HTTP interfaces, as a client: ingress (call and send handlers, resolve awakeables) and
//! admin (register, list, cancel, query).
//!
//! Not for use inside handlers: a handler calls other services through its durable context, so that
//! the call is in the journal. This crate knows nothing of the SDK and holds no message types.

mod admin;
mod deployments;
mod error;
mod http;
mod ingress;

pub use admin::{Admin, HandlerInfo, Registered, ServiceInfo, quoted};
pub use deployments::{DeploymentInfo, ServiceRevision};
pub use error::{ApiError, Class};
pub use ingress::{Ingress, Sent};
