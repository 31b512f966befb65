-- The tables shared with the control API and the dashboard, for a fresh installation only: where a
-- table exists it is left alone. Made from columns.tsv and indexes.tsv beside this file. No collation
-- is named: the default of the database applies and must be case-insensitive.

CREATE TABLE IF NOT EXISTS `acme_challenges` (
  `pk` bigint unsigned NOT NULL AUTO_INCREMENT,
  `domain_id` varchar(255) NOT NULL,
  `workspace_id` varchar(255) NOT NULL,
  `token` varchar(255) NOT NULL,
  `challenge_type` enum('HTTP-01', 'DNS-01') NOT NULL,
  `authorization` varchar(255) NOT NULL,
  `status` enum('waiting', 'pending', 'verified', 'failed') NOT NULL,
  `expires_at` bigint NOT NULL,
  `created_at` bigint NOT NULL,
  `updated_at` bigint,
  PRIMARY KEY (`pk`),
  UNIQUE KEY `acme_challenges_domain_id_unique` (`domain_id`),
  KEY `status_idx` (`status`),
  KEY `workspace_idx` (`workspace_id`)
);

CREATE TABLE IF NOT EXISTS `acme_users` (
  `pk` bigint unsigned NOT NULL AUTO_INCREMENT,
  `id` varchar(128) NOT NULL,
  `workspace_id` varchar(255) NOT NULL,
  `encrypted_key` text NOT NULL,
  `registration_uri` text,
  `created_at` bigint NOT NULL,
  `updated_at` bigint,
  PRIMARY KEY (`pk`),
  UNIQUE KEY `acme_users_id_unique` (`id`),
  KEY `domain_idx` (`workspace_id`)
);

CREATE TABLE IF NOT EXISTS `apis` (
  `pk` bigint unsigned NOT NULL AUTO_INCREMENT,
  `id` varchar(256) NOT NULL,
  `name` varchar(256) NOT NULL,
  `workspace_id` varchar(256) NOT NULL,
  `ip_whitelist` varchar(512),
  `auth_type` enum('key', 'jwt'),
  `key_auth_id` varchar(256),
  `created_at_m` bigint NOT NULL DEFAULT 0,
  `updated_at_m` bigint,
  `deleted_at_m` bigint,
  `delete_protection` tinyint(1) DEFAULT 0,
  PRIMARY KEY (`pk`),
  UNIQUE KEY `apis_id_unique` (`id`),
  UNIQUE KEY `apis_key_auth_id_unique` (`key_auth_id`),
  KEY `workspace_id_idx` (`workspace_id`)
);

CREATE TABLE IF NOT EXISTS `app_build_settings` (
  `pk` bigint unsigned NOT NULL AUTO_INCREMENT,
  `workspace_id` varchar(256) NOT NULL,
  `app_id` varchar(64) NOT NULL,
  `environment_id` varchar(128) NOT NULL,
  `dockerfile` varchar(500) NOT NULL DEFAULT 'Dockerfile',
  `docker_context` varchar(500) NOT NULL DEFAULT '.',
  `watch_paths` json NOT NULL DEFAULT ('[]'),
  `created_at` bigint NOT NULL,
  `updated_at` bigint,
  PRIMARY KEY (`pk`),
  UNIQUE KEY `app_build_settings_app_env_idx` (`app_id`, `environment_id`)
);

CREATE TABLE IF NOT EXISTS `app_environment_variables` (
  `pk` bigint unsigned NOT NULL AUTO_INCREMENT,
  `id` varchar(128) NOT NULL,
  `workspace_id` varchar(256) NOT NULL,
  `app_id` varchar(64) NOT NULL,
  `environment_id` varchar(128) NOT NULL,
  `key` varchar(256) NOT NULL,
  `value` varchar(4096) NOT NULL,
  `type` enum('recoverable', 'writeonly') NOT NULL,
  `description` varchar(255),
  `delete_protection` tinyint(1) DEFAULT 0,
  `created_at` bigint NOT NULL,
  `updated_at` bigint,
  PRIMARY KEY (`pk`),
  UNIQUE KEY `app_environment_variables_id_unique` (`id`),
  UNIQUE KEY `app_env_id_key` (`app_id`, `environment_id`, `key`)
);

CREATE TABLE IF NOT EXISTS `app_regional_settings` (
  `pk` bigint unsigned NOT NULL AUTO_INCREMENT,
  `workspace_id` varchar(256) NOT NULL,
  `app_id` varchar(64) NOT NULL,
  `environment_id` varchar(128) NOT NULL,
  `region_id` varchar(64) NOT NULL,
  `replicas` int NOT NULL DEFAULT 1,
  `horizontal_autoscaling_policy_id` varchar(64),
  `created_at` bigint NOT NULL,
  `updated_at` bigint,
  PRIMARY KEY (`pk`),
  UNIQUE KEY `unique_app_env_region` (`app_id`, `environment_id`, `region_id`),
  KEY `workspace_idx` (`workspace_id`)
);

