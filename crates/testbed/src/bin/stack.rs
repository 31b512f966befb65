//! stack.
fn main() {}
