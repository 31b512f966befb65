//! BuildService: the image of one deployment from its Git source, once.
//!
//! Not here: how a builder is spoken to (crate `builder`), what becomes of the image.
