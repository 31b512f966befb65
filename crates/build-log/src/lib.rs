//! Steps and log lines of builds, to ClickHouse: in order, in batches, nothing lost in silence.
//!
//! Not here: where they come from (crate `builder`).
