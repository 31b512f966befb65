//! The contracts as another crate uses them: backends are bound and called. One contract of each form is here:
//! shared, exclusive and stateless handlers, public and private.

mod fakes;
mod manifest;
mod wire;
