//! ProjectService with AppService played by a fake, on a real Restate server and a real database. Times are scaled.
#![recursion_limit = "256"]
#![allow(clippy::disallowed_methods, reason = "tests are not replayed")]

mod delete;
mod world;
