//! Every shell block of the book that says so is run, against one world of real servers; and every command of `worker`
//! and `ctl` the book speaks of is one they have.
//!
//! This program is also those two: called by their names it does what they do, so that what is run is what was built with
//! it. docs/testing.md says what a block finds.

mod pages;
mod queries;
mod run;
mod understood;
mod world;

use std::path::Path;
use std::process::ExitCode;

use libtest_mimic::{Arguments, Trial};

fn main() -> ExitCode {
    // Before anything can open a TLS connection. An error means that one is installed already.
    let _installed = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let name = std::env::args_os().next().unwrap_or_default();
    match Path::new(&name).file_name().and_then(|name| name.to_str()) {
        Some("worker") => worker::cli::run(std::env::args_os()),
        Some("ctl") => ctl::run(std::env::args_os()),
        _ => tests(),
    }
}

fn tests() -> ExitCode {
    let mut arguments = Arguments::from_args();
    // the blocks of one page follow each other, and the jobs of the clock belong to everybody
    arguments.test_threads = Some(1);
    let mut trials = Vec::new();
    for (number, page) in pages::all().into_iter().enumerate() {
        let (of_words, of_queries, of_blocks) = (page.clone(), page.clone(), page);
        if of_words.has_commands() {
            let name = format!("{} speaks of what there is", of_words.path);
            trials.push(Trial::test(name, move || {
                understood::page(&of_words);
                Ok(())
            }));
        }
        if !queries::all(&of_queries).is_empty() {
            let name = format!("{} asks what can be asked", of_queries.path);
            trials.push(Trial::test(name, move || {
                testbed::run(queries::page(&of_queries));
                Ok(())
            }));
        }
        if of_blocks.runs() {
            let name = format!("{} runs", of_blocks.path);
            trials.push(Trial::test(name, move || {
                testbed::run(run::page(&of_blocks, number));
                Ok(())
            }));
        }
    }
    for (program, path) in understood::LISTS {
        trials.push(Trial::test(format!("{path} lists every verb"), move || {
            understood::verbs(program, path);
            Ok(())
        }));
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}
