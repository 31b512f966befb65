//! Creates the schema of a fresh installation and this worker's own tables, and says what is
//! missing. Not for changing a table that exists: those of the control API belong to its schema.
//! Serving runs no DDL; it only calls [`check`].

use std::collections::{BTreeMap, BTreeSet};

use sea_orm::{
    ConnectionTrait, DatabaseConnection, DbBackend, EntityTrait, FromQueryResult, Statement,
};
use sqlx::mysql::MySqlPoolOptions;

use crate::counter::MARGIN_KEY;
use crate::entity::{self, ctrl_worker_meta as meta};
use crate::{Db, DbError, Dsn, DsnError, Options, now_ms};

const SHARED: &str = include_str!("../schema/shared.sql");
const OWN: &str = include_str!("../schema/own.sql");

/// Row of `ctrl_worker_meta` that says this database was migrated before, and when first.
const MIGRATED_KEY: &str = "migrated_at";

/// Added to the highest version in use once the counter table was lost: more than a worker can have
/// drawn for rows that were deleted since.
const MARGIN: u64 = 10_000;

/// Table → column → collation.
type Tables = BTreeMap<String, BTreeMap<String, Option<String>>>;

/// Every statement [`run`] would execute on a fresh database, in order.
pub fn ddl() -> Vec<Statement> {
    statements(OWN)
        .chain(statements(SHARED))
        .map(|sql| Statement::from_string(DbBackend::MySql, sql))
        .collect()
}

/// Creates what is missing, the database included. May be run any number of times, also beside a
/// running worker.
pub async fn run(options: &Options) -> Result<(), DbError> {
    let connection = open(options).await?;
    let outcome = migrate(&connection).await;
    connection.close_by_ref().await?;
    outcome
}

/// Whether everything the worker reads or writes is there.
///
/// # Errors
/// [`DbError::Schema`] naming each missing table and column, [`DbError::Collation`] when host names
/// would be compared with case.
pub async fn check(db: &Db) -> Result<(), DbError> {
    let there = columns(db.primary()).await?;
    let missing = missing(&there);
    if !missing.is_empty() {
        return Err(DbError::Schema { missing });
    }
    let collation = there
        .get("frontline_routes")
        .and_then(|columns| columns.get("fully_qualified_domain_name"));
    require_case_insensitive(collation.and_then(Option::as_deref).unwrap_or_default())
}

/// Tables, and columns of tables that are there, that the entities name and `there` lacks.
fn missing(there: &Tables) -> Vec<String> {
    let mut missing = Vec::new();
    for (table, wanted) in entity::tables() {
        match there.get(table) {
            None => missing.push(format!("table {table}")),
            Some(columns) => {
                let absent = wanted
                    .iter()
                    .filter(|column| !columns.contains_key(*column));
                missing.extend(absent.map(|column| format!("column {table}.{column}")));
            }
        }
    }
    missing
}

/// One connection to the database of the primary's connection string, which is created if the
/// server does not know it.
async fn open(options: &Options) -> Result<DatabaseConnection, DbError> {
    let name = Dsn::parse(&options.primary)?.database;
    if name.is_empty() {
        return Err(DsnError::NoDatabase.into());
    }
    let connect = crate::db::connect_options(&options.primary, options)?;
    let pool = || {
        MySqlPoolOptions::new()
            .max_connections(1)
            .acquire_timeout(options.acquire_timeout)
    };
    match pool()
        .connect_with(connect.clone())
        .await
        .map_err(DbError::from)
    {
        Err(error) if error.number() == Some(1049) => {}
        opened => return Ok(opened?.into()),
    }
    let server: DatabaseConnection = pool()
        .connect_with(connect.clone().database(""))
        .await?
        .into();
    let version: String = one_text(&server, "SELECT VERSION() AS text").await?;
    // No case, no accents, no padding: what MySQL's default does, by MariaDB's name for it.
    let collation = if version.contains("MariaDB") {
        "utf8mb4_uca1400_nopad_ai_ci"
    } else {
        "utf8mb4_0900_ai_ci"
    };
    let quoted = name.replace('`', "``");
    server
        .execute_unprepared(&format!(
            "CREATE DATABASE IF NOT EXISTS `{quoted}` CHARACTER SET utf8mb4 COLLATE {collation}"
        ))
        .await?;
    server.close_by_ref().await?;
    Ok(pool().connect_with(connect).await?.into())
}

