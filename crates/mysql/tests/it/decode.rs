//! Every entity reads rows as the other writers leave them.

use mysql::entity::{
    app_build_settings, app_runtime_settings, deployments, frontline_routes, keys, workspaces,
};
use mysql::sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter};
use mysql::{Class, DbError};

use crate::rows::{each_table, insert};
use crate::{db, execute};

#[test]
fn rows_with_every_column_set_and_rows_with_only_the_needed_ones_are_read() {
    testbed::run(async {
        let (db, _) = crate::fresh("decode").await;
        macro_rules! read {
            ($($table:ident),+ $(,)?) => { $(
                for full in [true, false] {
                    insert(db.primary(), stringify!($table), &[], full).await.expect(stringify!($table));
                }
                let rows = mysql::entity::$table::Entity::find().all(db.primary()).await;
                assert_eq!(rows.expect(stringify!($table)).len(), 2);
            )+ };
        }
        each_table!(read);
        let key = keys::Entity::find()
            .filter(keys::Column::Expires.is_not_null())
            .one(db.primary())
            .await;
        let expires = key.unwrap().expect("the full row").expires.expect("a time");
        assert_eq!(expires.to_string(), "2026-02-28 23:59:58.123");
    })
}

#[test]
fn json_columns_are_read_from_text_and_null_is_an_empty_list() {
    testbed::run(async {
        let id = ids::random(ids::Prefix::DEPLOYMENT);
        let json = [
            ("id", &*id),
            ("command", r#"["/bin/sh", "-c"]"#),
            ("healthcheck", r#"{"path": "/ü", "n": 1}"#),
        ];
        insert(db().await.primary(), "deployments", &json, false)
            .await
            .unwrap();
        let row = deployments::Entity::by_id(&id)
            .one(db().await.primary())
            .await
            .unwrap()
            .expect("the row");
        assert_eq!(row.command.0, ["/bin/sh", "-c"]);
        assert_eq!(row.healthcheck.expect("set")["path"], "/ü");
        assert_eq!(row.status, deployments::Status::Pending);

        let app = ids::random(ids::Prefix::APP);
        let nulls = [
            ("app_id", &*app),
            ("command", "null"),
            ("healthcheck", "null"),
        ];
        insert(db().await.primary(), "app_runtime_settings", &nulls, false)
            .await
            .unwrap();
        let settings = app_runtime_settings::Entity::find()
            .filter(app_runtime_settings::Column::AppId.eq(&*app));
        let row = settings
            .one(db().await.primary())
            .await
            .unwrap()
            .expect("the row");
        assert!(row.command.0.is_empty());
        assert!(row.healthcheck.is_none_or(|value| value.is_null()));
    })
}

#[test]
fn what_is_written_through_an_entity_is_what_the_others_expect_to_read() {
    testbed::run(async {
        let app = ids::random(ids::Prefix::APP);
        let row = app_build_settings::ActiveModel {
            workspace_id: Set("ws".into()),
            app_id: Set(app.clone()),
            environment_id: Set("env".into()),
            watch_paths: Set(mysql::entity::Strings(Vec::new())),
            created_at: Set(mysql::now_ms()),
            ..Default::default()
        };
        app_build_settings::Entity::insert(row)
            .exec(db().await.primary())
            .await
            .unwrap();
        let sql = format!(
            "SELECT CONCAT(watch_paths, ' ', dockerfile, ' ', IFNULL(updated_at, 'NULL')) FROM app_build_settings WHERE app_id = '{app}'"
        );
        assert_eq!(
            crate::text(db().await.primary(), &sql).await,
            "[] Dockerfile NULL"
        );
    })
}

#[test]
fn a_value_that_does_not_fit_and_a_value_nobody_knows_are_data_errors() {
    testbed::run(async {
        let long = "x".repeat(257);
        let error = insert(
            db().await.primary(),
            "workspaces",
            &[("name", &long)],
            false,
        )
        .await
        .unwrap_err();
        assert_eq!((error.number(), error.class()), (Some(1406), Class::Data));
        let error = insert(
            db().await.primary(),
            "deployments",
            &[("status", "sleeping")],
            false,
        )
        .await
        .unwrap_err();
        assert_eq!((error.number(), error.class()), (Some(1265), Class::Data));
        let error = insert(
            db().await.primary(),
            "workspaces",
            &[("beta_features", "{")],
            false,
        )
        .await
        .unwrap_err();
        assert_eq!((error.number(), error.class()), (Some(4025), Class::Data));

        // A server-side enum that grew.
        let (db, _) = crate::fresh("grown").await;
        execute(
            db.primary(),
            "ALTER TABLE deployments MODIFY status varchar(20) NOT NULL",
            [],
        )
        .await
        .unwrap();
        insert(
            db.primary(),
            "deployments",
            &[("status", "sleeping")],
            false,
        )
        .await
        .unwrap();
        let error = DbError::from(
            deployments::Entity::find()
                .all(db.primary())
                .await
                .unwrap_err(),
        );
        assert_eq!(error.class(), Class::Data, "{error}");
    })
}

#[test]
fn host_names_and_ids_match_without_case_but_not_with_trailing_blanks() {
    testbed::run(async {
        let host = format!(
            "app-dep-{}.Example.com",
            ids::random(ids::Prefix::DEPLOYMENT)
        );
        insert(
            db().await.primary(),
            "frontline_routes",
            &[("fully_qualified_domain_name", &host)],
            false,
        )
        .await
        .unwrap();
        for (asked, found) in [
            (host.to_lowercase(), true),
            (host.to_uppercase(), true),
            (format!("{host} "), false),
        ] {
            let route = frontline_routes::Entity::find()
                .filter(frontline_routes::Column::FullyQualifiedDomainName.eq(&asked))
                .one(db().await.primary())
                .await
                .unwrap();
            assert_eq!(route.is_some(), found, "{asked:?}");
        }
        let lower = host.to_lowercase();
        let again = insert(
            db().await.primary(),
            "frontline_routes",
            &[("fully_qualified_domain_name", &lower)],
            false,
        )
        .await;
        assert!(
            again
                .unwrap_err()
                .is_duplicate_of("frontline_routes_fully_qualified_domain_name_unique")
        );
        assert!(
            workspaces::Entity::by_id("nobody")
                .one(db().await.primary())
                .await
                .unwrap()
                .is_none()
        );
    })
}
