//! Ends a deployment that is under way: its invocation in Restate first, then its row.
//!
//! Not here: who asks for it.