CREATE TABLE IF NOT EXISTS `app_runtime_settings` (
  `pk` bigint unsigned NOT NULL AUTO_INCREMENT,
  `workspace_id` varchar(256) NOT NULL,
  `app_id` varchar(64) NOT NULL,
  `environment_id` varchar(128) NOT NULL,
  `port` int NOT NULL DEFAULT 8080,
  `cpu_millicores` int NOT NULL DEFAULT 250,
  `memory_mib` int NOT NULL DEFAULT 256,
  `command` json NOT NULL DEFAULT ('[]'),
  `healthcheck` json,
  `shutdown_signal` enum('SIGTERM', 'SIGINT', 'SIGQUIT', 'SIGKILL') NOT NULL DEFAULT 'SIGTERM',
  `sentinel_config` longblob NOT NULL,
  `openapi_spec_path` varchar(512),
  `created_at` bigint NOT NULL,
  `updated_at` bigint,
  PRIMARY KEY (`pk`),
  UNIQUE KEY `app_runtime_settings_app_env_idx` (`app_id`, `environment_id`)
);

CREATE TABLE IF NOT EXISTS `apps` (
  `pk` bigint unsigned NOT NULL AUTO_INCREMENT,
  `id` varchar(64) NOT NULL,
  `workspace_id` varchar(256) NOT NULL,
  `project_id` varchar(64) NOT NULL,
  `name` varchar(256) NOT NULL,
  `slug` varchar(256) NOT NULL,
  `default_branch` varchar(256) NOT NULL DEFAULT 'main',
  `current_deployment_id` varchar(256),
  `is_rolled_back` tinyint(1) NOT NULL DEFAULT 0,
  `delete_protection` tinyint(1) DEFAULT 0,
  `created_at` bigint NOT NULL,
  `updated_at` bigint,
  PRIMARY KEY (`pk`),
  UNIQUE KEY `apps_id_unique` (`id`),
  UNIQUE KEY `apps_project_slug_idx` (`project_id`, `slug`),
  KEY `apps_workspace_idx` (`workspace_id`)
);

CREATE TABLE IF NOT EXISTS `audit_log` (
  `pk` bigint unsigned NOT NULL AUTO_INCREMENT,
  `id` varchar(256) NOT NULL,
  `workspace_id` varchar(256) NOT NULL,
  `bucket` varchar(256) NOT NULL DEFAULT 'unkey_mutations',
  `bucket_id` varchar(256) NOT NULL,
  `event` varchar(256) NOT NULL,
  `time` bigint NOT NULL,
  `display` varchar(256) NOT NULL,
  `remote_ip` varchar(256),
  `user_agent` varchar(256),
  `actor_type` varchar(256) NOT NULL,
  `actor_id` varchar(256) NOT NULL,
  `actor_name` varchar(256),
  `actor_meta` json,
  `created_at` bigint NOT NULL,
  `updated_at` bigint,
  PRIMARY KEY (`pk`),
  UNIQUE KEY `audit_log_id_unique` (`id`),
  KEY `actor_id_idx` (`actor_id`),
  KEY `bucket_idx` (`bucket`),
  KEY `bucket_id_idx` (`bucket_id`),
  KEY `event_idx` (`event`),
  KEY `time_idx` (`time`),
  KEY `workspace_id_idx` (`workspace_id`)
);

CREATE TABLE IF NOT EXISTS `audit_log_target` (
  `pk` bigint unsigned NOT NULL AUTO_INCREMENT,
  `workspace_id` varchar(256) NOT NULL,
  `bucket_id` varchar(256) NOT NULL,
  `bucket` varchar(256) NOT NULL DEFAULT 'unkey_mutations',
  `audit_log_id` varchar(256) NOT NULL,
  `display_name` varchar(256) NOT NULL,
  `type` varchar(256) NOT NULL,
  `id` varchar(256) NOT NULL,
  `name` varchar(256),
  `meta` json,
  `created_at` bigint NOT NULL,
  `updated_at` bigint,
  PRIMARY KEY (`pk`),
  UNIQUE KEY `unique_id_per_log` (`audit_log_id`, `id`),
  KEY `bucket` (`bucket`),
  KEY `id_idx` (`id`)
);

CREATE TABLE IF NOT EXISTS `certificates` (
  `pk` bigint unsigned NOT NULL AUTO_INCREMENT,
  `id` varchar(64) NOT NULL,
  `workspace_id` varchar(255) NOT NULL,
  `hostname` varchar(255) NOT NULL,
  `certificate` text NOT NULL,
  `encrypted_private_key` text NOT NULL,
  `created_at` bigint NOT NULL,
  `updated_at` bigint,
  PRIMARY KEY (`pk`),
  UNIQUE KEY `certificates_id_unique` (`id`),
  UNIQUE KEY `unique_hostname` (`hostname`)
);

