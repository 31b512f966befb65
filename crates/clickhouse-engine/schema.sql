-- The tables of the analytics store that the worker reads or gives users access to, as far as tests need them. In an
-- installation another tool makes them. Each statement ends with a semicolon at the end of a line.

CREATE TABLE IF NOT EXISTS default.key_verifications_raw_v2 (
  request_id String, time Int64 CODEC(Delta(8), LZ4), workspace_id String, key_space_id String, identity_id String,
  external_id String, key_id String, region LowCardinality(String), outcome LowCardinality(String),
  tags Array(String) DEFAULT [], spent_credits Int64, latency Float64,
  INDEX idx_request_id request_id TYPE bloom_filter GRANULARITY 1,
  INDEX idx_key_id key_id TYPE bloom_filter GRANULARITY 1
) ENGINE = MergeTree ORDER BY (workspace_id, time, key_space_id, outcome)
TTL toDateTime(fromUnixTimestamp64Milli(time)) + INTERVAL 90 DAY DELETE
SETTINGS non_replicated_deduplication_window = 10000;

CREATE TABLE IF NOT EXISTS default.key_verifications_per_minute_v3 (
  time DateTime, workspace_id String, key_space_id String, identity_id String, external_id String, key_id String,
  outcome LowCardinality(String), tags Array(String), count SimpleAggregateFunction(sum, Int64),
  spent_credits SimpleAggregateFunction(sum, Int64), latency_avg AggregateFunction(avg, Float64),
  latency_p75 AggregateFunction(quantilesTDigest(0.75), Float64), latency_p99 AggregateFunction(quantilesTDigest(0.99), Float64)
) ENGINE = AggregatingMergeTree
ORDER BY (workspace_id, time, key_space_id, identity_id, external_id, key_id, outcome, tags)
PARTITION BY toStartOfDay(time) TTL time + INTERVAL 90 DAY DELETE;

CREATE TABLE IF NOT EXISTS default.key_verifications_per_hour_v3 (
  time DateTime, workspace_id String, key_space_id String, identity_id String, external_id String, key_id String,
  outcome LowCardinality(String), tags Array(String), count SimpleAggregateFunction(sum, Int64),
  spent_credits SimpleAggregateFunction(sum, Int64), latency_avg AggregateFunction(avg, Float64),
  latency_p75 AggregateFunction(quantilesTDigest(0.75), Float64), latency_p99 AggregateFunction(quantilesTDigest(0.99), Float64)
) ENGINE = AggregatingMergeTree
ORDER BY (workspace_id, time, key_space_id, identity_id, external_id, key_id, outcome, tags)
PARTITION BY toStartOfDay(time) TTL time + INTERVAL 90 DAY DELETE;

CREATE TABLE IF NOT EXISTS default.key_verifications_per_day_v3 (
  time Date, workspace_id String, key_space_id String, identity_id String, external_id String, key_id String,
  outcome LowCardinality(String), tags Array(String), count SimpleAggregateFunction(sum, Int64),
  spent_credits SimpleAggregateFunction(sum, Int64), latency_avg AggregateFunction(avg, Float64),
  latency_p75 AggregateFunction(quantilesTDigest(0.75), Float64), latency_p99 AggregateFunction(quantilesTDigest(0.99), Float64)
) ENGINE = AggregatingMergeTree
ORDER BY (workspace_id, time, key_space_id, identity_id, external_id, key_id, outcome, tags)
PARTITION BY toStartOfMonth(time) TTL time + INTERVAL 365 DAY DELETE;

CREATE TABLE IF NOT EXISTS default.key_verifications_per_month_v3 (
  time Date, workspace_id String, key_space_id String, identity_id String, external_id String, key_id String,
  outcome LowCardinality(String), tags Array(String), count SimpleAggregateFunction(sum, Int64),
  spent_credits SimpleAggregateFunction(sum, Int64), latency_avg AggregateFunction(avg, Float64),
  latency_p75 AggregateFunction(quantilesTDigest(0.75), Float64), latency_p99 AggregateFunction(quantilesTDigest(0.99), Float64)
) ENGINE = AggregatingMergeTree
ORDER BY (workspace_id, time, key_space_id, identity_id, external_id, key_id, outcome, tags)
PARTITION BY toStartOfYear(time) TTL time + INTERVAL 3 YEAR DELETE;

