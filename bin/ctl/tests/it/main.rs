//! The command line as a person runs it: the built program, a real database and a real Restate, and
//! a make-believe worker that obeys.
#![recursion_limit = "256"]

mod cancel;
mod doctor;
mod domains;
mod git;
mod jobs;
mod logs;
mod offline;
mod online;
mod program;
mod webhook;
mod worker;
