-- The tables of this worker alone. Each can be lost without harm: what it holds is rebuilt from the
-- rows it describes. Nobody else reads or writes them; exclude the prefix from a schema push.

CREATE TABLE IF NOT EXISTS `ctrl_worker_meta` (
  `name` varchar(64) NOT NULL,
  `value` varchar(1024) NOT NULL,
  PRIMARY KEY (`name`)
);

-- Region ids are ordered byte by byte, as the worker orders them: locks are taken in that order.
CREATE TABLE IF NOT EXISTS `ctrl_worker_region_counters` (
  `region_id` varchar(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  `v` bigint unsigned NOT NULL,
  `draw_nonce` varchar(128) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
  `draw_v` bigint unsigned,
  PRIMARY KEY (`region_id`)
);

CREATE TABLE IF NOT EXISTS `ctrl_worker_runs` (
  `deployment_id` varchar(128) NOT NULL,
  `invocation_id` varchar(256) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  `deadline_at` bigint,
  `new_sentinel_regions` text,
  `end_reason` varchar(64),
  `claimed_at` bigint NOT NULL,
  `ended_at` bigint,
  PRIMARY KEY (`deployment_id`),
  KEY `ctrl_worker_runs_ended_at_idx` (`ended_at`)
);

CREATE TABLE IF NOT EXISTS `ctrl_worker_waits` (
  `invocation_id` varchar(256) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  `deployment_id` varchar(128) NOT NULL,
  `awakeable_id` varchar(512) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  `deadline_at` bigint NOT NULL,
  `created_at` bigint NOT NULL,
  PRIMARY KEY (`invocation_id`),
  KEY `ctrl_worker_waits_deployment_id_idx` (`deployment_id`)
);

CREATE TABLE IF NOT EXISTS `ctrl_worker_rollback_sources` (
  `app_id` varchar(64) NOT NULL,
  `deployment_id` varchar(128) NOT NULL,
  `created_at` bigint NOT NULL,
  PRIMARY KEY (`app_id`, `deployment_id`)
);

CREATE TABLE IF NOT EXISTS `ctrl_worker_swaps` (
  `app_id` varchar(64) NOT NULL,
  `invocation_id` varchar(256) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  `deployment_id` varchar(128) NOT NULL,
  `answer` text NOT NULL,
  `created_at` bigint NOT NULL,
  PRIMARY KEY (`app_id`)
);

CREATE TABLE IF NOT EXISTS `ctrl_worker_locks` (
  `name` varchar(64) NOT NULL,
  `holder` varchar(128) NOT NULL,
  `until_at` bigint NOT NULL,
  PRIMARY KEY (`name`)
);

-- When each certificate is to be renewed next. Rebuilt from challenges and certificates by the sweep.
CREATE TABLE IF NOT EXISTS `ctrl_worker_renewals` (
  `hostname` varchar(255) NOT NULL,
  `domain_id` varchar(255) NOT NULL,
  `workspace_id` varchar(255) NOT NULL,
  `domain_created_at` bigint NOT NULL,
  `renew_at` bigint NOT NULL,
  `reason` varchar(32) NOT NULL,
  `expires_at` bigint NOT NULL,
  `ari_checked_at` bigint,
  `ari_next_at` bigint NOT NULL,
  `failures` int NOT NULL,
  `updated_at` bigint NOT NULL,
  PRIMARY KEY (`hostname`),
  KEY `ctrl_worker_renewals_renew_at_idx` (`renew_at`),
  KEY `ctrl_worker_renewals_ari_next_at_idx` (`ari_next_at`),
  KEY `ctrl_worker_renewals_expires_at_idx` (`expires_at`)
);

-- How each periodic job stands: a copy of what its object in Restate knows.
CREATE TABLE IF NOT EXISTS `ctrl_worker_jobs` (
  `job` varchar(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  `active` boolean NOT NULL,
  `paused` boolean NOT NULL,
  `armed_at` bigint,
  `done_until` bigint,
  `next_at` bigint,
  `unfinished_since` bigint,
  `started_at` bigint,
  `finished_at` bigint,
  `outcome` varchar(32),
  `items` bigint NOT NULL,
  `error` text,
  `last_success_at` bigint,
  `updated_at` bigint NOT NULL,
  PRIMARY KEY (`job`)
);

-- The last transaction of each running refill, so that a step that is repeated gives the answer it gave.
CREATE TABLE IF NOT EXISTS `ctrl_worker_refills` (
  `invocation_id` varchar(256) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  `day` varchar(10) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  `after_pk` bigint unsigned,
  `reached_pk` bigint unsigned NOT NULL,
  `refilled` bigint unsigned NOT NULL,
  `updated_at` bigint NOT NULL,
  PRIMARY KEY (`invocation_id`)
);

-- Builds at the builder, each to its end. Lost with one under way: the builder ends it for want of signs of life, and the
-- next try begins another.
CREATE TABLE IF NOT EXISTS `ctrl_worker_builds` (
  `deployment_id` varchar(128) NOT NULL,
  `build_id` varchar(256) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  `sealed_token` text NOT NULL,
  `deadline_at` bigint NOT NULL,
  `outcome` varchar(16),
  `reason` text,
  `created_at` bigint NOT NULL,
  `finished_at` bigint,
  PRIMARY KEY (`deployment_id`)
);
