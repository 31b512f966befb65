//! Placeholder start.
fn main() {}
