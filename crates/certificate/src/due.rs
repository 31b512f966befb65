//! When a certificate is due. Pure.
//!
//! Not for asking an authority: see `windows`.

use crate::verdict::Cause;
use serde::{Deserialize, Serialize};

/// Share of the lifetime, in thousandths, after which a certificate is due.
const SHARE: i64 = 667;
/// Up to this share of the lifetime, in thousandths, is taken off, another for each certificate.
const JITTER: i64 = 20;

/// What of a stored certificate decides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Held {
    pub(crate) id: String,
    /// Epoch ms.
    pub(crate) not_before: i64,
    /// Epoch ms.
    pub(crate) not_after: i64,
    /// Lower-case hexadecimal digits.
    pub(crate) serial: String,
    /// Its name in renewal information.
    pub(crate) certificate_id: Option<String>,
}

impl Held {
    /// Whether clients still take it.
    pub(crate) fn is_valid(&self, now: i64) -> bool {
        self.not_after > now
    }
}

/// What of a row of `ctrl_worker_renewals` decides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Planned {
    pub(crate) renew_at: i64,
    pub(crate) reason: String,
    pub(crate) failures: i32,
    pub(crate) updated_at: i64,
}

/// When a certificate is due without any word of its authority: after two thirds of its lifetime, less up to 2 %.
/// The same serial number gives the same instant, so that a repeated step draws no other.
pub(crate) fn by_lifetime(not_before: i64, not_after: i64, serial: &str) -> i64 {
    let lifetime = not_after.saturating_sub(not_before).max(0);
    let thousandth = lifetime / 1000;
    let jitter = thousandth * JITTER / 1000 * i64::from(draw(serial, 1000));
    not_before + thousandth * SHARE - jitter
}

/// The latest instant that is planned, whatever an authority suggests: five sixths of the lifetime. A window behind the end
/// of the certificate must not leave it to expire.
pub(crate) fn latest(not_before: i64, not_after: i64) -> i64 {
    not_before + not_after.saturating_sub(not_before).max(0) / 6 * 5
}

/// The instant in a suggested window at which a certificate is renewed: the planned one if it lies within, else another
/// one that the serial number and the window fix. A window that is over means now.
pub(crate) fn in_window(start: i64, end: i64, planned: i64, serial: &str) -> i64 {
    if end <= start {
        return start;
    }
    if (start..=end).contains(&planned) {
        return planned;
    }
    let permille = i64::from(draw(&format!("{serial} {start}"), 1000));
    start + (end - start) / 1000 * permille
}

/// Whether the stored certificate is good for now, so that nothing has to be ordered.
pub(crate) fn is_fresh(held: &Held, planned: Option<&Planned>, now: i64) -> bool {
    let due = match planned {
        // These rows say when something is to be tried, not when the certificate is due.
        Some(p) if ["pending", "adopted", "waiting"].contains(&p.reason.as_str()) => {
            by_lifetime(held.not_before, held.not_after, &held.serial)
        }
        Some(p) if is_failure(&p.reason) => return false,
        // what is stored may be another certificate than the one that was planned for
        Some(p) => p.renew_at.min(latest(held.not_before, held.not_after)),
        None => by_lifetime(held.not_before, held.not_after, &held.serial),
    };
    held.is_valid(now) && due > now
}

/// Whether the authority has refused the proof so recently that another try would only cost one of the few it allows.
pub(crate) fn too_soon(planned: Option<&Planned>, now: i64, gap: i64) -> bool {
    planned.is_some_and(|p| {
        p.reason == Cause::Proof.label()
            && p.failures > 0
            && now < p.updated_at.saturating_add(gap)
            && now < p.renew_at
    })
}

fn is_failure(reason: &str) -> bool {
    [
        Cause::Proof,
        Cause::Outage,
        Cause::Customer,
        Cause::Operator,
        Cause::Bug,
    ]
    .iter()
    .any(|cause| cause.label() == reason)
}

/// A number below `limit`, fixed by the text, spread over all values.
fn draw(text: &str, limit: u32) -> u32 {
    // FNV-1a: no secret and no adversary, only evenly spread
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    u32::try_from((hash >> 20) % u64::from(limit.max(1))).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const DAY: i64 = 86_400_000;

    fn held(days: i64) -> Held {
        Held {
            id: "cert_a".into(),
            not_before: 0,
            not_after: days * DAY,
            serial: "ab12".into(),
            certificate_id: None,
        }
    }

    fn planned(reason: &str, renew_at: i64) -> Planned {
        Planned {
            renew_at,
            reason: reason.into(),
            failures: 1,
            updated_at: 0,
        }
    }

    #[test]
    fn ninety_days_are_due_with_about_thirty_left() {
        let due = by_lifetime(0, 90 * DAY, "00ff");
        assert!((58 * DAY..=61 * DAY).contains(&due), "{}", due / DAY);
        let left = held(90).not_after - by_lifetime(0, 90 * DAY, "ab12");
        assert!(left > 29 * DAY && left < 33 * DAY);
    }

    #[test]
    fn a_suggestion_never_outlives_the_certificate() {
        assert_eq!(latest(0, 90 * DAY), 75 * DAY);
        assert!(latest(0, 6 * DAY) < 6 * DAY);
    }

    #[test]
    fn a_certificate_of_six_days_is_not_due_on_its_first() {
        assert!(is_fresh(&held(6), None, DAY / 2));
        assert!(!is_fresh(&held(6), None, 5 * DAY));
        let adopted = planned("adopted", 0);
        assert!(is_fresh(&held(6), Some(&adopted), DAY / 2));
    }

    #[test]
    fn what_was_planned_counts_and_a_failed_renewal_is_never_fresh() {
        assert!(!is_fresh(&held(90), Some(&planned("ari", DAY)), 2 * DAY));
        assert!(is_fresh(&held(90), Some(&planned("ari", 3 * DAY)), 2 * DAY));
        assert!(!is_fresh(
            &held(90),
            Some(&planned("proof", 3 * DAY)),
            2 * DAY
        ));
        // whatever is planned, a certificate near its end is due
        assert!(!is_fresh(
            &held(90),
            Some(&planned("lifetime", 89 * DAY)),
            80 * DAY
        ));
        assert!(!is_fresh(&held(1), Some(&planned("ari", 3 * DAY)), 2 * DAY));
    }

    #[test]
    fn a_refused_proof_is_not_repeated_at_once() {
        let refused = planned("proof", 900);
        assert!(too_soon(Some(&refused), 100, 900));
        assert!(!too_soon(Some(&refused), 901, 900));
        assert!(!too_soon(Some(&planned("customer", 900)), 100, 900));
        assert!(!too_soon(None, 100, 900));
    }

    proptest! {
        #[test]
        fn the_jitter_is_at_most_two_per_cent_and_always_early(days in 1i64..400, serial in "[0-9a-f]{1,40}") {
            let (end, due) = (days * DAY, by_lifetime(0, days * DAY, &serial));
            prop_assert!(due <= end * 667 / 1000 + 1);
            prop_assert!(due >= end * 647 / 1000 - 1000);
            prop_assert_eq!(due, by_lifetime(0, days * DAY, &serial));
        }

        #[test]
        fn the_instant_lies_in_the_window_and_stays(start in 0i64..1_000_000_000, length in 0i64..1_000_000_000, planned in 0i64..2_000_000_000, serial in "[0-9a-f]{4}") {
            let at = in_window(start, start + length, planned, &serial);
            prop_assert!((start..=start + length).contains(&at));
            prop_assert_eq!(in_window(start, start + length, at, &serial), at);
        }
    }
}
