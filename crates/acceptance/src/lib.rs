//! Acceptance tests of the services together: real Restate, real database, simulated edge, all services bound in the
//! test process. They live here because a service crate never depends on another service.
//!
//! Not for tests of one service (its own crate) or of the worker's process (`bin/worker`).