CREATE TABLE IF NOT EXISTS `cilium_network_policies` (
  `pk` bigint unsigned NOT NULL AUTO_INCREMENT,
  `id` varchar(64) NOT NULL,
  `workspace_id` varchar(255) NOT NULL,
  `project_id` varchar(255) NOT NULL,
  `app_id` varchar(64) NOT NULL,
  `environment_id` varchar(255) NOT NULL,
  `deployment_id` varchar(128) NOT NULL,
  `k8s_name` varchar(64) NOT NULL,
  `k8s_namespace` varchar(255) NOT NULL,
  `region_id` varchar(64) NOT NULL,
  `policy` json NOT NULL,
  `version` bigint unsigned NOT NULL,
  `created_at` bigint NOT NULL,
  `updated_at` bigint,
  PRIMARY KEY (`pk`),
  UNIQUE KEY `cilium_network_policies_id_unique` (`id`),
  UNIQUE KEY `unique_version_per_region` (`region_id`, `version`),
  KEY `idx_deployment_region` (`deployment_id`, `region_id`)
);

CREATE TABLE IF NOT EXISTS `clickhouse_workspace_settings` (
  `pk` bigint unsigned NOT NULL AUTO_INCREMENT,
  `workspace_id` varchar(256) NOT NULL,
  `username` varchar(256) NOT NULL,
  `password_encrypted` text NOT NULL,
  `quota_duration_seconds` int NOT NULL DEFAULT 3600,
  `max_queries_per_window` int NOT NULL DEFAULT 1000,
  `max_execution_time_per_window` int NOT NULL DEFAULT 1800,
  `max_query_execution_time` int NOT NULL DEFAULT 30,
  `max_query_memory_bytes` bigint NOT NULL DEFAULT 1000000000,
  `max_query_result_rows` int NOT NULL DEFAULT 10000,
  `created_at` bigint NOT NULL DEFAULT 0,
  `updated_at` bigint,
  PRIMARY KEY (`pk`),
  UNIQUE KEY `clickhouse_workspace_settings_username_unique` (`username`),
  UNIQUE KEY `clickhouse_workspace_settings_workspace_id_unique` (`workspace_id`)
);

CREATE TABLE IF NOT EXISTS `clusters` (
  `pk` bigint unsigned NOT NULL AUTO_INCREMENT,
  `id` varchar(64) NOT NULL,
  `region_id` varchar(64) NOT NULL,
  `last_heartbeat_at` bigint unsigned NOT NULL,
  PRIMARY KEY (`pk`),
  UNIQUE KEY `clusters_id_unique` (`id`),
  UNIQUE KEY `clusters_region_id_unique` (`region_id`)
);

CREATE TABLE IF NOT EXISTS `custom_domains` (
  `pk` bigint unsigned NOT NULL AUTO_INCREMENT,
  `id` varchar(128) NOT NULL,
  `workspace_id` varchar(256) NOT NULL,
  `project_id` varchar(256) NOT NULL,
  `app_id` varchar(64) NOT NULL,
  `environment_id` varchar(256) NOT NULL,
  `domain` varchar(256) NOT NULL,
  `challenge_type` enum('HTTP-01', 'DNS-01') NOT NULL,
  `verification_status` enum('pending', 'verifying', 'verified', 'failed') NOT NULL DEFAULT 'pending',
  `verification_token` varchar(64) NOT NULL,
  `ownership_verified` tinyint(1) NOT NULL DEFAULT 0,
  `cname_verified` tinyint(1) NOT NULL DEFAULT 0,
  `target_cname` varchar(256) NOT NULL,
  `last_checked_at` bigint,
  `check_attempts` int NOT NULL DEFAULT 0,
  `verification_error` varchar(512),
  `domain_connect_provider` varchar(256),
  `domain_connect_url` varchar(2048),
  `invocation_id` varchar(256),
  `created_at` bigint NOT NULL,
  `updated_at` bigint,
  PRIMARY KEY (`pk`),
  UNIQUE KEY `custom_domains_id_unique` (`id`),
  UNIQUE KEY `custom_domains_target_cname_unique` (`target_cname`),
  UNIQUE KEY `unique_domain_workspace_idx` (`workspace_id`, `domain`),
  KEY `project_idx` (`project_id`),
  KEY `verification_status_idx` (`verification_status`)
);

CREATE TABLE IF NOT EXISTS `deployment_steps` (
  `pk` bigint unsigned NOT NULL AUTO_INCREMENT,
  `workspace_id` varchar(128) NOT NULL,
  `project_id` varchar(128) NOT NULL,
  `environment_id` varchar(128) NOT NULL,
  `deployment_id` varchar(128) NOT NULL,
  `app_id` varchar(64) NOT NULL,
  `step` enum('queued', 'starting', 'building', 'deploying', 'network', 'finalizing') NOT NULL DEFAULT 'queued',
  `started_at` bigint unsigned NOT NULL,
  `ended_at` bigint unsigned,
  `error` varchar(512),
  PRIMARY KEY (`pk`),
  UNIQUE KEY `unique_step_per_deployment` (`deployment_id`, `step`),
  KEY `workspace_idx` (`workspace_id`)
);

