//! The migrated database and the entities against the written contract, column by column and index
//! by index, with a negative case for each comparison.

use std::collections::{BTreeMap, BTreeSet};

use mysql::entity;
use mysql::sea_orm::{
    ActiveEnum, ColumnTrait, ColumnType, ConnectionTrait, DbBackend, Iterable, Statement,
};

use crate::{execute, fresh};

const COLUMNS: &str = include_str!("../../schema/columns.tsv");
const INDEXES: &str = include_str!("../../schema/indexes.tsv");

/// Rows of a TSV with a header line: column name → text.
pub(crate) fn rows(tsv: &'static str) -> Vec<BTreeMap<&'static str, &'static str>> {
    let mut lines = tsv.lines();
    let header: Vec<_> = lines.next().expect("a header").split('\t').collect();
    lines
        .map(|line| header.iter().copied().zip(line.split('\t')).collect())
        .collect()
}

pub(crate) fn columns() -> Vec<BTreeMap<&'static str, &'static str>> {
    rows(COLUMNS)
}

type Described = BTreeMap<String, String>;

/// `table.column` → everything the contract says of it, as MariaDB words it.
fn contract_columns() -> Described {
    columns()
        .iter()
        .map(|c| {
            let name = format!("{}.{}", c["table"], c["column"]);
            // MariaDB shows an expression default like any other.
            let extra = c["extra"].replace("DEFAULT_GENERATED", "");
            let all = [
                c["ordinal"],
                c["mariadb_column_type"],
                c["nullable"],
                c["default"],
                c["key"],
                &extra,
            ];
            (name, all.join(" | "))
        })
        .collect()
}

/// `table.index` → kind and columns in order.
fn contract_indexes() -> Described {
    let mut indexes: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for row in rows(INDEXES) {
        let kind = if row["non_unique"] == "0" {
            "unique"
        } else {
            "plain"
        };
        let position: u32 = row["seq_in_index"].parse().expect("a number");
        let name = format!("{}.{}", row["table"], row["index_name"]);
        indexes
            .entry(name)
            .or_default()
            .push((position, kind, row["column"], row["index_type"]));
    }
    indexes
        .into_iter()
        .map(|(name, mut parts)| {
            parts.sort();
            let columns: Vec<_> = parts.iter().map(|part| part.2).collect();
            (
                name,
                format!("{} {} ({})", parts[0].1, parts[0].3, columns.join(", ")),
            )
        })
        .collect()
}

async fn described(db: &impl ConnectionTrait, sql: &str) -> Described {
    let rows = db
        .query_all_raw(Statement::from_string(DbBackend::MySql, sql))
        .await
        .expect(sql);
    let get =
        |row: &mysql::sea_orm::QueryResult, i| row.try_get_by_index::<String>(i).expect("a text");
    rows.iter().map(|row| (get(row, 0), get(row, 1))).collect()
}

async fn database_columns(db: &impl ConnectionTrait) -> Described {
    described(
        db,
        "SELECT CONVERT(CONCAT(table_name, '.', column_name) USING utf8mb4), \
         CONVERT(CONCAT_WS(' | ', ordinal_position, column_type, is_nullable, COALESCE(column_default, ''), column_key, extra) USING utf8mb4) \
         FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name NOT LIKE 'ctrl\\_worker\\_%'",
    )
    .await
}

async fn database_indexes(db: &impl ConnectionTrait) -> Described {
    described(
        db,
        "SELECT CONVERT(CONCAT(table_name, '.', index_name) USING utf8mb4), \
         CONVERT(CONCAT(IF(MIN(non_unique) = 0, 'unique', 'plain'), ' ', MIN(index_type), ' (', \
         GROUP_CONCAT(column_name ORDER BY seq_in_index SEPARATOR ', '), ')') USING utf8mb4) \
         FROM information_schema.statistics WHERE table_schema = DATABASE() AND table_name NOT LIKE 'ctrl\\_worker\\_%' \
         GROUP BY table_name, index_name",
    )
    .await
}

