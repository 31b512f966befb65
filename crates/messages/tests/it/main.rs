//! The JSON codec as callers meet it.

mod golden;
mod limits;
mod round_trip;
mod unknown;
mod volume;

use std::sync::{Mutex, MutexGuard, PoisonError};

static STRICTNESS: Mutex<()> = Mutex::new(());

/// Sets the process-wide switch for as long as the guard lives; tests run in threads.
fn strict(strict: bool) -> Strictness {
    let guard = STRICTNESS.lock().unwrap_or_else(PoisonError::into_inner);
    messages::set_strict(strict);
    Strictness(guard)
}

struct Strictness(#[allow(dead_code)] MutexGuard<'static, ()>);

impl Drop for Strictness {
    fn drop(&mut self) {
        messages::set_strict(false);
    }
}
