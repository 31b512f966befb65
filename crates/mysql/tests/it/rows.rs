//! Rows for any table, made from the contract; and the list of the tables that have an entity.

use std::collections::BTreeMap;

use mysql::sea_orm::{ConnectionTrait, Value};

use crate::execute;

/// Calls a macro with the names of all entities of shared tables.
macro_rules! each_table {
    ($then:ident) => {
        $then! {
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
    };
}
pub(crate) use each_table;

/// Inserts a row with the given texts and, where the column needs a value or `full` asks for one,
/// a made-up value that fits.
pub(crate) async fn insert(
    connection: &impl ConnectionTrait,
    table: &str,
    given: &[(&str, &str)],
    full: bool,
) -> Result<(), mysql::DbError> {
    let given: BTreeMap<_, _> = given.iter().copied().collect();
    let unique = ids::random_of_length(ids::Prefix::KEY, 12);
    let mut names = Vec::new();
    let mut values: Vec<Value> = Vec::new();
    for column in crate::schema::columns()
        .iter()
        .filter(|c| c["table"] == table && c["column"] != "pk")
    {
        let needed = column["nullable"] == "NO" && column["default"].is_empty();
        let value = match given.get(column["column"]) {
            Some(text) => (*text).to_owned(),
            None if needed || full => made_up(column["column_type"], &unique),
            None => continue,
        };
        names.push(format!("`{}`", column["column"]));
        values.push(value.into());
    }
    let marks = vec!["?"; names.len()].join(", ");
    let sql = format!(
        "INSERT INTO `{table}` ({}) VALUES ({marks})",
        names.join(", ")
    );
    execute(connection, &sql, values).await.map(|_| ())
}

fn made_up(column_type: &str, unique: &str) -> String {
    let inside = column_type
        .split_once('(')
        .map_or("", |(_, rest)| rest.trim_end_matches(')'));
    match column_type.split(['(', ' ']).next().unwrap_or_default() {
        "varchar" => unique
            .chars()
            .take(inside.parse().unwrap_or(usize::MAX))
            .collect(),
        "enum" => inside
            .split(',')
            .next_back()
            .unwrap_or_default()
            .trim_matches('\'')
            .to_owned(),
        "json" => r#"["a b", "ü"]"#.to_owned(),
        "datetime" => "2026-02-28 23:59:58.123".to_owned(),
        "tinyint" => "1".to_owned(),
        "bigint" | "int" => rand::random_range(1..2_000_000_000).to_string(),
        _ => format!("{unique} ü"),
    }
}
