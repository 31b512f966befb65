//! Creating, repeating, checking.

use mysql::{Db, DbError, Options, migrate};

use crate::{execute, fresh, number, text};

#[test]
fn migrating_twice_changes_nothing_and_keeps_rows() {
    testbed::run(async {
        let (db, options) = fresh("twice").await;
        migrate::check(&db).await.unwrap();
        crate::rows::insert(db.primary(), "apps", &[("id", "app_kept")], false)
            .await
            .unwrap();
        let stamp = "SELECT value FROM ctrl_worker_meta WHERE name = 'migrated_at'";
        let first = text(db.primary(), stamp).await;
        migrate::run(&options).await.unwrap();
        assert_eq!(text(db.primary(), stamp).await, first);
        assert_eq!(number(db.primary(), "SELECT COUNT(*) FROM apps").await, 1);
        assert_eq!(
            number(db.primary(), "SELECT COUNT(*) FROM ctrl_worker_meta").await,
            1,
            "no margin"
        );
    })
}

#[test]
fn two_migrations_at_once_both_succeed() {
    testbed::run(async {
        let options = Options::new(testbed::create_database("race").await.dsn);
        let (one, two) = tokio::join!(migrate::run(&options), migrate::run(&options));
        one.unwrap();
        two.unwrap();
        migrate::check(&Db::connect(&options).await.unwrap())
            .await
            .unwrap();
    })
}

#[test]
fn the_database_itself_is_created_with_a_collation_without_case() {
    testbed::run(async {
        let (db, options) = fresh("outer").await;
        let name = format!("created-by-migrate-{}", std::process::id());
        let (head, parameters) = options.primary.split_once('?').expect("parameters");
        let (server, _) = head.rsplit_once('/').expect("a database");
        let options = Options::new(format!("{server}/{name}?{parameters}"));
        let gone = Db::connect(&options).await.unwrap_err();
        assert_eq!(gone.number(), Some(1049));
        migrate::run(&options).await.unwrap();
        let created = Db::connect(&options).await.unwrap();
        migrate::check(&created).await.unwrap();
        assert_eq!(
            text(created.primary(), "SELECT @@collation_database").await,
            "utf8mb4_uca1400_nopad_ai_ci"
        );
        execute(db.primary(), &format!("DROP DATABASE `{name}`"), [])
            .await
            .unwrap();
    })
}

#[test]
fn the_printed_statements_create_every_table_of_the_contract_and_ours() {
    let names = migrate::table_names();
    let ours = mysql::entity::tables()
        .into_keys()
        .filter(|name| name.starts_with("ctrl_worker_"))
        .count();

    assert_eq!(names.len(), 45 + ours);
    assert!(
        migrate::ddl()
            .iter()
            .all(|statement| statement.sql.starts_with("CREATE TABLE IF NOT EXISTS `"))
    );
}

#[test]
fn check_names_each_missing_table_and_column_and_the_command() {
    testbed::run(async {
        let (db, options) = fresh("check").await;
        execute(db.primary(), "DROP TABLE ctrl_worker_runs, instances", [])
            .await
            .unwrap();
        execute(
            db.primary(),
            "ALTER TABLE apps DROP COLUMN is_rolled_back",
            [],
        )
        .await
        .unwrap();
        let error = migrate::check(&db).await.unwrap_err();
        let DbError::Schema { missing } = &error else {
            panic!("{error}")
        };
        assert_eq!(
            missing,
            &[
                "column apps.is_rolled_back",
                "table ctrl_worker_runs",
                "table instances"
            ]
        );
        assert!(
            error.to_string().contains("run `worker migrate`"),
            "{error}"
        );
        // Never alters a table that is there: the column belongs to the control API's schema.
        migrate::run(&options).await.unwrap();
        let error = migrate::check(&db).await.unwrap_err();
        assert!(
            matches!(&error, DbError::Schema { missing } if missing == &["column apps.is_rolled_back"]),
            "{error}"
        );
    })
}

#[test]
fn a_database_that_compares_with_case_is_refused() {
    testbed::run(async {
        let (db, options) = fresh("collation").await;
        let alter = "ALTER TABLE frontline_routes MODIFY fully_qualified_domain_name varchar(256) COLLATE utf8mb4_bin NOT NULL";
        execute(db.primary(), alter, []).await.unwrap();
        let error = migrate::check(&db).await.unwrap_err();
        assert!(
            matches!(&error, DbError::Collation { found } if found == "utf8mb4_bin"),
            "{error}"
        );

        let name = text(db.primary(), "SELECT DATABASE()").await;
        for collation in [
            "utf8mb4 COLLATE utf8mb4_bin",
            "latin1 COLLATE latin1_swedish_ci",
        ] {
            let alter = format!("ALTER DATABASE `{name}` CHARACTER SET {collation}");
            execute(db.primary(), &alter, []).await.unwrap();
            let error = migrate::run(&options).await.unwrap_err();
            assert!(matches!(&error, DbError::Collation { .. }), "{error}");
        }
    })
}

#[test]
fn a_column_our_own_table_lacks_is_added_and_its_rows_stay() {
    testbed::run(async {
        let (db, options) = fresh("older").await;
        let older =
            "ALTER TABLE ctrl_worker_region_counters DROP COLUMN draw_v, DROP COLUMN draw_nonce";
        execute(db.primary(), older, []).await.unwrap();
        execute(
            db.primary(),
            "INSERT INTO ctrl_worker_region_counters (region_id, v) VALUES ('rgn_1', 6)",
            [],
        )
        .await
        .unwrap();
        let error = migrate::check(&db).await.unwrap_err().to_string();
        assert!(
            error.contains("column ctrl_worker_region_counters.draw_nonce"),
            "{error}"
        );
        migrate::run(&options).await.unwrap();
        migrate::check(&db).await.unwrap();
        assert_eq!(
            mysql::counter::read(db.primary(), "rgn_1").await.unwrap(),
            6
        );
    })
}