CREATE TABLE IF NOT EXISTS default.billable_verifications_per_month_v2 (
  year Int16, month Int8, workspace_id String, count Int64
) ENGINE = SummingMergeTree ORDER BY (workspace_id, year, month);

CREATE TABLE IF NOT EXISTS default.billable_ratelimits_per_month_v2 (
  year Int16, month Int8, workspace_id String, count Int64
) ENGINE = SummingMergeTree ORDER BY (workspace_id, year, month);

CREATE TABLE IF NOT EXISTS default.key_last_used_v1 (
  workspace_id String, key_space_id String, key_id String, identity_id String, time SimpleAggregateFunction(max, Int64),
  request_id SimpleAggregateFunction(anyLast, String), outcome SimpleAggregateFunction(anyLast, LowCardinality(String)),
  tags SimpleAggregateFunction(anyLast, Array(String))
) ENGINE = AggregatingMergeTree ORDER BY (workspace_id, key_space_id, key_id)
TTL toDateTime(fromUnixTimestamp64Milli(time)) + INTERVAL 90 DAY DELETE;

CREATE TABLE IF NOT EXISTS default.ratelimits_raw_v2 (
  request_id String, time Int64 CODEC(Delta(8), LZ4), workspace_id String, namespace_id String, identifier String,
  passed Bool, latency Float64, override_id String, limit UInt64, remaining UInt64, reset_at Int64 CODEC(Delta(8), LZ4)
) ENGINE = MergeTree ORDER BY (workspace_id, time, namespace_id)
TTL toDateTime(fromUnixTimestamp64Milli(time)) + INTERVAL 1 MONTH DELETE;

CREATE TABLE IF NOT EXISTS default.sentinel_requests_raw_v1 (
  request_id String, time Int64 CODEC(Delta(8), LZ4), workspace_id String, environment_id String, project_id String,
  sentinel_id String, deployment_id String, instance_id String, instance_address String, region LowCardinality(String),
  platform LowCardinality(String), method LowCardinality(String), host String, path String, query_string String,
  query_params Map(String, Array(String)), request_headers Array(String), request_body String, response_status Int32,
  response_headers Array(String), response_body String, user_agent String, ip_address String, total_latency Int64,
  instance_latency Int64, sentinel_latency Int64,
  INDEX idx_deployment_id deployment_id TYPE bloom_filter GRANULARITY 1
) ENGINE = MergeTree ORDER BY (workspace_id, project_id, environment_id, time, deployment_id)
TTL toDateTime(fromUnixTimestamp64Milli(time)) + INTERVAL 30 DAY DELETE;

CREATE MATERIALIZED VIEW IF NOT EXISTS default.key_verifications_per_minute_mv_v3 TO default.key_verifications_per_minute_v3 AS
SELECT toStartOfMinute(fromUnixTimestamp64Milli(time)) AS time, workspace_id, key_space_id, identity_id, external_id, key_id,
  outcome, tags, toInt64(count()) AS count, sum(spent_credits) AS spent_credits, avgState(latency) AS latency_avg,
  quantilesTDigestState(0.75)(latency) AS latency_p75, quantilesTDigestState(0.99)(latency) AS latency_p99
FROM default.key_verifications_raw_v2
GROUP BY workspace_id, time, key_space_id, identity_id, external_id, key_id, outcome, tags;

