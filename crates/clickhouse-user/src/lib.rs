//! clickhouse-user.
