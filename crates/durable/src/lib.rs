//! What every service uses of Restate: named retry presets for steps, the step itself, the journaled clock,
//! the undo stack and the one conversion from our errors to Restate's.
//!
//! Not here: HTTP clients of Restate's ingress and admin API (crate `restate-api`), and anything that knows a
//! table or an outside system.

pub mod clock;
pub mod codes;
mod error;
#[cfg(feature = "faults")]
pub mod faults;
mod handler;
mod preset;
mod step;
mod undo;

pub use error::{Fault, Stop};
pub use handler::handle;
pub use preset::Preset;
pub use step::step;
pub use undo::UndoStack;

#[doc(hidden)]
pub mod macro_support {
    //! Names the macros of this crate need at the place of their use.
    pub use restate_sdk::context::{ContextSideEffects, RunFuture};
    pub use restate_sdk::serde::Json;
}
