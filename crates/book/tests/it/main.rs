//! Every shell block of the book that says so is run, against one world of real servers; and every command of `worker`
//! and `ctl` the book speaks of is one they have.
//!
//! This program is also those two: called by their names it does what they do, so that what is run is what was built with
//! it. docs/testing.md says what a block finds.

mod examples;
mod pages;
mod queries;
mod run;
mod understood;
mod world;

use std::path::Path;
use std::process::ExitCode;

use libtest_mimic::{Arguments, Trial};

use crate::pages::Read;

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
        let mut add = |what: &str, test: fn(&Read, usize)| {
            let page = page.clone();
            trials.push(Trial::test(format!("{} {what}", page.path), move || {
                test(&page, number);
                Ok(())
            }));
        };
        if page.has_commands() {
            add("speaks of what there is", |page, _| understood::page(page));
        }
        if !examples::all(&page).is_empty() {
            add("configures what there is", |page, _| examples::page(page));
        }
        if !queries::all(&page).is_empty() {
            add("asks what can be asked", |page, _| {
                testbed::run(queries::page(page));
            });
        }
        if page.runs() {
            add("runs", |page, number| testbed::run(run::page(page, number)));
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
