//! The named policies of services: retry, retention, privacy and timeouts. Choose one when binding; the question is
//! whether handlers wait, and what is to happen when they fail for an hour.
//!
//! Not for which service has which: see `services`.

use std::time::Duration;

use restate_sdk::endpoint::ServiceOptions;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);

/// Only other handlers may call it.
pub(crate) fn private(options: ServiceOptions) -> ServiceOptions {
    options.ingress_private(true)
}

/// Shared handlers that wait for minutes. They are suspended after two seconds of waiting, so that a waiting one costs
/// nothing; two minutes are above their longest single step.
pub(crate) fn waiting() -> ServiceOptions {
    retry(ServiceOptions::new())
        .inactivity_timeout(2 * SECOND)
        .abort_timeout(2 * MINUTE)
        .journal_retention(24 * HOUR)
}

/// Builds: one step takes as long as a build may, and ends by itself soon after; a crash in it is noticed at once all the same,
/// because the connection breaks. Tried for an hour, then given up: whoever waits for the image undoes the rest.
pub(crate) fn building(longest: Duration) -> ServiceOptions {
    tries(ServiceOptions::new())
        .retry_policy_kill_on_max_attempts()
        .inactivity_timeout(2 * SECOND)
        .abort_timeout(longest + 15 * MINUTE)
        .journal_retention(24 * HOUR)
}

/// Sent one-way to tell GitHub; nobody waits for it, so it is given up in the end.
pub(crate) fn telling() -> ServiceOptions {
    tries(ServiceOptions::new())
        .retry_policy_kill_on_max_attempts()
        .inactivity_timeout(30 * SECOND)
        .abort_timeout(2 * MINUTE)
        .journal_retention(HOUR)
}

/// Sent one-way after a deployment; nobody waits for it, so it is given up in the end. Its step has the retries of the
/// contract (one minute, doubled up to ten, ten attempts); these are for what fails around it.
pub(crate) fn scrape() -> ServiceOptions {
    ServiceOptions::new()
        .retry_policy_initial_interval(MINUTE)
        .retry_policy_exponentiation_factor(2.0)
        .retry_policy_max_interval(10 * MINUTE)
        .retry_policy_max_attempts(10)
        .retry_policy_kill_on_max_attempts()
        .inactivity_timeout(30 * SECOND)
        .abort_timeout(2 * MINUTE)
        .journal_retention(HOUR)
}

/// Exclusive handlers of one short transaction that never wait. Their callers wait for them, so they are tried quickly
/// and for about an hour; then they pause, because whoever waits must see the transaction happen or be ended by hand.
pub(crate) fn short() -> ServiceOptions {
    retry(ServiceOptions::new())
        .inactivity_timeout(30 * SECOND)
        .abort_timeout(2 * MINUTE)
        .journal_retention(HOUR)
}

/// Certificates: five minutes are above the longest single step (an exchange with an authority, its repetitions included).
/// Given up after an hour and not paused, which would keep the name's later renewals waiting: the sweep takes it up again.
pub(crate) fn certificates() -> ServiceOptions {
    tries(ServiceOptions::new())
        .retry_policy_kill_on_max_attempts()
        .inactivity_timeout(MINUTE)
        .abort_timeout(5 * MINUTE)
        .journal_retention(24 * HOUR)
}

/// The clock and what it starts: whoever waits for a job is suspended after two seconds. Given up after an hour and
/// not paused: a paused call would hold its key, and with it every later one.
pub(crate) fn periodic() -> ServiceOptions {
    tries(ServiceOptions::new())
        .retry_policy_kill_on_max_attempts()
        .inactivity_timeout(2 * SECOND)
        .abort_timeout(2 * MINUTE)
        .journal_retention(24 * HOUR)
}

/// Jobs of many short steps: five minutes are above the longest of them, a transaction that waits for locks and is
/// repeated. Given up after an hour and not paused: the next run goes on where this one was.
pub(crate) fn long_job() -> ServiceOptions {
    tries(ServiceOptions::new())
        .retry_policy_kill_on_max_attempts()
        .inactivity_timeout(30 * SECOND)
        .abort_timeout(5 * MINUTE)
        .journal_retention(24 * HOUR)
}

/// Users of the analytics store: six minutes are above the ten statements of the longest step at their time limit.
pub(crate) fn users() -> ServiceOptions {
    retry(ServiceOptions::new())
        .inactivity_timeout(MINUTE)
        .abort_timeout(6 * MINUTE)
        .journal_retention(24 * HOUR)
}

/// Tried for about an hour, then paused for a person to look at.
pub(crate) fn retry(options: ServiceOptions) -> ServiceOptions {
    tries(options).retry_policy_pause_on_max_attempts()
}

/// Exclusive handlers that ask the DNS for a minute at most and are sent one by one for a day. One that fails for an
/// hour is ended: it would hold up the next verification of its domain, and the sweep begins a new one.
pub(crate) fn checks() -> ServiceOptions {
    short().retry_policy_kill_on_max_attempts()
}

/// 500 ms, doubled up to a minute, 70 attempts: about an hour.
pub(crate) fn tries(options: ServiceOptions) -> ServiceOptions {
    options
        .retry_policy_initial_interval(SECOND / 2)
        .retry_policy_exponentiation_factor(2.0)
        .retry_policy_max_interval(MINUTE)
        .retry_policy_max_attempts(70)
}