/// Each difference, by name.
fn differences(wanted: &Described, found: &Described) -> Vec<String> {
    let names: BTreeSet<_> = wanted.keys().chain(found.keys()).collect();
    let show = |side: &Described, name| side.get(name).cloned().unwrap_or_else(|| "nothing".into());
    names
        .into_iter()
        .filter(|name| wanted.get(*name) != found.get(*name))
        .map(|name| {
            format!(
                "{name}: contract [{}], found [{}]",
                show(wanted, name),
                show(found, name)
            )
        })
        .collect()
}

#[test]
fn the_migrated_database_is_the_contract_column_by_column_and_index_by_index() {
    testbed::run(async {
        let (db, _) = fresh("schema").await;
        let (columns, indexes) = (contract_columns(), contract_indexes());
        assert_eq!((columns.len(), indexes.len()), (480, 170));
        assert_eq!(
            differences(&columns, &database_columns(db.primary()).await),
            [""; 0]
        );
        assert_eq!(
            differences(&indexes, &database_indexes(db.primary()).await),
            [""; 0]
        );
    })
}

#[test]
fn a_changed_database_is_noticed_by_name() {
    testbed::run(async {
        let (db, _) = fresh("changed").await;
        for sql in [
            "ALTER TABLE apps MODIFY default_branch varchar(255) NOT NULL DEFAULT 'main'",
            "ALTER TABLE deployments MODIFY port int NOT NULL DEFAULT 80",
            "ALTER TABLE quota DROP COLUMN team",
            "ALTER TABLE keys ADD COLUMN colour int",
            "ALTER TABLE sentinels DROP KEY one_env_per_region, ADD KEY one_env_per_region (region_id, environment_id)",
        ] {
            let sql = sql.replace("TABLE keys", "TABLE `keys`");
            execute(db.primary(), &sql, []).await.expect("alter");
        }
        let columns = differences(&contract_columns(), &database_columns(db.primary()).await);
        for name in [
            "apps.default_branch",
            "deployments.port",
            "quota.team",
            "keys.colour",
        ] {
            assert!(
                columns
                    .iter()
                    .any(|line| line.starts_with(&format!("{name}: "))),
                "{name} in {columns:?}"
            );
        }
        let indexes = differences(&contract_indexes(), &database_indexes(db.primary()).await);
        assert!(
            indexes
                .iter()
                .any(|line| line.starts_with("sentinels.one_env_per_region: ")),
            "{indexes:?}"
        );
    })
}

/// What the contract's column types are in an entity.
fn is_read_as(contract: &str, entity: &ColumnType) -> bool {
    let kind = contract.split(['(', ' ']).next().unwrap_or_default();
    match (kind, contract.ends_with("unsigned"), contract) {
        (_, _, "tinyint(1)") => matches!(entity, ColumnType::Boolean),
        ("bigint", true, _) => matches!(entity, ColumnType::BigUnsigned),
        ("bigint", false, _) => matches!(entity, ColumnType::BigInteger),
        ("int", true, _) => matches!(entity, ColumnType::Unsigned),
        ("int", false, _) => matches!(entity, ColumnType::Integer),
        ("tinyint", true, _) => matches!(entity, ColumnType::TinyUnsigned),
        ("tinyint", false, _) => matches!(entity, ColumnType::TinyInteger),
        ("varchar" | "text" | "enum", ..) => matches!(entity, ColumnType::String(_)),
        ("longblob", ..) => matches!(entity, ColumnType::VarBinary(_)),
        ("json", ..) => matches!(entity, ColumnType::Json),
        ("datetime", ..) => matches!(entity, ColumnType::DateTime),
        _ => false,
    }
}