CREATE TABLE IF NOT EXISTS `deployment_topology` (
  `pk` bigint unsigned NOT NULL AUTO_INCREMENT,
  `workspace_id` varchar(64) NOT NULL,
  `deployment_id` varchar(64) NOT NULL,
  `region_id` varchar(64) NOT NULL,
  `autoscaling_replicas_min` int unsigned NOT NULL DEFAULT 1,
  `autoscaling_replicas_max` int unsigned NOT NULL DEFAULT 1,
  `autoscaling_threshold_cpu` tinyint unsigned,
  `autoscaling_threshold_memory` tinyint unsigned,
  `version` bigint unsigned NOT NULL,
  `desired_status` enum('stopped', 'running') NOT NULL,
  `created_at` bigint NOT NULL,
  `updated_at` bigint,
  PRIMARY KEY (`pk`),
  UNIQUE KEY `unique_region_per_deployment` (`deployment_id`, `region_id`),
  UNIQUE KEY `unique_version_per_region` (`region_id`, `version`),
  KEY `status_idx` (`desired_status`),
  KEY `workspace_idx` (`workspace_id`)
);

CREATE TABLE IF NOT EXISTS `deployments` (
  `pk` bigint unsigned NOT NULL AUTO_INCREMENT,
  `id` varchar(128) NOT NULL,
  `k8s_name` varchar(255) NOT NULL,
  `workspace_id` varchar(256) NOT NULL,
  `project_id` varchar(256) NOT NULL,
  `environment_id` varchar(128) NOT NULL,
  `app_id` varchar(64) NOT NULL,
  `image` varchar(256),
  `build_id` varchar(128),
  `git_commit_sha` varchar(40),
  `git_branch` varchar(256),
  `git_commit_message` text,
  `git_commit_author_handle` varchar(256),
  `git_commit_author_avatar_url` varchar(512),
  `git_commit_timestamp` bigint,
  `sentinel_config` longblob NOT NULL,
  `cpu_millicores` int NOT NULL,
  `memory_mib` int NOT NULL,
  `desired_state` enum('running', 'standby', 'archived') NOT NULL DEFAULT 'running',
  `encrypted_environment_variables` longblob NOT NULL,
  `command` json NOT NULL DEFAULT ('[]'),
  `port` int NOT NULL DEFAULT 8080,
  `shutdown_signal` enum('SIGTERM', 'SIGINT', 'SIGQUIT', 'SIGKILL') NOT NULL DEFAULT 'SIGTERM',
  `healthcheck` json,
  `pr_number` bigint,
  `fork_repository_full_name` varchar(256),
  `github_deployment_id` bigint,
  `status` enum('pending', 'starting', 'building', 'deploying', 'network', 'finalizing', 'ready', 'failed', 'skipped', 'awaiting_approval', 'stopped') NOT NULL DEFAULT 'pending',
  `created_at` bigint NOT NULL,
  `updated_at` bigint,
  PRIMARY KEY (`pk`),
  UNIQUE KEY `deployments_build_id_unique` (`build_id`),
  UNIQUE KEY `deployments_id_unique` (`id`),
  UNIQUE KEY `deployments_k8s_name_unique` (`k8s_name`),
  KEY `project_idx` (`project_id`),
  KEY `status_idx` (`status`),
  KEY `workspace_idx` (`workspace_id`)
);

CREATE TABLE IF NOT EXISTS `encrypted_keys` (
  `pk` bigint unsigned NOT NULL AUTO_INCREMENT,
  `workspace_id` varchar(256) NOT NULL,
  `key_id` varchar(256) NOT NULL,
  `created_at` bigint NOT NULL DEFAULT 0,
  `updated_at` bigint,
  `encrypted` varchar(1024) NOT NULL,
  `encryption_key_id` varchar(256) NOT NULL,
  PRIMARY KEY (`pk`),
  UNIQUE KEY `key_id_idx` (`key_id`)
);

CREATE TABLE IF NOT EXISTS `environments` (
  `pk` bigint unsigned NOT NULL AUTO_INCREMENT,
  `id` varchar(128) NOT NULL,
  `workspace_id` varchar(256) NOT NULL,
  `project_id` varchar(256) NOT NULL,
  `app_id` varchar(64) NOT NULL,
  `slug` varchar(256) NOT NULL,
  `description` varchar(255) NOT NULL DEFAULT '',
  `delete_protection` tinyint(1) DEFAULT 0,
  `created_at` bigint NOT NULL,
  `updated_at` bigint,
  PRIMARY KEY (`pk`),
  UNIQUE KEY `environments_app_slug_idx` (`app_id`, `slug`),
  UNIQUE KEY `environments_id_unique` (`id`),
  KEY `environments_project_idx` (`project_id`)
);

CREATE TABLE IF NOT EXISTS `frontline_routes` (
  `pk` bigint unsigned NOT NULL AUTO_INCREMENT,
  `id` varchar(128) NOT NULL,
  `project_id` varchar(255) NOT NULL,
  `app_id` varchar(64) NOT NULL,
  `deployment_id` varchar(255) NOT NULL,
  `environment_id` varchar(255) NOT NULL,
  `fully_qualified_domain_name` varchar(256) NOT NULL,
  `sticky` enum('none', 'branch', 'environment', 'live', 'deployment') NOT NULL DEFAULT 'none',
  `created_at` bigint NOT NULL,
  `updated_at` bigint,
  PRIMARY KEY (`pk`),
  UNIQUE KEY `frontline_routes_fully_qualified_domain_name_unique` (`fully_qualified_domain_name`),
  UNIQUE KEY `frontline_routes_id_unique` (`id`),
  KEY `deployment_id_idx` (`deployment_id`),
  KEY `environment_id_idx` (`environment_id`),
  KEY `fqdn_environment_deployment_idx` (`fully_qualified_domain_name`, `environment_id`, `deployment_id`)
);

