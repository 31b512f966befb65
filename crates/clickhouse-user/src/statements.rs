//! The statements that make a user what it should be, in an order that fails closed. Pure.
//!
//! A new user can do nothing. It gets its row policies, its profile and its quota, then its password, and only then the
//! right to read: whatever stops this in the middle leaves a user that sees too little. For a user that is there
//! already each statement replaces one thing in one move, and the last one replaces all its rights: tables that are
//! no longer allowed go in the same move, and nothing is lost for a moment.
//!
//! Names are put into the text in backquotes; `key` lets through nothing that could end them.

use crate::limits::Limits;

/// The tables a workspace may read; each has a column `workspace_id`, and `time` in the type its name tells.
const TABLES: &[&str] = &[
    "key_verifications_raw_v2",
    "key_verifications_per_minute_v3",
    "key_verifications_per_hour_v3",
    "key_verifications_per_day_v3",
    "key_verifications_per_month_v3",
];

/// One statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Statement {
    /// For metrics and errors.
    pub(crate) operation: &'static str,
    /// Its text.
    pub(crate) sql: String,
    /// Whether it names `{password:String}`.
    pub(crate) needs_password: bool,
}

/// All of them, in order. `days` is for how long the workspace's logs are kept.
pub(crate) fn in_order(user: &str, limits: &Limits, days: u32) -> Vec<Statement> {
    let plain = |operation, sql| Statement {
        operation,
        sql,
        needs_password: false,
    };
    let identified = "IDENTIFIED WITH sha256_password BY {password:String}";
    let mut all = vec![Statement {
        operation: "create_user",
        sql: format!("CREATE USER IF NOT EXISTS `{user}` {identified}"),
        needs_password: true,
    }];
    all.extend(
        TABLES
            .iter()
            .map(|table| plain("row_policy", row_policy(user, table, days))),
    );
    all.push(plain("settings_profile", settings_profile(user, limits)));
    all.push(plain("quota", quota(user, limits)));
    // Also for a user that was there: its password may be another than the one that is stored.
    all.push(Statement {
        operation: "password",
        sql: format!("ALTER USER `{user}` {identified}"),
        needs_password: true,
    });
    all.push(plain("grant", grant(user)));
    all
}

fn row_policy(user: &str, table: &str, days: u32) -> String {
    format!(
        "CREATE ROW POLICY OR REPLACE `workspace_{user}_rls` ON default.`{table}` FOR SELECT \
         USING workspace_id = '{user}' AND ({}) TO `{user}`",
        retention(table, days)
    )
}

/// Days count from their beginning. The column's type follows from the table's name.
fn retention(table: &str, days: u32) -> String {
    let is = |middle: &str| {
        table.rsplit_once(middle).is_some_and(|(_, version)| {
            !version.is_empty() && version.bytes().all(|b| b.is_ascii_digit())
        })
    };
    if is("_raw_v") {
        format!("time >= toUnixTimestamp(toStartOfDay(now() - INTERVAL {days} DAY)) * 1000")
    } else if is("_per_day_v") || is("_per_month_v") {
        format!("time >= today() - INTERVAL {days} DAY")
    } else {
        format!("time >= toStartOfDay(now() - INTERVAL {days} DAY)")
    }
}

/// A session may shorten the time of its queries and change nothing else.
fn settings_profile(user: &str, limits: &Limits) -> String {
    let Limits {
        max_query_execution_time: seconds,
        max_query_memory_bytes: bytes,
        max_query_result_rows: rows,
        ..
    } = limits;
    format!(
        "CREATE SETTINGS PROFILE OR REPLACE `workspace_{user}_profile` SETTINGS \
         max_execution_time = {seconds} MIN 1 MAX {seconds} CHANGEABLE_IN_READONLY, max_memory_usage = {bytes} READONLY, \
         max_result_rows = {rows} READONLY, result_overflow_mode = 'throw' READONLY, readonly = 1 READONLY TO `{user}`"
    )
}

fn quota(user: &str, limits: &Limits) -> String {
    let Limits {
        quota_duration_seconds: window,
        max_queries_per_window: queries,
        max_execution_time_per_window: seconds,
        ..
    } = limits;
    format!(
        "CREATE QUOTA OR REPLACE `workspace_{user}_quota` FOR INTERVAL {window} SECOND \
         MAX queries = {queries}, execution_time = {seconds} TO `{user}`"
    )
}

fn grant(user: &str) -> String {
    let rights: Vec<String> = TABLES
        .iter()
        .map(|table| format!("SELECT ON default.`{table}`"))
        .collect();
    format!(
        "GRANT {} TO `{user}` WITH REPLACE OPTION",
        rights.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use messages::hydra::v1::ConfigureUserRequest;

    fn all() -> Vec<Statement> {
        in_order("ws_1", &Limits::of(&ConfigureUserRequest::default()), 30)
    }

    #[test]
    fn every_right_comes_after_the_policy_of_its_table_and_after_profile_and_quota() {
        let all = all();
        let last = |operation: &str| {
            all.iter()
                .rposition(|s| s.operation == operation)
                .expect("there")
        };
        let first_grant = all
            .iter()
            .position(|s| s.sql.contains("GRANT"))
            .expect("a grant");
        for before in ["row_policy", "settings_profile", "quota", "password"] {
            assert!(last(before) < first_grant, "{before} comes too late");
        }
        for table in TABLES {
            let of = |operation: &str| {
                all.iter()
                    .filter(|s| {
                        s.operation == operation && s.sql.contains(&format!("default.`{table}`"))
                    })
                    .count()
            };
            assert_eq!((of("row_policy"), of("grant")), (1, 1), "{table}");
        }
        assert_eq!(all.iter().filter(|s| s.sql.contains("GRANT")).count(), 1);
    }

    #[test]
    fn the_password_is_never_part_of_a_text() {
        for statement in all() {
            let named = statement.sql.contains("{password:String}");
            assert_eq!(named, statement.needs_password, "{}", statement.sql);
        }
    }

    #[test]
    fn retention_follows_the_type_of_the_column() {
        let days = |table| retention(table, 7);
        assert_eq!(
            days("x_raw_v2"),
            "time >= toUnixTimestamp(toStartOfDay(now() - INTERVAL 7 DAY)) * 1000"
        );
        assert_eq!(
            days("x_per_minute_v3"),
            "time >= toStartOfDay(now() - INTERVAL 7 DAY)"
        );
        assert_eq!(
            days("x_per_hour_v3"),
            "time >= toStartOfDay(now() - INTERVAL 7 DAY)"
        );
        assert_eq!(days("x_per_day_v3"), "time >= today() - INTERVAL 7 DAY");
        assert_eq!(days("x_per_month_v12"), "time >= today() - INTERVAL 7 DAY");
        assert_eq!(
            days("x_raw_v2_copy"),
            "time >= toStartOfDay(now() - INTERVAL 7 DAY)"
        );
    }
}