/// Differences between one entity and the contract's columns of its table.
fn entity_differences<C: ColumnTrait + Iterable>(
    table: &str,
    contract: &[BTreeMap<&str, &str>],
) -> Vec<String> {
    let wanted: Vec<_> = contract.iter().filter(|c| c["table"] == table).collect();
    let found: Vec<C> = C::iter().collect();
    let mut differences = Vec::new();
    if wanted.len() != found.len() {
        differences.push(format!(
            "{table}: {} columns in the contract, {} in the entity",
            wanted.len(),
            found.len()
        ));
    }
    for (wanted, found) in wanted.iter().zip(&found) {
        let (name, definition) = (found.to_string(), found.def());
        let same = wanted["column"] == name
            && (wanted["nullable"] == "YES") == definition.is_null()
            && is_read_as(wanted["column_type"], definition.get_column_type());
        if !same {
            differences.push(format!(
                "{table}.{}: {wanted:?} is {name} {definition:?}",
                wanted["column"]
            ));
        }
    }
    differences
}

#[test]
fn entities_have_the_contracts_columns_in_order_with_its_types_and_nullability() {
    let contract = columns();
    let mut seen = Vec::new();
    macro_rules! check {
        ($($table:ident),+ $(,)?) => { $(
            let differences = entity_differences::<entity::$table::Column>(stringify!($table), &contract);
            assert_eq!(differences, [""; 0]);
            seen.push(stringify!($table));
        )+ };
    }
    crate::rows::each_table!(check);
    let all: Vec<_> = entity::tables()
        .into_keys()
        .filter(|table| !table.starts_with("ctrl_worker_"))
        .collect();
    assert_eq!(seen, all);
}

#[test]
fn an_entity_that_differs_from_the_contract_is_noticed() {
    let mut contract = columns();
    for column in &mut contract {
        match (column["table"], column["column"]) {
            ("apps", "slug") => drop(column.insert("column", "slag")),
            ("apps", "updated_at") => drop(column.insert("nullable", "NO")),
            ("apps", "is_rolled_back") => drop(column.insert("column_type", "tinyint")),
            _ => {}
        }
    }
    let differences = entity_differences::<entity::apps::Column>("apps", &contract);
    assert_eq!(differences.len(), 3, "{differences:?}");
}

#[test]
fn enums_have_exactly_the_contracts_values() {
    let mut found = BTreeMap::new();
    macro_rules! values {
        ($($table:ident.$column:ident = $enum:ident;)+) => { $(
            let values: Vec<String> = entity::$table::$enum::iter().map(|value| value.to_value()).collect();
            let listed: Vec<_> = entity::$table::$enum::iter().map(|value| value.as_str().to_owned()).collect();
            assert_eq!(values, listed);
            found.insert(format!("{}.{}", stringify!($table), stringify!($column).trim_start_matches("r#")), values);
        )+ };
    }
    values! {
        acme_challenges.challenge_type = ChallengeType;
        acme_challenges.status = Status;
        app_environment_variables.r#type = VariableType;
        app_runtime_settings.shutdown_signal = ShutdownSignal;
        custom_domains.challenge_type = ChallengeType;
        custom_domains.verification_status = VerificationStatus;
        deployment_steps.step = Step;
        deployment_topology.desired_status = DesiredStatus;
        deployments.desired_state = DesiredState;
        deployments.shutdown_signal = ShutdownSignal;
        deployments.status = Status;
        frontline_routes.sticky = Sticky;
        instances.status = Status;
        sentinels.desired_state = DesiredState;
        sentinels.health = Health;
    }
    let ours = entity::tables();
    let wanted: BTreeMap<_, Vec<String>> = columns()
        .iter()
        .filter(|c| ours.contains_key(c["table"]))
        .filter_map(|c| {
            let values = c["column_type"].strip_prefix("enum(")?.strip_suffix(')')?;
            let values = values
                .split(',')
                .map(|value| value.trim_matches('\'').to_owned())
                .collect();
            Some((format!("{}.{}", c["table"], c["column"]), values))
        })
        .collect();
    assert_eq!(found, wanted);
}