CREATE TABLE IF NOT EXISTS `github_app_installations` (
  `pk` bigint unsigned NOT NULL AUTO_INCREMENT,
  `workspace_id` varchar(256) NOT NULL,
  `installation_id` bigint NOT NULL,
  `created_at` bigint NOT NULL,
  `updated_at` bigint,
  PRIMARY KEY (`pk`),
  UNIQUE KEY `workspace_installation_idx` (`workspace_id`, `installation_id`)
);

CREATE TABLE IF NOT EXISTS `github_repo_connections` (
  `pk` bigint unsigned NOT NULL AUTO_INCREMENT,
  `project_id` varchar(64) NOT NULL,
  `app_id` varchar(64) NOT NULL,
  `installation_id` bigint NOT NULL,
  `repository_id` bigint NOT NULL,
  `repository_full_name` varchar(500) NOT NULL,
  `created_at` bigint NOT NULL,
  `updated_at` bigint,
  PRIMARY KEY (`pk`),
  UNIQUE KEY `github_repo_connections_app_id_unique` (`app_id`),
  KEY `installation_id_idx` (`installation_id`)
);

CREATE TABLE IF NOT EXISTS `horizontal_autoscaling_policies` (
  `pk` bigint unsigned NOT NULL AUTO_INCREMENT,
  `id` varchar(64) NOT NULL,
  `workspace_id` varchar(256) NOT NULL,
  `replicas_min` int NOT NULL,
  `replicas_max` int NOT NULL,
  `memory_threshold` tinyint,
  `cpu_threshold` tinyint,
  `rps_threshold` tinyint,
  `created_at` bigint NOT NULL,
  `updated_at` bigint,
  PRIMARY KEY (`pk`),
  UNIQUE KEY `horizontal_autoscaling_policies_id_unique` (`id`),
  KEY `workspace_idx` (`workspace_id`)
);

CREATE TABLE IF NOT EXISTS `identities` (
  `pk` bigint unsigned NOT NULL AUTO_INCREMENT,
  `id` varchar(256) NOT NULL,
  `external_id` varchar(256) NOT NULL,
  `workspace_id` varchar(256) NOT NULL,
  `environment` varchar(256) NOT NULL DEFAULT 'default',
  `meta` json,
  `deleted` tinyint(1) NOT NULL DEFAULT 0,
  `created_at` bigint NOT NULL,
  `updated_at` bigint,
  PRIMARY KEY (`pk`),
  UNIQUE KEY `identities_id_unique` (`id`),
  UNIQUE KEY `workspace_id_external_id_deleted_idx` (`workspace_id`, `external_id`, `deleted`)
);

CREATE TABLE IF NOT EXISTS `instances` (
  `pk` bigint unsigned NOT NULL AUTO_INCREMENT,
  `id` varchar(64) NOT NULL,
  `deployment_id` varchar(255) NOT NULL,
  `workspace_id` varchar(255) NOT NULL,
  `project_id` varchar(255) NOT NULL,
  `app_id` varchar(64) NOT NULL,
  `region_id` varchar(64) NOT NULL,
  `k8s_name` varchar(255) NOT NULL,
  `address` varchar(255) NOT NULL,
  `cpu_millicores` int NOT NULL,
  `memory_mib` int NOT NULL,
  `status` enum('inactive', 'pending', 'running', 'failed') NOT NULL,
  PRIMARY KEY (`pk`),
  UNIQUE KEY `instances_id_unique` (`id`),
  UNIQUE KEY `unique_address_per_region` (`address`, `region_id`),
  UNIQUE KEY `unique_k8s_name_per_region` (`k8s_name`, `region_id`),
  KEY `idx_deployment_id` (`deployment_id`),
  KEY `idx_region` (`region_id`)
);

CREATE TABLE IF NOT EXISTS `key_auth` (
  `pk` bigint unsigned NOT NULL AUTO_INCREMENT,
  `id` varchar(256) NOT NULL,
  `workspace_id` varchar(256) NOT NULL,
  `created_at_m` bigint NOT NULL DEFAULT 0,
  `updated_at_m` bigint,
  `deleted_at_m` bigint,
  `store_encrypted_keys` tinyint(1) NOT NULL DEFAULT 0,
  `default_prefix` varchar(8),
  `default_bytes` int DEFAULT 16,
  `size_approx` int NOT NULL DEFAULT 0,
  `size_last_updated_at` bigint NOT NULL DEFAULT 0,
  PRIMARY KEY (`pk`),
  UNIQUE KEY `key_auth_id_unique` (`id`)
);

