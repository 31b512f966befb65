//! Who is over the quota, and whether that is told now. Pure.

/// Usage below this is not looked at, whatever the quota: less than the smallest paid plan.
pub(crate) const MINIMUM_USAGE: i64 = 150_000;
/// From one message about a workspace to the next, seconds: a week less the four hours a schedule may drift.
pub(crate) const REMINDER_SECONDS: i64 = 590_400;

/// Which message is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Notice {
    /// Nobody was told in this month.
    First,
    /// The last one is a week old.
    Reminder,
}

/// Whether a limit is used up. A workspace without quota has no limit; a limit of 0 is one.
pub(crate) fn is_over(limit: Option<i64>, used: i64) -> bool {
    limit.is_some_and(|limit| used >= limit)
}

/// The message that is due now; none while the last one, epoch seconds, is young.
pub(crate) fn notice(last: Option<i64>, now: i64) -> Option<Notice> {
    match last.filter(|last| *last > 0) {
        None => Some(Notice::First),
        Some(last) if now - last >= REMINDER_SECONDS => Some(Notice::Reminder),
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reaching_the_limit_is_over_it() {
        for (limit, used, over) in [
            (Some(200_000), 199_999, false),
            (Some(200_000), 200_000, true),
            (Some(0), 0, true),
            (None, i64::MAX, false),
        ] {
            assert_eq!(is_over(limit, used), over, "{limit:?} {used}");
        }
    }

    #[test]
    fn a_message_is_due_first_and_then_after_six_days_and_twenty_hours() {
        assert_eq!(REMINDER_SECONDS, (6 * 24 + 20) * 3_600);
        assert_eq!(MINIMUM_USAGE, 150_000);
        let t = 1_700_000_000;
        for (last, now, due) in [
            (None, t, Some(Notice::First)),
            (Some(0), t, Some(Notice::First)),
            (Some(t), t, None),
            (Some(t), t + 86_400, None),
            (Some(t), t + REMINDER_SECONDS - 1, None),
            (Some(t), t + REMINDER_SECONDS, Some(Notice::Reminder)),
            (Some(t), t - 5, None),
        ] {
            assert_eq!(notice(last, now), due, "{last:?} {now}");
        }
    }

    proptest! {
        #[test]
        fn no_two_messages_come_closer_than_a_week(runs in prop::collection::vec(1i64..400_000, 1..60)) {
            let (mut now, mut last, mut sent) = (1_700_000_000, None, Vec::new());
            for pause in runs {
                now += pause;
                if notice(last, now).is_some() {
                    last = Some(now);
                    sent.push(now);
                }
            }
            for pair in sent.windows(2) {
                prop_assert!(pair[1] - pair[0] >= REMINDER_SECONDS);
            }
        }
    }
}
