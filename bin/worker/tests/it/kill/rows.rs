//! What a deployment has left in the tables, as texts without the names that differ from one deployment to the next.
//!
//! Not for what was in flight: see `world`.

use std::collections::BTreeMap;

use intent::AppRows;
use mysql::Db;
use mysql::sea_orm::{ConnectionTrait as _, Statement};

/// Commit of every deployment.
pub(super) const SHA: &str = "0123abcd0123abcd0123abcd0123abcd0123abcd";

/// Rows by table.
pub(crate) type Shape = BTreeMap<&'static str, Vec<String>>;

/// The rows a deployment leaves, each as a text without the ids and slugs of the app.
pub(super) async fn shape(db: &Db, app: &AppRows, id: &str) -> Shape {
    let queries = [
        (
            "deployment",
            "SELECT CONCAT_WS(' ', d.status, d.desired_state, d.image, IF(a.current_deployment_id = d.id, 'live', 'not live')) AS t
             FROM deployments d JOIN apps a ON a.id = d.app_id WHERE d.id = ?",
        ),
        (
            "steps",
            "SELECT CONCAT_WS(' ', step, IF(ended_at IS NULL, 'running', 'ended'), error) AS t
             FROM deployment_steps WHERE deployment_id = ? ORDER BY started_at, pk",
        ),
        (
            "topology",
            "SELECT CONCAT_WS(' ', region_id, desired_status) AS t FROM deployment_topology WHERE deployment_id = ?",
        ),
        (
            "policies",
            "SELECT CONCAT_WS(' ', region_id, SUBSTRING_INDEX(JSON_VALUE(policy, '$.metadata.name'), '-to-', 1)) AS t FROM cilium_network_policies WHERE deployment_id = ?",
        ),
        (
            "sentinels",
            "SELECT CONCAT_WS(' ', region_id, desired_state) AS t FROM sentinels
             WHERE environment_id = (SELECT environment_id FROM deployments WHERE id = ?)",
        ),
        (
            "routes",
            "SELECT CONCAT_WS(' ', r.sticky, r.deployment_id, r.fully_qualified_domain_name) AS t FROM frontline_routes r
             WHERE r.app_id = (SELECT app_id FROM deployments WHERE id = ?)",
        ),
    ];
    let mut shape = BTreeMap::new();
    for (table, sql) in queries {
        let mut rows: Vec<String> = texts(db, sql, id)
            .await
            .iter()
            .map(|row| nameless(row, app, id))
            .collect();
        if table != "steps" {
            rows.sort();
        }
        shape.insert(table, rows);
    }
    assert_eq!(shape["deployment"], ["ready running nginx:1 live"]);
    for table in ["topology", "sentinels"] {
        let regions: Vec<&str> = shape[table]
            .iter()
            .filter_map(|row| row.split(' ').next())
            .collect();
        assert_eq!(
            regions,
            ["<region-0>", "<region-1>"],
            "one row of {table} per region"
        );
    }
    for (table, rows) in shape.iter().filter(|(table, _)| **table != "steps") {
        assert!(!rows.is_empty(), "no {table}");
        assert!(
            rows.windows(2).all(|pair| pair[0] != pair[1]),
            "twice in {table}: {rows:#?}"
        );
    }
    shape
}

/// Column `t` of all rows; the only parameter is an id.
pub(super) async fn texts(db: &Db, sql: &str, id: &str) -> Vec<String> {
    let primary = db.primary();
    let statement =
        Statement::from_sql_and_values(primary.get_database_backend(), sql, [id.into()]);
    let rows = primary
        .query_all_raw(statement)
        .await
        .unwrap_or_else(|e| panic!("{sql}: {e}"));
    rows.iter()
        .map(|row| {
            row.try_get("", "t")
                .unwrap_or_else(|e| panic!("{sql}: {e}"))
        })
        .collect()
}

/// A row's text with placeholders for what differs between apps.
fn nameless(row: &str, app: &AppRows, id: &str) -> String {
    let mut names = vec![
        (id.to_owned(), "<deployment>"),
        (id.replace('_', "-").to_ascii_lowercase(), "<deployment>"),
        (app.workspace_id.clone(), "<workspace>"),
        (app.workspace_slug.clone(), "<workspace>"),
        (app.project_id.clone(), "<project>"),
        (app.project_slug.clone(), "<project>"),
        (app.app_id.clone(), "<app>"),
        (app.production_environment_id.clone(), "<environment>"),
    ];
    for (region, placeholder) in app.regions.iter().zip(["<region-0>", "<region-1>"]) {
        names.push((region.id.clone(), placeholder));
    }
    let mut text = row.to_owned();
    for (name, placeholder) in &names {
        text = text.replace(name, placeholder);
    }
    // the name for one commit also has some characters derived from the deployment
    let commit = format!("-git-{}-", &SHA[..7]);
    let parts = text.split_once(&commit);
    match parts.and_then(|(before, after)| Some((before, after.split_once('-')?.1))) {
        Some((before, after)) => format!("{before}{commit}<suffix>-{after}"),
        None => text,
    }
}

/// Region and version of each topology row.
pub(super) async fn versions(db: &Db, id: &str) -> Vec<String> {
    let sql = "SELECT CONCAT_WS(' ', region_id, version) AS t FROM deployment_topology WHERE deployment_id = ? ORDER BY region_id";
    texts(db, sql, id).await
}
