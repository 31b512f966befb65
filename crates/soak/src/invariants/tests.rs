//! Each rule against rows that break it: what never turns red shows nothing.

use intent::{Fixture, NewDeployment, Quota};
use mysql::Db;
use sea_orm::ConnectionTrait as _;

use crate::book::Book;
use crate::invariants::Checks;
use crate::look::Eye;
use crate::reader::Reader;
use crate::report::Invariant;
use crate::settle;

async fn run(db: &Db, sql: &str) {
    db.primary().execute_unprepared(sql).await.expect(sql);
}

/// The invariants that do not hold now.
async fn broken(eye: &mut Eye, checks: &mut Checks) -> Vec<Invariant> {
    eye.open().await.expect("a snapshot");
    let found = checks.look(eye, true).await.expect("a look");
    let owners = checks.owners(eye).await.expect("routes");
    eye.close().await.expect("its end");
    let all = found.into_iter().chain(owners);
    all.map(|violation| violation.invariant).collect()
}

#[test]
fn every_rule_turns_red_on_rows_that_break_it() {
    testbed::run(async {
        let database = testbed::migrated_database("planted").await;
        let db = Db::connect(&mysql::Options::new(database.dsn.clone()))
            .await
            .expect("connects");
        let app = Fixture::new(&db).await;
        let new = NewDeployment::production(&app.app_id).status("ready");
        let live = intent::create_deployment(&db, &new).await.expect("a row");
        let old = intent::create_deployment(&db, &new).await.expect("a row");
        let (workspace, region) = (&app.workspace_id, &app.regions[0].id);
        for (version, id) in [&live, &old].into_iter().enumerate() {
            run(&db, &format!(
                "INSERT INTO deployment_topology (workspace_id, deployment_id, region_id, version, desired_status, created_at) \
                 VALUES ('{workspace}', '{id}', '{region}', {version} + 1, 'running', 1)"
            )).await;
        }
        run(&db, &format!(
            "INSERT INTO frontline_routes (id, project_id, app_id, environment_id, deployment_id, fully_qualified_domain_name, sticky, created_at) \
             VALUES ('flr_1', '{}', '{}', '{}', '{live}', 'shop.test', 'live', 1)",
            app.project_id, app.app_id, app.production_environment_id
        )).await;
        let point = |id: &str| format!("UPDATE apps SET current_deployment_id = '{id}'");
        let (mut eye, mut checks) = (Eye::new(&database.url), Checks::new());

        run(&db, &point(&old)).await;
        assert_eq!(broken(&mut eye, &mut checks).await, [Invariant::LiveRoutes]);
        run(&db, &point(&live)).await;
        assert_eq!(broken(&mut eye, &mut checks).await, []);

        let stop = |to: &str| {
            format!(
                "UPDATE deployment_topology SET desired_status = '{to}' WHERE deployment_id = '{live}'"
            )
        };
        run(&db, &stop("stopped")).await;
        assert_eq!(
            broken(&mut eye, &mut checks).await,
            [Invariant::CurrentRuns]
        );
        run(&db, &stop("running")).await;

        let quota = Quota {
            cpu_millicores: 499,
            memory_mib: 10_000,
        };
        intent::set_quota(&db, workspace, quota)
            .await
            .expect("a quota");
        assert_eq!(broken(&mut eye, &mut checks).await, [Invariant::Quota]);
        intent::set_quota(&db, workspace, Quota::default())
            .await
            .expect("a quota");

        let preview = &app.preview_environment_id;
        run(
            &db,
            &format!("UPDATE frontline_routes SET environment_id = '{preview}'"),
        )
        .await;
        assert_eq!(broken(&mut eye, &mut checks).await, [Invariant::Owners]);

        // A change without a new version, a route into another environment, no instance, and one that never slept.
        let mut reader = Reader::new(vec![region.clone()]);
        eye.open().await.expect("a snapshot");
        reader.follow(&mut eye).await.expect("all rows");
        eye.close().await.expect("its end");
        run(&db, "UPDATE deployment_topology SET autoscaling_replicas_max = 2, version = version - 1 WHERE version = 1").await;
        let found = settle::check(&mut eye, &mut Checks::new(), &mut reader, &Book::new()).await;
        let found: Vec<Invariant> = found.expect("a look").iter().map(|v| v.invariant).collect();
        assert_eq!(
            found,
            [
                Invariant::CursorSeesAll,
                Invariant::NoOrphanRoute,
                Invariant::Serves
            ]
        );
        let found = settle::check(&mut eye, &mut checks, &mut reader, &Book::new()).await;
        let found = found.expect("a look");
        let rows = |i| {
            found
                .iter()
                .filter(move |v| v.invariant == i)
                .flat_map(|v| v.rows.clone())
        };
        assert_eq!(rows(Invariant::ReplacedSleeps).collect::<Vec<_>>(), [old]);
    });
}
