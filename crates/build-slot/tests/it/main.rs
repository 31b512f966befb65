//! BuildSlotService on a real Restate server, with builds that hold their slot for a while.

#![recursion_limit = "256"]
#![allow(clippy::disallowed_methods, reason = "a test is not replayed")]

mod lost;
mod refused;
mod turns;
mod world;
