//! The plan over days that pass at once: what runs, in which order, and how often.

use super::*;
use proptest::prelude::*;
use time::OffsetDateTime;
use time::macros::datetime;

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;

fn ms(t: OffsetDateTime) -> i64 {
    t.unix_timestamp() * 1_000
}

fn armed(job: Job, now: i64) -> State {
    State {
        enabled: true,
        armed_at: Some(now),
        done_until: Some(job.schedule().latest(now)),
        ..State::default()
    }
}

fn with(run: &Run, outcome: Outcome, error: &str, now: i64) -> Run {
    Run {
        outcome: Some(outcome),
        error: error.to_owned(),
        finished_at: Some(now),
        ..run.clone()
    }
}

/// Looks once; a run that starts ends at once as told. Gives the window that was run.
fn look(job: Job, state: &mut State, now: i64, outcome: Outcome, error: &str) -> Option<String> {
    settle(job, state, now, "run")?;
    let run = state.running.clone().expect("started");
    finish(job, state, with(&run, outcome, error, now), now);
    settle(job, state, now, "unused");
    Some(run.window)
}

/// Looks until nothing is due.
fn look_all(job: Job, state: &mut State, now: i64) -> Vec<String> {
    let mut ran = Vec::new();
    while let Some(request) = settle(job, state, now, "run") {
        let run = state.running.clone().expect("started");
        assert_eq!(request.run.as_option().expect("a run").id, "run");
        finish(job, state, with(&run, Outcome::Succeeded, "", now), now);
        ran.push(run.window);
    }
    ran
}

#[test]
fn nothing_runs_before_its_time_and_once_at_it() {
    let now = ms(datetime!(2026-01-01 23:50 UTC));
    let mut state = armed(Job::KeyRefill, now);
    assert_eq!(look_all(Job::KeyRefill, &mut state, now), [""; 0]);
    let midnight = ms(datetime!(2026-01-02 00:00 UTC));
    assert_eq!(timer(&state), Some(midnight));
    assert_eq!(look_all(Job::KeyRefill, &mut state, midnight - 1), [""; 0]);
    assert_eq!(
        look_all(Job::KeyRefill, &mut state, midnight),
        ["2026-01-02"]
    );
    assert_eq!(
        look_all(Job::KeyRefill, &mut state, midnight + HOUR),
        [""; 0]
    );
    assert_eq!(timer(&state), Some(midnight + 24 * HOUR));
}

#[test]
fn every_missed_date_is_refilled_in_order_and_not_more_than_a_month_of_them() {
    let mut state = armed(Job::KeyRefill, ms(datetime!(2026-01-30 12:00 UTC)));
    let back = ms(datetime!(2026-02-02 00:20 UTC));
    assert_eq!(
        look_all(Job::KeyRefill, &mut state, back),
        ["2026-01-31", "2026-02-01", "2026-02-02"]
    );
    let much_later = ms(datetime!(2027-01-15 09:00 UTC));
    let ran = look_all(Job::KeyRefill, &mut state, much_later);
    assert_eq!(
        (ran.len(), ran[0].as_str(), ran[30].as_str()),
        (31, "2026-12-16", "2027-01-15")
    );
}

#[test]
fn missed_quota_checks_are_one_and_a_month_that_is_over_is_closed() {
    let mut state = armed(Job::QuotaCheck, ms(datetime!(2026-01-30 16:00 UTC)));
    let within = ms(datetime!(2026-01-31 15:00 UTC));
    assert_eq!(look_all(Job::QuotaCheck, &mut state, within), ["2026-01"]);
    let first = ms(datetime!(2026-02-01 15:00 UTC));
    assert_eq!(
        look_all(Job::QuotaCheck, &mut state, first),
        ["2026-01", "2026-02"]
    );
    let days_later = ms(datetime!(2026-02-20 09:00 UTC));
    assert_eq!(
        look_all(Job::QuotaCheck, &mut state, days_later),
        ["2026-02"]
    );
    let two_months = ms(datetime!(2026-04-10 09:00 UTC));
    assert_eq!(
        look_all(Job::QuotaCheck, &mut state, two_months),
        ["2026-03", "2026-04"]
    );
    assert_eq!(
        look_all(Job::QuotaCheck, &mut state, two_months + HOUR),
        [""; 0]
    );
}

