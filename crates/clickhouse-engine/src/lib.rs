//! clickhouse-engine.
