//! The period in an object's key. Pure; whether it is one is for the job's own service to say.

/// The key without the task's name in front: `quota-check-2026-01` and `2026-01` are the same.
pub(crate) fn period<'a>(key: &'a str, task: &str) -> &'a str {
    key.strip_prefix(task)
        .and_then(|rest| rest.strip_prefix('-'))
        .unwrap_or(key)
}

#[cfg(test)]
mod tests {
    use super::period;

    #[test]
    fn only_the_name_of_the_task_is_taken_off() {
        for (key, bare) in [
            ("quota-check-2026-01", "2026-01"),
            ("2026-01", "2026-01"),
            ("quota-check", "quota-check"),
            ("quota-check2026-01", "quota-check2026-01"),
            ("key-refill-2026-01", "key-refill-2026-01"),
            ("quota-check-quota-check-2026-01", "quota-check-2026-01"),
            ("", ""),
        ] {
            assert_eq!(period(key, "quota-check"), bare, "{key}");
        }
    }
}