#[test]
fn the_other_jobs_run_once_for_all_missed_windows() {
    for job in [
        Job::CertificateRenewal,
        Job::IdleScaleDown,
        Job::KeyLastUsedSync,
    ] {
        let now = ms(datetime!(2026-01-01 12:00 UTC));
        let mut state = armed(job, now);
        assert_eq!(
            look_all(job, &mut state, now + 72 * HOUR).len(),
            1,
            "{job:?}"
        );
        assert_eq!(
            look_all(job, &mut state, now + 72 * HOUR).len(),
            0,
            "{job:?}"
        );
    }
}

#[test]
fn a_window_is_skipped_while_the_last_success_is_younger_than_half_the_period() {
    let three = ms(datetime!(2026-01-02 03:00 UTC));
    for (before, runs) in [(HOUR, 0), (12 * HOUR - 1, 0), (12 * HOUR, 1)] {
        let mut state = armed(Job::CertificateRenewal, three - 20 * HOUR);
        state.last_success_at = Some(three - before);
        assert_eq!(
            look_all(Job::CertificateRenewal, &mut state, three).len(),
            runs,
            "{before}"
        );
        assert_eq!(timer(&state), Some(three + 24 * HOUR), "{before}");
    }
    // where a key makes a second run the same one, nothing is skipped
    let mut state = armed(Job::KeyRefill, three);
    state.last_success_at = Some(three + 20 * HOUR);
    assert_eq!(
        look_all(Job::KeyRefill, &mut state, three + 21 * HOUR).len(),
        1
    );
}

#[test]
fn one_run_at_a_time_and_the_rest_when_it_ends() {
    let now = ms(datetime!(2026-01-01 12:00 UTC));
    let mut state = armed(Job::KeyRefill, now);
    let later = now + 36 * HOUR;
    let first = settle(Job::KeyRefill, &mut state, later, "first").expect("due");
    assert_eq!(first.idempotency_key, "key-refill-2026-01-02");
    assert_eq!(
        settle(Job::KeyRefill, &mut state, later + MINUTE, "second"),
        None
    );
    assert_eq!(
        timer(&state),
        Some(later + 6 * HOUR),
        "its limit comes before the next window"
    );
    let run = state.running.clone().expect("running");
    let ended = later + 2 * MINUTE;
    finish(
        Job::KeyRefill,
        &mut state,
        with(&run, Outcome::Succeeded, "", ended),
        ended,
    );
    let second = settle(Job::KeyRefill, &mut state, ended, "second").expect("the next date");
    assert_eq!(second.target_key, "2026-01-03");
}

#[test]
fn a_run_nobody_hears_of_is_lost_and_its_window_tried_again_under_another_key() {
    let midnight = ms(datetime!(2026-01-02 00:00 UTC));
    let mut state = armed(Job::KeyRefill, midnight - HOUR);
    settle(Job::KeyRefill, &mut state, midnight, "a").expect("due");
    let limit = midnight + 6 * HOUR;
    assert_eq!(settle(Job::KeyRefill, &mut state, limit - 1, "b"), None);
    assert_eq!(
        settle(Job::KeyRefill, &mut state, limit, "b"),
        None,
        "after a pause"
    );
    assert_eq!(
        state.last.as_ref().and_then(|r| r.outcome),
        Some(Outcome::Lost)
    );
    assert_eq!(
        (state.failures, timer(&state)),
        (1, Some(limit + RETRY_FIRST))
    );
    let again = settle(Job::KeyRefill, &mut state, limit + RETRY_FIRST, "b").expect("again");
    assert_eq!(again.idempotency_key, "key-refill-2026-01-02-try-2");
}

