//! SchedulerService on real servers. The jobs' own services are fakes that say what they were asked; days pass in
//! seconds, and one test asserts the unscaled arithmetic. Every test has a Restate server of its own, for the keys of
//! the objects are the five names of the jobs.

#![recursion_limit = "256"]
#![allow(clippy::disallowed_methods, reason = "a test is not replayed")]

mod by_hand;
mod catch_up;
mod crash;
mod fakes;
mod journal;
mod keeper;
mod table;
mod times;
mod together;
mod world;
