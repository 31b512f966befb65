//! `soak --seed S --minutes M [--json]`: takes the command line, runs the plan of the seed, prints the report.
//!
//! `soak worker …` is the worker itself: the run starts and kills it as a child process. No logic of its own.

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use soak::{Options, Pace, Plan};

/// Seeded operations and faults against a real worker, and the invariants that must hold meanwhile.
#[derive(Debug, Parser)]
struct Args {
    /// Seed: the same one gives the same operations, targets and fault times.
    #[arg(long)]
    seed: u64,
    /// Minutes with operations and faults; a quiet tail follows.
    #[arg(long, default_value_t = 5.0)]
    minutes: f64,
    /// Print the summary as the last line, in JSON.
    #[arg(long)]
    json: bool,
    /// Print the plan of the seed and run nothing.
    #[arg(long)]
    plan: bool,
}

/// Ends this process when standard input does: a worker must not outlive the run that started it.
fn end_with_parent() {
    std::thread::spawn(|| {
        // An error is as much of an end.
        let _end = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        std::process::exit(1);
    });
}

fn main() -> ExitCode {
    let mut words = std::env::args_os();
    if words.nth(1).is_some_and(|first| first == "worker") {
        // Before anything can open a TLS connection. An error means that one is installed already.
        let _installed = rustls::crypto::aws_lc_rs::default_provider().install_default();
        end_with_parent();
        return worker::cli::run(std::iter::once("worker".into()).chain(words));
    }
    let args = Args::parse();
    let length = Duration::from_secs_f64(args.minutes.max(0.0) * 60.0);
    println!("seed {}", args.seed);
    if args.plan {
        let plan = Plan::new(args.seed, length, Pace::default());
        for operation in &plan.operations {
            println!("{operation}");
        }
        for fault in &plan.faults {
            println!(
                "{:7.3} {} region {} for {} ms",
                fault.at.as_secs_f64(),
                fault.fault.name(),
                fault.region,
                fault.lasts.as_millis()
            );
        }
        return ExitCode::SUCCESS;
    }
    let program = match std::env::current_exe() {
        Ok(program) => program,
        Err(error) => {
            eprintln!("soak: where am I: {error}");
            return ExitCode::FAILURE;
        }
    };
    let options = Options {
        seed: args.seed,
        length,
        pace: Pace::default(),
        program,
    };
    match testbed::run(soak::run(options)) {
        Ok(report) => {
            print!("{report}");
            if args.json {
                println!("{}", report.json());
            }
            if report.failures().is_empty() {
                ExitCode::SUCCESS
            } else {
                ExitCode::FAILURE
            }
        }
        Err(error) => {
            eprintln!("soak: seed {}: {error}", args.seed);
            ExitCode::FAILURE
        }
    }
}
