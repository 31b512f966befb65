//! The limits of a user: what the request says, or the default. Pure.

use messages::hydra::v1::ConfigureUserRequest;

/// Limits that are all above zero: ClickHouse reads 0 as "no limit".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limits {
    /// Seconds of one window.
    pub(crate) quota_duration_seconds: i32,
    /// Queries in one window.
    pub(crate) max_queries_per_window: i32,
    /// Seconds of execution in one window.
    pub(crate) max_execution_time_per_window: i32,
    /// Seconds of one query.
    pub(crate) max_query_execution_time: i32,
    /// Memory of one query.
    pub(crate) max_query_memory_bytes: i64,
    /// Rows of one result.
    pub(crate) max_query_result_rows: i32,
}

impl Limits {
    /// What the request says; what it leaves open, or gives as zero or less, is the default. A request is absolute: what
    /// an earlier one said does not count.
    pub(crate) fn of(request: &ConfigureUserRequest) -> Self {
        let or = |given: Option<i32>, default: i32| given.filter(|n| *n > 0).unwrap_or(default);
        Self {
            quota_duration_seconds: or(request.quota_duration_seconds, 3_600),
            max_queries_per_window: or(request.max_queries_per_window, 1_000),
            max_execution_time_per_window: or(request.max_execution_time_per_window, 1_800),
            max_query_execution_time: or(request.max_query_execution_time, 30),
            max_query_memory_bytes: request
                .max_query_memory_bytes
                .filter(|n| *n > 0)
                .unwrap_or(1_000_000_000),
            max_query_result_rows: or(request.max_query_result_rows, 10_000_000),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_empty_request_means_the_defaults() {
        let wanted = Limits {
            quota_duration_seconds: 3_600,
            max_queries_per_window: 1_000,
            max_execution_time_per_window: 1_800,
            max_query_execution_time: 30,
            max_query_memory_bytes: 1_000_000_000,
            max_query_result_rows: 10_000_000,
        };
        assert_eq!(Limits::of(&ConfigureUserRequest::default()), wanted);
    }

    proptest! {
        #[test]
        fn no_limit_is_ever_zero_or_less(n in any::<i32>(), m in any::<i64>()) {
            let limits = Limits::of(&ConfigureUserRequest {
                quota_duration_seconds: Some(n),
                max_queries_per_window: Some(n),
                max_execution_time_per_window: Some(n),
                max_query_execution_time: Some(n),
                max_query_memory_bytes: Some(m),
                max_query_result_rows: Some(n),
            });
            prop_assert!(limits.quota_duration_seconds > 0 && limits.max_queries_per_window > 0);
            prop_assert!(limits.max_execution_time_per_window > 0 && limits.max_query_execution_time > 0);
            prop_assert!(limits.max_query_memory_bytes > 0 && limits.max_query_result_rows > 0);
            if n > 0 { prop_assert_eq!(limits.max_queries_per_window, n); }
            if m > 0 { prop_assert_eq!(limits.max_query_memory_bytes, m); }
        }
    }
}
