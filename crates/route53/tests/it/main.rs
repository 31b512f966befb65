//! The adapter against a Route53 of our own (moto behind a gate as strict as the service), and what the DNS then says.
#![recursion_limit = "256"]

mod contract;
mod faults;
mod publish;
mod records;
mod table;
mod zones;
