//! Tests of the worker against real servers: one module a subject, in one binary.

mod collector;
mod fake_admin;
mod identity;
mod kill;
mod process;
mod refill_kill;
mod selectors;
mod takeover;
mod tls;
mod traces;
mod wrk_alerts;
mod wrk_cli;
mod wrk_clickhouse;
mod wrk_health;
mod wrk_jobs;
mod wrk_manifest;
mod wrk_metrics;
mod wrk_registration;
mod wrk_start;
mod wrk_stop;
mod wrk_trust;
