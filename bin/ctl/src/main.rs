//! The command line's process: hands over to the library. No logic of its own.

use std::process::ExitCode;

fn main() -> ExitCode {
    // Before anything can open a TLS connection. An error means that one is installed already.
    let _installed = rustls::crypto::aws_lc_rs::default_provider().install_default();
    ctl::run(std::env::args_os())
}
