//! What the build script wrote. The comments of the .proto files are its documentation.

#![allow(missing_docs, unreachable_pub, clippy::all)]

include!(concat!(env!("OUT_DIR"), "/messages.rs"));
