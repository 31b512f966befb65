//! Contract of obtaining and renewing certificates:
//! what to implement (`CertificateBackend`), what to bind (`CertificateService`) and how to call it (`CertificateClient` in a
//! handler, `CertificateIngress` from outside).
//!
//! Not here: the implementation, and the messages (crate `messages`).

mod generated;

pub use generated::*;
