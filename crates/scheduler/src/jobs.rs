//! The jobs: when each is due, what its windows are called, and which invocation an outside cron would make of it.
//! Pure, a table more than a program. Not for calling them (see `target`), nor for what is due now (see `plan`).

use crate::calendar;
use durable::{Fault, codes};
use scheduler_client::JOBS;

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// A periodic job. Its name is the key of its object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Job {
    /// Refills keys, daily at 00:00.
    KeyRefill,
    /// Tells of exceeded quotas, daily at 15:00.
    QuotaCheck,
    /// Renews certificates, daily at 03:00.
    CertificateRenewal,
    /// Puts idle previews to sleep, every 15 minutes.
    IdleScaleDown,
    /// Copies when keys were last used, every minute.
    KeyLastUsedSync,
}

/// What is done about windows in which nothing ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Missed {
    /// Each is run, oldest first.
    Each,
    /// The newest stands for all of them.
    Latest,
    /// As `Latest`; in a new month, the month before is run once more first.
    LatestAndClosing,
}

/// When a job is due. All times are milliseconds, in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Schedule {
    /// From window to window.
    pub(crate) period: i64,
    /// From the beginning of a UTC day to a window.
    pub(crate) offset: i64,
    /// A run that has not ended by then counts as lost.
    pub(crate) limit: i64,
    pub(crate) missed: Missed,
    /// Skip a window when the last success is younger than half the period: there is no key by which the job's
    /// service would know a second run.
    pub(crate) fresh: bool,
    /// Further tries of a window that failed, where the next window is too far to wait for.
    pub(crate) tries: u32,
}

impl Job {
    /// Every job.
    pub const ALL: [Self; 5] = [
        Self::KeyRefill,
        Self::QuotaCheck,
        Self::CertificateRenewal,
        Self::IdleScaleDown,
        Self::KeyLastUsedSync,
    ];

    /// The key of its object.
    pub fn name(self) -> &'static str {
        match self {
            Self::KeyRefill => JOBS[0],
            Self::QuotaCheck => JOBS[1],
            Self::CertificateRenewal => JOBS[2],
            Self::IdleScaleDown => JOBS[3],
            Self::KeyLastUsedSync => JOBS[4],
        }
    }

    /// The job with this name.
    pub(crate) fn of(name: &str) -> Result<Self, Fault> {
        Self::ALL
            .into_iter()
            .find(|job| job.name() == name)
            .ok_or_else(|| Fault {
                code: codes::JOB_NOT_FOUND,
                text: format!("{name:?} is no job. There are: {}.", JOBS.join(", ")),
            })
    }

    pub(crate) fn schedule(self) -> Schedule {
        let (period, offset, limit, missed, fresh, tries) = match self {
            Self::KeyRefill => (DAY, 0, 6 * HOUR, Missed::Each, false, 5),
            Self::QuotaCheck => (DAY, 15 * HOUR, 2 * HOUR, Missed::LatestAndClosing, false, 5),
            Self::CertificateRenewal => (DAY, 3 * HOUR, 2 * HOUR, Missed::Latest, true, 5),
            Self::IdleScaleDown => (15 * MINUTE, 0, HOUR, Missed::Latest, true, 0),
            Self::KeyLastUsedSync => (MINUTE, 0, 15 * MINUTE, Missed::Latest, false, 0),
        };
        Schedule {
            period,
            offset,
            limit,
            missed,
            fresh,
            tries,
        }
    }

    /// What a window is called. A closing one is the month before.
    pub(crate) fn window(self, at: i64, closing: bool) -> String {
        match self {
            Self::KeyRefill | Self::CertificateRenewal => calendar::date(at),
            Self::QuotaCheck if closing => calendar::month_before(at),
            Self::QuotaCheck => calendar::month(at),
            Self::IdleScaleDown | Self::KeyLastUsedSync => calendar::minute(at),
        }
    }

    /// Key of the object to call for a window; empty where the job's service has none.
    pub(crate) fn target_key(self, window: &str) -> String {
        match self {
            Self::KeyRefill | Self::QuotaCheck => window.to_owned(),
            Self::CertificateRenewal => "global".to_owned(),
            // Its own, so that no call of a workspace shares it.
            Self::IdleScaleDown => "scale-down-idle".to_owned(),
            Self::KeyLastUsedSync => String::new(),
        }
    }

    /// The idempotency key the job's cron is documented with, so that the clock and a cron that still runs make one
    /// invocation of a window; empty for a job without one. A further try must not be answered with the failure
    /// before it.
    pub(crate) fn idempotency_key(self, at: i64, closing: bool, attempt: u32) -> String {
        let key = match self {
            Self::KeyRefill => format!("key-refill-{}", calendar::date(at)),
            Self::QuotaCheck if closing => {
                format!("quota-check-{}-closing", calendar::month_before(at))
            }
            Self::QuotaCheck => format!("quota-check-{}", calendar::date(at)),
            Self::KeyLastUsedSync => format!("key-last-used-sync-{}", calendar::minute(at)),
            Self::CertificateRenewal | Self::IdleScaleDown => return String::new(),
        };
        match attempt {
            0 => key,
            n => format!("{key}-try-{}", n + 1),
        }
    }
}