async fn migrate(connection: &DatabaseConnection) -> Result<(), DbError> {
    require_case_insensitive(&one_text(connection, "SELECT @@collation_database AS text").await?)?;
    let there = columns(connection).await?;
    let mut own = statements(OWN);
    if let Some(meta_table) = own.next() {
        connection.execute_unprepared(&meta_table).await?;
    }
    // Before the counter table is there, so that nobody draws from it without the margin.
    let lost_counter = !there.contains_key("ctrl_worker_region_counters");
    if lost_counter
        && meta::Entity::find_by_id(MIGRATED_KEY)
            .one(connection)
            .await?
            .is_some()
    {
        tracing::warn!(
            margin = MARGIN,
            "the version counter was lost: it goes on above the versions in use plus a margin"
        );
        remember(connection, MARGIN_KEY, &MARGIN.to_string()).await?;
    }
    for sql in missing_columns_of_ours(&there)
        .into_iter()
        .chain(own)
        .chain(statements(SHARED))
    {
        connection.execute_unprepared(&sql).await?;
    }
    remember(connection, MIGRATED_KEY, &now_ms().to_string()).await
}

/// Statements that bring our tables, where an older version made them, up to date.
fn missing_columns_of_ours(there: &Tables) -> Vec<String> {
    let mut alterations = Vec::new();
    for sql in statements(OWN) {
        let Some(table) = sql.split('`').nth(1) else {
            continue;
        };
        let Some(columns) = there.get(table) else {
            continue;
        };
        for definition in sql.lines().filter_map(|line| line.strip_prefix("  `")) {
            let (column, shape) = definition.split_once('`').unwrap_or((definition, ""));
            if !columns.contains_key(column) {
                let shape = shape.trim_end_matches(',');
                alterations.push(format!(
                    "ALTER TABLE `{table}` ADD COLUMN `{column}`{shape}"
                ));
            }
        }
    }
    alterations
}

/// Adds a row to `ctrl_worker_meta` unless there is one of that name.
async fn remember(connection: &DatabaseConnection, name: &str, value: &str) -> Result<(), DbError> {
    let sql = "INSERT INTO ctrl_worker_meta (name, value) VALUES (?, ?) ON DUPLICATE KEY UPDATE name = name";
    connection
        .execute_raw(Statement::from_sql_and_values(
            DbBackend::MySql,
            sql,
            [name.into(), value.into()],
        ))
        .await?;
    Ok(())
}

fn require_case_insensitive(collation: &str) -> Result<(), DbError> {
    let unicode = collation.starts_with("utf8mb4_");
    if unicode && collation.ends_with("_ci") {
        Ok(())
    } else {
        Err(DbError::Collation {
            found: collation.into(),
        })
    }
}

/// The tables of the current database.
async fn columns(connection: &DatabaseConnection) -> Result<Tables, DbError> {
    #[derive(FromQueryResult)]
    struct Row {
        table: String,
        name: String,
        collation: Option<String>,
    }
    // Cast, because the server hands these texts out with a binary type.
    let sql = "SELECT CONVERT(table_name USING utf8mb4) AS `table`, CONVERT(column_name USING utf8mb4) AS `name`, \
               CONVERT(collation_name USING utf8mb4) AS `collation` \
               FROM information_schema.columns WHERE table_schema = DATABASE()";
    let rows = Row::find_by_statement(Statement::from_string(DbBackend::MySql, sql))
        .all(connection)
        .await?;
    let mut tables: BTreeMap<_, BTreeMap<_, _>> = BTreeMap::new();
    for row in rows {
        tables
            .entry(row.table)
            .or_default()
            .insert(row.name, row.collation);
    }
    Ok(tables)
}

async fn one_text(connection: &DatabaseConnection, sql: &str) -> Result<String, DbError> {
    let row = connection
        .query_one_raw(Statement::from_string(DbBackend::MySql, sql))
        .await?;
    Ok(row
        .map(|row| row.try_get("", "text"))
        .transpose()?
        .unwrap_or_default())
}

/// The statements of a file of ours: each ends with `;` at the end of a line, `--` starts a comment.
fn statements(file: &'static str) -> impl Iterator<Item = String> {
    file.split_inclusive(";\n").filter_map(|part| {
        let lines: Vec<_> = part
            .lines()
            .filter(|line| !line.starts_with("--"))
            .collect();
        let sql = lines.join("\n").trim().trim_end_matches(';').to_owned();
        (!sql.is_empty()).then_some(sql)
    })
}

/// Names of all tables [`run`] creates.
pub fn table_names() -> BTreeSet<String> {
    ddl()
        .iter()
        .filter_map(|statement| statement.sql.split('`').nth(1).map(str::to_owned))
        .collect()
}
