//! The worker's process: takes the command line and hands over to the library.
//!
//! No logic of its own; see `worker::cli`.

use std::process::ExitCode;

// Thousands of deployments that begin at once need memory for a moment; glibc's allocator would keep it for good
// (docs/bench.md has the figures).
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    // Before anything can open a TLS connection. An error means that one is installed already.
    let _installed = rustls::crypto::aws_lc_rs::default_provider().install_default();
    worker::cli::run(std::env::args_os())
}