CREATE TABLE IF NOT EXISTS `key_migrations` (
  `pk` bigint unsigned NOT NULL AUTO_INCREMENT,
  `id` varchar(256) NOT NULL,
  `workspace_id` varchar(256) NOT NULL,
  `algorithm` enum('sha256', 'github.com/seamapi/prefixed-api-key') NOT NULL,
  PRIMARY KEY (`pk`),
  UNIQUE KEY `key_migrations_id_unique` (`id`),
  UNIQUE KEY `unique_id_per_workspace_id` (`id`, `workspace_id`)
);

CREATE TABLE IF NOT EXISTS `keys` (
  `pk` bigint unsigned NOT NULL AUTO_INCREMENT,
  `id` varchar(256) NOT NULL,
  `key_auth_id` varchar(256) NOT NULL,
  `hash` varchar(256) NOT NULL,
  `start` varchar(256) NOT NULL,
  `workspace_id` varchar(256) NOT NULL,
  `for_workspace_id` varchar(256),
  `name` varchar(256),
  `owner_id` varchar(256),
  `identity_id` varchar(256),
  `meta` text,
  `expires` datetime(3),
  `created_at_m` bigint NOT NULL DEFAULT 0,
  `updated_at_m` bigint,
  `deleted_at_m` bigint,
  `refill_day` tinyint,
  `refill_amount` int,
  `last_refill_at` datetime(3),
  `enabled` tinyint(1) NOT NULL DEFAULT 1,
  `remaining_requests` int,
  `environment` varchar(256),
  `last_used_at` bigint unsigned NOT NULL DEFAULT 0,
  `pending_migration_id` varchar(256),
  PRIMARY KEY (`pk`),
  UNIQUE KEY `hash_idx` (`hash`),
  UNIQUE KEY `keys_id_unique` (`id`),
  KEY `identity_id_idx` (`identity_id`, `key_auth_id`, `id`),
  KEY `idx_keys_on_for_workspace_id` (`for_workspace_id`),
  KEY `idx_keys_on_workspace_id` (`workspace_id`),
  KEY `idx_keys_refill` (`refill_amount`, `deleted_at_m`),
  KEY `key_auth_id_deleted_at_idx` (`key_auth_id`, `deleted_at_m`, `id`),
  KEY `owner_id_idx` (`owner_id`),
  KEY `pending_migration_id_idx` (`pending_migration_id`)
);

CREATE TABLE IF NOT EXISTS `keys_permissions` (
  `pk` bigint unsigned NOT NULL AUTO_INCREMENT,
  `key_id` varchar(256) NOT NULL,
  `permission_id` varchar(256) NOT NULL,
  `workspace_id` varchar(256) NOT NULL,
  `created_at_m` bigint NOT NULL DEFAULT 0,
  `updated_at_m` bigint,
  PRIMARY KEY (`pk`),
  UNIQUE KEY `keys_permissions_key_id_permission_id_workspace_id` (`key_id`, `permission_id`, `workspace_id`),
  UNIQUE KEY `key_id_permission_id_idx` (`key_id`, `permission_id`)
);

CREATE TABLE IF NOT EXISTS `keys_roles` (
  `pk` bigint unsigned NOT NULL AUTO_INCREMENT,
  `key_id` varchar(256) NOT NULL,
  `role_id` varchar(256) NOT NULL,
  `workspace_id` varchar(256) NOT NULL,
  `created_at_m` bigint NOT NULL DEFAULT 0,
  `updated_at_m` bigint,
  PRIMARY KEY (`pk`),
  UNIQUE KEY `keys_roles_role_id_key_id_workspace_id` (`role_id`, `key_id`, `workspace_id`),
  UNIQUE KEY `unique_key_id_role_id` (`key_id`, `role_id`)
);

CREATE TABLE IF NOT EXISTS `openapi_specs` (
  `pk` bigint unsigned NOT NULL AUTO_INCREMENT,
  `id` varchar(128) NOT NULL,
  `workspace_id` varchar(256) NOT NULL,
  `deployment_id` varchar(128),
  `portal_config_id` varchar(256),
  `content` longblob NOT NULL,
  `created_at` bigint NOT NULL,
  `updated_at` bigint,
  PRIMARY KEY (`pk`),
  UNIQUE KEY `openapi_specs_id_unique` (`id`),
  UNIQUE KEY `workspace_deployment_idx` (`workspace_id`, `deployment_id`),
  UNIQUE KEY `workspace_portal_config_idx` (`workspace_id`, `portal_config_id`)
);

CREATE TABLE IF NOT EXISTS `permissions` (
  `pk` bigint unsigned NOT NULL AUTO_INCREMENT,
  `id` varchar(256) NOT NULL,
  `workspace_id` varchar(256) NOT NULL,
  `name` varchar(512) NOT NULL,
  `slug` varchar(128) NOT NULL,
  `description` varchar(512),
  `created_at_m` bigint NOT NULL DEFAULT 0,
  `updated_at_m` bigint,
  PRIMARY KEY (`pk`),
  UNIQUE KEY `permissions_id_unique` (`id`),
  UNIQUE KEY `unique_slug_per_workspace_idx` (`workspace_id`, `slug`)
);

