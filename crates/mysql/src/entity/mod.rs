//! One module per table the worker reads or writes: row, columns, values of its enum columns.
//! Not for queries: those stay beside the step that needs them.
//!
//! `pk` is the primary key and is never sent on insert; `id` is an ordinary unique column, found
//! with `Entity::by_id`. JSON columns are read from text too, as MariaDB stores them.
#![allow(
    missing_docs,
    reason = "a column is its name; its meaning is written beside it where the name does not say it"
)]

use std::collections::BTreeMap;

use sea_orm::{FromJsonQueryResult, Iden, Iterable};
use serde::{Deserialize, Deserializer, Serialize};

pub mod acme_challenges;
pub mod acme_users;
pub mod app_build_settings;
pub mod app_environment_variables;
pub mod app_regional_settings;
pub mod app_runtime_settings;
pub mod apps;
pub mod audit_log;
pub mod audit_log_target;
pub mod certificates;
pub mod cilium_network_policies;
pub mod clickhouse_workspace_settings;
pub mod clusters;
pub mod ctrl_worker_builds;
pub mod ctrl_worker_jobs;
pub mod ctrl_worker_locks;
pub mod ctrl_worker_meta;
pub mod ctrl_worker_refills;
pub mod ctrl_worker_region_counters;
pub mod ctrl_worker_renewals;
pub mod ctrl_worker_rollback_sources;
pub mod ctrl_worker_runs;
pub mod ctrl_worker_swaps;
pub mod ctrl_worker_waits;
pub mod custom_domains;
pub mod deployment_steps;
pub mod deployment_topology;
pub mod deployments;
pub mod environments;
pub mod frontline_routes;
pub mod github_app_installations;
pub mod github_repo_connections;
pub mod horizontal_autoscaling_policies;
pub mod instances;
pub mod keys;
pub mod openapi_specs;
pub mod projects;
pub mod quota;
pub mod regions;
pub mod sentinels;
pub mod workspaces;

/// Table name → column names, of every entity.
pub fn tables() -> BTreeMap<&'static str, Vec<String>> {
    macro_rules! shapes {
        ($($table:ident),+ $(,)?) => {
            [$((stringify!($table), $table::Column::iter().map(|column| column.to_string()).collect())),+].into()
        };
    }
    shapes! {
        acme_challenges,
        acme_users,
        app_build_settings,
        app_environment_variables,
        app_regional_settings,
        app_runtime_settings,
        apps,
        audit_log,
        audit_log_target,
        certificates,
        cilium_network_policies,
        clickhouse_workspace_settings,
        clusters,
        ctrl_worker_builds,
        ctrl_worker_jobs,
        ctrl_worker_locks,
        ctrl_worker_meta,
        ctrl_worker_refills,
        ctrl_worker_region_counters,
        ctrl_worker_renewals,
        ctrl_worker_rollback_sources,
        ctrl_worker_runs,
        ctrl_worker_swaps,
        ctrl_worker_waits,
        custom_domains,
        deployment_steps,
        deployment_topology,
        deployments,
        environments,
        frontline_routes,
        github_app_installations,
        github_repo_connections,
        horizontal_autoscaling_policies,
        instances,
        keys,
        openapi_specs,
        projects,
        quota,
        regions,
        sentinels,
        workspaces,
    }
}

/// A JSON column holding an array of strings. SQL `[]` and JSON `null` both read as empty; `null` is
/// never written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, FromJsonQueryResult)]
pub struct Strings(pub Vec<String>);

impl<'de> Deserialize<'de> for Strings {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Ok(Self(Option::deserialize(from)?.unwrap_or_default()))
    }
}

/// Declares the enum of one column: text in the database and in JSON, exact on read.
macro_rules! column_enum {
    ($(#[$meta:meta])* $name:ident { $($variant:ident = $value:literal,)+ }) => {
        $(#[$meta])*
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
            sea_orm::EnumIter, sea_orm::DeriveActiveEnum,
        )]
        #[sea_orm(rs_type = "String", db_type = "String(StringLen::None)")]
        pub enum $name {
            $(#[sea_orm(string_value = $value)] #[serde(rename = $value)] $variant,)+
        }

        impl $name {
            /// The text stored in the column.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $value,)+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}
use column_enum;

/// Adds the look-up by the string `id` to the table's `Entity`.
macro_rules! by_id {
    () => {
        impl Entity {
            /// Selects the row whose `id` is the given one.
            pub fn by_id(id: impl Into<String>) -> Select<Self> {
                Self::find().filter(Column::Id.eq(id.into()))
            }
        }
    };
}
use by_id;