impl Schedule {
    /// The newest window that has begun.
    pub(crate) fn latest(&self, now: i64) -> i64 {
        now - (now - self.offset).rem_euclid(self.period)
    }

    /// The first window that has not.
    pub(crate) fn next(&self, now: i64) -> i64 {
        self.latest(now) + self.period
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use time::OffsetDateTime;
    use time::macros::datetime;

    fn ms(t: OffsetDateTime) -> i64 {
        t.unix_timestamp() * 1_000
    }

    #[test]
    fn the_table_is_that_of_the_contract() {
        let table = [
            (Job::KeyRefill, 24 * 60, 0),
            (Job::QuotaCheck, 24 * 60, 15 * 60),
            (Job::CertificateRenewal, 24 * 60, 3 * 60),
            (Job::IdleScaleDown, 15, 0),
            (Job::KeyLastUsedSync, 1, 0),
        ];
        for (job, period, offset) in table {
            let s = job.schedule();
            assert_eq!(
                (s.period / MINUTE, s.offset / MINUTE),
                (period, offset),
                "{job:?}"
            );
            assert_eq!(Job::of(job.name()), Ok(job));
            // without a key, only freshness keeps a second run away
            assert_eq!(
                s.fresh,
                job.idempotency_key(0, false, 0).is_empty(),
                "{job:?}"
            );
        }
        let unknown = Job::of("key-refil").expect_err("no such job");
        assert_eq!(unknown.code, codes::JOB_NOT_FOUND);
    }

    #[test]
    fn keys_are_those_the_crons_are_documented_with() {
        let at = ms(datetime!(2026-01-01 15:00 UTC));
        let keys = |job: Job| {
            let window = job.window(at, false);
            (job.target_key(&window), job.idempotency_key(at, false, 0))
        };
        let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        assert_eq!(
            keys(Job::KeyRefill),
            pair("2026-01-01", "key-refill-2026-01-01")
        );
        assert_eq!(
            keys(Job::QuotaCheck),
            pair("2026-01", "quota-check-2026-01-01")
        );
        assert_eq!(
            keys(Job::KeyLastUsedSync),
            pair("", "key-last-used-sync-2026-01-01T15:00")
        );
        assert_eq!(keys(Job::CertificateRenewal), pair("global", ""));
        assert_eq!(keys(Job::IdleScaleDown), pair("scale-down-idle", ""));
        assert_eq!(Job::QuotaCheck.window(at, true), "2025-12");
        assert_eq!(
            Job::QuotaCheck.idempotency_key(at, true, 0),
            "quota-check-2025-12-closing"
        );
        assert_eq!(
            Job::KeyRefill.idempotency_key(at, false, 1),
            "key-refill-2026-01-01-try-2"
        );
        assert_eq!(Job::IdleScaleDown.idempotency_key(at, false, 3), "");
    }

    proptest! {
        #[test]
        fn every_instant_lies_in_one_window(now in 0i64..4_102_444_800_000, which in 0usize..5) {
            let s = Job::ALL[which].schedule();
            let (latest, next) = (s.latest(now), s.next(now));
            prop_assert!(latest <= now && now < next && next - latest == s.period);
            prop_assert_eq!((latest - s.offset).rem_euclid(s.period), 0);
            prop_assert_eq!(s.latest(latest), latest);
        }
    }
}