#[test]
fn a_failed_window_is_tried_again_a_few_times_unless_a_person_must_act() {
    let midnight = ms(datetime!(2026-01-02 00:00 UTC));
    let mut state = armed(Job::KeyRefill, midnight - HOUR);
    let (mut now, mut tries) = (midnight, 0);
    while now < midnight + 24 * HOUR {
        let ran = look(
            Job::KeyRefill,
            &mut state,
            now,
            Outcome::Failed,
            "no database",
        );
        assert_eq!(ran.as_deref(), Some("2026-01-02"));
        tries += 1;
        now = timer(&state).expect("armed");
    }
    assert_eq!(tries, 6, "one and five more");
    assert_eq!(now, midnight + 24 * HOUR, "given up until the next window");
    assert_eq!(state.failures, 6);

    for (outcome, error) in [
        (Outcome::Failed, "CW0024: Configure ClickHouse."),
        (Outcome::Cancelled, "cancelled"),
    ] {
        let mut state = armed(Job::KeyRefill, midnight - HOUR);
        assert!(look(Job::KeyRefill, &mut state, midnight, outcome, error).is_some());
        assert_eq!(timer(&state), Some(midnight + 24 * HOUR), "{error}");
    }
    let mut state = armed(Job::KeyRefill, midnight - HOUR);
    look(
        Job::KeyRefill,
        &mut state,
        midnight,
        Outcome::Failed,
        "CW0026: retries were used up",
    );
    assert_eq!(timer(&state), Some(midnight + RETRY_FIRST));
    // the next minute is near enough
    let mut state = armed(Job::KeyLastUsedSync, midnight - MINUTE);
    look(
        Job::KeyLastUsedSync,
        &mut state,
        midnight,
        Outcome::Failed,
        "no ClickHouse",
    );
    assert_eq!(timer(&state), Some(midnight + MINUTE));
}

#[test]
fn off_and_paused_jobs_start_nothing_but_a_run_on_its_way_is_watched() {
    let now = ms(datetime!(2026-01-02 00:00 UTC));
    for (enabled, paused) in [(false, false), (true, true)] {
        let mut state = armed(Job::KeyRefill, now - 48 * HOUR);
        (state.enabled, state.paused) = (enabled, paused);
        assert_eq!(settle(Job::KeyRefill, &mut state, now, "a"), None);
        assert_eq!((state.next_at, timer(&state)), (None, None));
        let due = Due {
            at: now,
            closing: false,
        };
        let by_hand = start(Job::KeyRefill, &mut state, due, now, "hand", None);
        assert_eq!(by_hand.idempotency_key, "", "it runs for certain");
        settle(Job::KeyRefill, &mut state, now, "b");
        assert_eq!(timer(&state), Some(now + 6 * HOUR));
    }
}

#[test]
fn a_run_by_hand_takes_no_window_away() {
    let noon = ms(datetime!(2026-01-02 12:00 UTC));
    let mut state = armed(Job::KeyRefill, noon);
    let due = Due {
        at: noon - 12 * HOUR,
        closing: false,
    };
    start(Job::KeyRefill, &mut state, due, noon, "hand", None);
    let run = state.running.clone().expect("running");
    finish(
        Job::KeyRefill,
        &mut state,
        with(&run, Outcome::Failed, "no database", noon),
        noon,
    );
    assert_eq!((state.retry_at, state.failures), (None, 1));
    assert_eq!(
        look_all(Job::KeyRefill, &mut state, noon + 12 * HOUR),
        ["2026-01-03"]
    );
}

proptest! {
    /// However often and late somebody looks: each date once, in order, none too early.
    #[test]
    fn each_date_is_run_once_and_in_order(
        begin in 1_700_000_000_000i64..1_800_000_000_000,
        steps in proptest::collection::vec(1i64..30 * HOUR, 1..60),
    ) {
        let mut state = armed(Job::KeyRefill, begin);
        let (mut now, mut ran) = (begin, Vec::new());
        for step in steps {
            now += step;
            ran.extend(look_all(Job::KeyRefill, &mut state, now));
        }
        let day = 24 * HOUR;
        let first = begin.div_euclid(day) + 1;
        let expected: Vec<String> = (first..=now.div_euclid(day)).map(|d| crate::calendar::date(d * day)).collect();
        prop_assert_eq!(ran, expected);
    }

    /// The timer is always ahead, so that the object neither spins nor falls asleep.
    #[test]
    fn the_timer_is_ahead_and_not_beyond_the_next_window(
        which in 0usize..5,
        begin in 1_700_000_000_000i64..1_800_000_000_000,
        later in 0i64..100 * HOUR,
        succeeds in any::<bool>(),
    ) {
        let job = Job::ALL[which];
        let mut state = armed(job, begin);
        let now = begin + later;
        let outcome = if succeeds { Outcome::Succeeded } else { Outcome::Failed };
        while look(job, &mut state, now, outcome, "").is_some() {}
        let at = timer(&state).expect("armed");
        prop_assert!(now < at && at <= job.schedule().next(now));
    }
}