CREATE TABLE IF NOT EXISTS `projects` (
  `pk` bigint unsigned NOT NULL AUTO_INCREMENT,
  `id` varchar(64) NOT NULL,
  `workspace_id` varchar(256) NOT NULL,
  `name` varchar(256) NOT NULL,
  `slug` varchar(256) NOT NULL,
  `depot_project_id` varchar(255),
  `delete_protection` tinyint(1) DEFAULT 0,
  `created_at` bigint NOT NULL,
  `updated_at` bigint,
  PRIMARY KEY (`pk`),
  UNIQUE KEY `projects_id_unique` (`id`),
  UNIQUE KEY `workspace_slug_idx` (`workspace_id`, `slug`)
);

CREATE TABLE IF NOT EXISTS `quota` (
  `pk` bigint unsigned NOT NULL AUTO_INCREMENT,
  `workspace_id` varchar(256) NOT NULL,
  `requests_per_month` bigint NOT NULL DEFAULT 0,
  `logs_retention_days` int NOT NULL DEFAULT 0,
  `audit_logs_retention_days` int NOT NULL DEFAULT 0,
  `team` tinyint(1) NOT NULL DEFAULT 0,
  `ratelimit_api_limit` int unsigned,
  `ratelimit_api_duration` int unsigned,
  `allocated_cpu_millicores_total` int unsigned NOT NULL DEFAULT 10000,
  `allocated_memory_mib_total` int unsigned NOT NULL DEFAULT 20480,
  PRIMARY KEY (`pk`),
  UNIQUE KEY `quota_workspace_id_unique` (`workspace_id`)
);

CREATE TABLE IF NOT EXISTS `ratelimit_namespaces` (
  `pk` bigint unsigned NOT NULL AUTO_INCREMENT,
  `id` varchar(256) NOT NULL,
  `workspace_id` varchar(256) NOT NULL,
  `name` varchar(512) NOT NULL,
  `created_at_m` bigint NOT NULL DEFAULT 0,
  `updated_at_m` bigint,
  `deleted_at_m` bigint,
  PRIMARY KEY (`pk`),
  UNIQUE KEY `ratelimit_namespaces_id_unique` (`id`),
  UNIQUE KEY `unique_name_per_workspace_idx` (`workspace_id`, `name`)
);

CREATE TABLE IF NOT EXISTS `ratelimit_overrides` (
  `pk` bigint unsigned NOT NULL AUTO_INCREMENT,
  `id` varchar(256) NOT NULL,
  `workspace_id` varchar(256) NOT NULL,
  `namespace_id` varchar(256) NOT NULL,
  `identifier` varchar(512) NOT NULL,
  `limit` int NOT NULL,
  `duration` int NOT NULL,
  `created_at_m` bigint NOT NULL DEFAULT 0,
  `updated_at_m` bigint,
  `deleted_at_m` bigint,
  PRIMARY KEY (`pk`),
  UNIQUE KEY `ratelimit_overrides_id_unique` (`id`),
  UNIQUE KEY `unique_identifier_per_namespace_idx` (`namespace_id`, `identifier`)
);

CREATE TABLE IF NOT EXISTS `ratelimits` (
  `pk` bigint unsigned NOT NULL AUTO_INCREMENT,
  `id` varchar(256) NOT NULL,
  `name` varchar(256) NOT NULL,
  `workspace_id` varchar(256) NOT NULL,
  `created_at` bigint NOT NULL,
  `updated_at` bigint,
  `key_id` varchar(256),
  `identity_id` varchar(256),
  `limit` int NOT NULL,
  `duration` bigint NOT NULL,
  `auto_apply` tinyint(1) NOT NULL DEFAULT 0,
  PRIMARY KEY (`pk`),
  UNIQUE KEY `ratelimits_id_unique` (`id`),
  UNIQUE KEY `unique_name_per_identity_idx` (`identity_id`, `name`),
  UNIQUE KEY `unique_name_per_key_idx` (`key_id`, `name`)
);

CREATE TABLE IF NOT EXISTS `regions` (
  `pk` bigint unsigned NOT NULL AUTO_INCREMENT,
  `id` varchar(64) NOT NULL,
  `name` varchar(64) NOT NULL,
  `platform` varchar(64) NOT NULL,
  `can_schedule` tinyint(1) NOT NULL DEFAULT 1,
  PRIMARY KEY (`pk`),
  UNIQUE KEY `regions_id_unique` (`id`),
  UNIQUE KEY `unique_region_per_platform` (`name`, `platform`)
);

CREATE TABLE IF NOT EXISTS `roles` (
  `pk` bigint unsigned NOT NULL AUTO_INCREMENT,
  `id` varchar(256) NOT NULL,
  `workspace_id` varchar(256) NOT NULL,
  `name` varchar(512) NOT NULL,
  `description` varchar(512),
  `created_at_m` bigint NOT NULL DEFAULT 0,
  `updated_at_m` bigint,
  PRIMARY KEY (`pk`),
  UNIQUE KEY `roles_id_unique` (`id`),
  UNIQUE KEY `unique_name_per_workspace_idx` (`name`, `workspace_id`),
  KEY `workspace_id_idx` (`workspace_id`)
);