CREATE MATERIALIZED VIEW IF NOT EXISTS default.key_verifications_per_hour_mv_v3 TO default.key_verifications_per_hour_v3 AS
SELECT toStartOfHour(time) AS time, workspace_id, key_space_id, identity_id, external_id, key_id, outcome, tags,
  sum(count) AS count, sum(spent_credits) AS spent_credits, avgMergeState(latency_avg) AS latency_avg,
  quantilesTDigestMergeState(0.75)(latency_p75) AS latency_p75, quantilesTDigestMergeState(0.99)(latency_p99) AS latency_p99
FROM default.key_verifications_per_minute_v3
GROUP BY workspace_id, time, key_space_id, identity_id, external_id, key_id, outcome, tags;

CREATE MATERIALIZED VIEW IF NOT EXISTS default.key_verifications_per_day_mv_v3 TO default.key_verifications_per_day_v3 AS
SELECT toDate(toStartOfDay(time)) AS time, workspace_id, key_space_id, identity_id, external_id, key_id, outcome, tags,
  sum(count) AS count, sum(spent_credits) AS spent_credits, avgMergeState(latency_avg) AS latency_avg,
  quantilesTDigestMergeState(0.75)(latency_p75) AS latency_p75, quantilesTDigestMergeState(0.99)(latency_p99) AS latency_p99
FROM default.key_verifications_per_hour_v3
GROUP BY workspace_id, time, key_space_id, identity_id, external_id, key_id, outcome, tags;

CREATE MATERIALIZED VIEW IF NOT EXISTS default.key_verifications_per_month_mv_v3 TO default.key_verifications_per_month_v3 AS
SELECT toDate(toStartOfMonth(time)) AS time, workspace_id, key_space_id, identity_id, external_id, key_id, outcome, tags,
  sum(count) AS count, sum(spent_credits) AS spent_credits, avgMergeState(latency_avg) AS latency_avg,
  quantilesTDigestMergeState(0.75)(latency_p75) AS latency_p75, quantilesTDigestMergeState(0.99)(latency_p99) AS latency_p99
FROM default.key_verifications_per_day_v3
GROUP BY workspace_id, time, key_space_id, identity_id, external_id, key_id, outcome, tags;

CREATE MATERIALIZED VIEW IF NOT EXISTS default.billable_verifications_per_month_mv_v2 TO default.billable_verifications_per_month_v2 AS
SELECT toInt16(toYear(time)) AS year, toInt8(toMonth(time)) AS month, workspace_id, sum(count) AS count
FROM default.key_verifications_per_month_v3 WHERE outcome = 'VALID' GROUP BY workspace_id, year, month;

CREATE MATERIALIZED VIEW IF NOT EXISTS default.key_last_used_mv_v1 TO default.key_last_used_v1 AS
SELECT workspace_id, key_space_id, key_id, any(identity_id) AS identity_id, max(time) AS time, anyLast(request_id) AS request_id,
  anyLast(outcome) AS outcome, anyLast(tags) AS tags
FROM default.key_verifications_raw_v2 GROUP BY workspace_id, key_space_id, key_id;

CREATE TABLE IF NOT EXISTS default.build_steps_v1 (
  step_id String,
  started_at Int64 CODEC(Delta(8), LZ4),
  completed_at Int64 CODEC(Delta(8), LZ4),
  workspace_id String,
  project_id String,
  deployment_id String,
  name String,
  cached Bool,
  error String,
  has_logs Bool
) ENGINE = MergeTree ORDER BY (workspace_id, project_id, deployment_id)
TTL toDateTime(fromUnixTimestamp64Milli(started_at)) + INTERVAL 3 MONTH DELETE
SETTINGS non_replicated_deduplication_window = 10000;

CREATE TABLE IF NOT EXISTS default.build_step_logs_v1 (
  time Int64 CODEC(Delta(8), LZ4),
  workspace_id String,
  project_id String,
  deployment_id String,
  message String,
  step_id String
) ENGINE = MergeTree ORDER BY (workspace_id, project_id, deployment_id, step_id)
TTL toDateTime(fromUnixTimestamp64Milli(time)) + INTERVAL 3 MONTH DELETE
SETTINGS non_replicated_deduplication_window = 10000;
