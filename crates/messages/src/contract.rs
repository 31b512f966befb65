//! The words in which a generated contract says what Restate hosts. Written by the contract generator, read by
//! tests that compare them with the served manifest.

/// How a handler runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HandlerKind {
    /// Of an object: alone for its key, may write state.
    Exclusive,
    /// Of an object: beside others, reads state only.
    Shared,
    /// Of a plain service: no key, no state.
    Stateless,
}

/// One handler of a contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Handler {
    /// As in a URL.
    pub name: &'static str,
    /// How it runs.
    pub kind: HandlerKind,
    /// True: only other handlers may call it; Restate's HTTP ingress answers 400.
    pub private: bool,
}