CREATE TABLE IF NOT EXISTS `roles_permissions` (
  `pk` bigint unsigned NOT NULL AUTO_INCREMENT,
  `role_id` varchar(256) NOT NULL,
  `permission_id` varchar(256) NOT NULL,
  `workspace_id` varchar(256) NOT NULL,
  `created_at_m` bigint NOT NULL DEFAULT 0,
  `updated_at_m` bigint,
  PRIMARY KEY (`pk`),
  UNIQUE KEY `roles_permissions_role_id_permission_id_workspace_id` (`role_id`, `permission_id`, `workspace_id`),
  UNIQUE KEY `unique_tuple_permission_id_role_id` (`permission_id`, `role_id`)
);

CREATE TABLE IF NOT EXISTS `sentinels` (
  `pk` bigint unsigned NOT NULL AUTO_INCREMENT,
  `id` varchar(64) NOT NULL,
  `workspace_id` varchar(255) NOT NULL,
  `project_id` varchar(255) NOT NULL,
  `environment_id` varchar(255) NOT NULL,
  `k8s_name` varchar(64) NOT NULL,
  `k8s_address` varchar(255) NOT NULL,
  `region_id` varchar(255) NOT NULL,
  `image` varchar(255) NOT NULL,
  `desired_state` enum('running', 'standby', 'archived') NOT NULL DEFAULT 'running',
  `health` enum('unknown', 'paused', 'healthy', 'unhealthy') NOT NULL DEFAULT 'unknown',
  `desired_replicas` int NOT NULL,
  `available_replicas` int NOT NULL,
  `cpu_millicores` int NOT NULL,
  `memory_mib` int NOT NULL,
  `version` bigint unsigned NOT NULL,
  `created_at` bigint NOT NULL,
  `updated_at` bigint,
  PRIMARY KEY (`pk`),
  UNIQUE KEY `one_env_per_region` (`environment_id`, `region_id`),
  UNIQUE KEY `sentinels_id_unique` (`id`),
  UNIQUE KEY `sentinels_k8s_address_unique` (`k8s_address`),
  UNIQUE KEY `sentinels_k8s_name_unique` (`k8s_name`),
  UNIQUE KEY `unique_version_per_region` (`region_id`, `version`),
  KEY `idx_environment_health_region_routing` (`environment_id`, `region_id`, `health`)
);

CREATE TABLE IF NOT EXISTS `vercel_bindings` (
  `pk` bigint unsigned NOT NULL AUTO_INCREMENT,
  `id` varchar(256) NOT NULL,
  `integration_id` varchar(256) NOT NULL,
  `workspace_id` varchar(256) NOT NULL,
  `project_id` varchar(256) NOT NULL,
  `environment` enum('development', 'preview', 'production') NOT NULL,
  `resource_id` varchar(256) NOT NULL,
  `resource_type` enum('rootKey', 'apiId') NOT NULL,
  `vercel_env_id` varchar(256) NOT NULL,
  `last_edited_by` varchar(256) NOT NULL,
  `created_at_m` bigint NOT NULL DEFAULT 0,
  `updated_at_m` bigint,
  `deleted_at_m` bigint,
  PRIMARY KEY (`pk`),
  UNIQUE KEY `project_environment_resource_type_idx` (`project_id`, `environment`, `resource_type`),
  UNIQUE KEY `vercel_bindings_id_unique` (`id`)
);

CREATE TABLE IF NOT EXISTS `vercel_integrations` (
  `pk` bigint unsigned NOT NULL AUTO_INCREMENT,
  `id` varchar(256) NOT NULL,
  `workspace_id` varchar(256) NOT NULL,
  `team_id` varchar(256),
  `access_token` varchar(256) NOT NULL,
  `created_at_m` bigint NOT NULL DEFAULT 0,
  `updated_at_m` bigint,
  `deleted_at_m` bigint,
  PRIMARY KEY (`pk`),
  UNIQUE KEY `vercel_integrations_id_unique` (`id`)
);

CREATE TABLE IF NOT EXISTS `workspaces` (
  `pk` bigint unsigned NOT NULL AUTO_INCREMENT,
  `id` varchar(256) NOT NULL,
  `org_id` varchar(256) NOT NULL,
  `name` varchar(256) NOT NULL,
  `slug` varchar(64) NOT NULL,
  `k8s_namespace` varchar(256),
  `tier` varchar(256) DEFAULT 'Free',
  `stripe_customer_id` varchar(256),
  `stripe_subscription_id` varchar(256),
  `beta_features` json NOT NULL,
  `subscriptions` json,
  `enabled` tinyint(1) NOT NULL DEFAULT 1,
  `delete_protection` tinyint(1) DEFAULT 0,
  `created_at_m` bigint NOT NULL DEFAULT 0,
  `updated_at_m` bigint,
  `deleted_at_m` bigint,
  PRIMARY KEY (`pk`),
  UNIQUE KEY `workspaces_id_unique` (`id`),
  UNIQUE KEY `workspaces_k8s_namespace_unique` (`k8s_namespace`),
  UNIQUE KEY `workspaces_org_id_unique` (`org_id`),
  UNIQUE KEY `workspaces_slug_unique` (`slug`)
);
