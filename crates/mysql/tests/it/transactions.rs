//! Deadlocks, duplicates, roll-back and lost connections on a real server.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use mysql::{Class, Db, DbError, Lock, Options, retry};
use tokio::sync::Barrier;

use crate::rows::insert;
use crate::{db, execute, fresh, number};

async fn app() -> String {
    let id = ids::random(ids::Prefix::APP);
    insert(
        db().await.primary(),
        "apps",
        &[("id", &id), ("name", "0")],
        false,
    )
    .await
    .unwrap();
    id
}

/// Adds one to the number in the app's name.
async fn bump(tx: &mysql::Tx, app: &str) -> Result<u64, DbError> {
    execute(
        tx,
        "UPDATE apps SET name = name + 1 WHERE id = ?",
        [app.into()],
    )
    .await
}

async fn name(app: &str) -> i64 {
    number(
        db().await.primary(),
        &format!("SELECT CAST(name AS SIGNED) FROM apps WHERE id = '{app}'"),
    )
    .await
}

#[test]
fn both_sides_of_a_deadlock_succeed_with_retry() {
    testbed::run(async {
        let (a, b) = (app().await, app().await);
        let (meet, attempts) = (Barrier::new(2), AtomicUsize::new(0));
        let side = async |first: &str, second: &str| {
            let met = AtomicUsize::new(0);
            retry(|| async {
                attempts.fetch_add(1, Ordering::Relaxed);
                let tx = db().await.begin().await?;
                bump(&tx, first).await?;
                if met.fetch_add(1, Ordering::Relaxed) == 0 {
                    meet.wait().await;
                }
                bump(&tx, second).await?;
                tx.commit().await
            })
            .await
        };
        let (left, right) = tokio::join!(side(&a, &b), side(&b, &a));
        left.unwrap();
        right.unwrap();
        assert_eq!(
            attempts.into_inner(),
            3,
            "one side was chosen as victim, once"
        );
        assert_eq!((name(&a).await, name(&b).await), (2, 2));
    })
}

#[test]
fn a_deadlock_victim_and_a_lock_wait_are_transient() {
    testbed::run(async {
        let (a, b) = (app().await, app().await);
        let (one, two) = (
            db().await.begin().await.unwrap(),
            db().await.begin().await.unwrap(),
        );
        bump(&one, &a).await.unwrap();
        bump(&two, &b).await.unwrap();
        let (left, right) = tokio::join!(bump(&one, &b), bump(&two, &a));
        let victim = left.err().or(right.err()).expect("a victim");
        assert_eq!(
            (victim.number(), victim.class()),
            (Some(1213), Class::Transient)
        );
        drop((one, two));

        let (one, two) = (
            db().await.begin().await.unwrap(),
            db().await.begin().await.unwrap(),
        );
        bump(&one, &a).await.unwrap();
        execute(&two, "SET SESSION innodb_lock_wait_timeout = 1", [])
            .await
            .unwrap();
        let waited = bump(&two, &a).await.unwrap_err();
        assert_eq!(
            (waited.number(), waited.class()),
            (Some(1205), Class::Transient)
        );
        execute(&two, "SET SESSION innodb_lock_wait_timeout = DEFAULT", [])
            .await
            .unwrap();
    })
}

#[test]
fn a_duplicate_names_the_index_that_refused_it() {
    testbed::run(async {
        let region = ids::random(ids::Prefix::REGION);
        let row = [("region_id", &*region), ("version", "7")];
        insert(db().await.primary(), "deployment_topology", &row, false)
            .await
            .unwrap();
        let error = insert(db().await.primary(), "deployment_topology", &row, false)
            .await
            .unwrap_err();
        assert_eq!(
            error.class(),
            Class::Duplicate {
                key: "unique_version_per_region".into()
            }
        );
        assert!(!error.is_transient());

        let run = "INSERT INTO ctrl_worker_runs (deployment_id, invocation_id, claimed_at) VALUES (?, 'inv_1', 1)";
        execute(db().await.primary(), run, [region.clone().into()])
            .await
            .unwrap();
        let error = execute(db().await.primary(), run, [region.into()])
            .await
            .unwrap_err();
        assert!(error.is_duplicate_of("PRIMARY"), "{error}");
    })
}

#[test]
fn a_transaction_that_is_not_committed_leaves_nothing() {
    testbed::run(async {
        let app = app().await;
        let tx = db().await.begin().await.unwrap();
        bump(&tx, &app).await.unwrap();
        drop(tx);
        let tx = db().await.begin().await.unwrap();
        bump(&tx, &app).await.unwrap();
        tx.rollback().await.unwrap();
        assert_eq!(name(&app).await, 0);
        let tx = db().await.begin().await.unwrap();
        bump(&tx, &app).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(name(&app).await, 1);
    })
}

#[test]
fn a_lost_connection_is_transient_and_retry_heals_it() {
    testbed::run(async {
        let database = testbed::create_database("lost").await;
        let url = testbed::mysql_url().await;
        let server = url
            .rsplit_once('@')
            .expect("a login")
            .1
            .parse()
            .expect("an address");
        let proxy = testbed::Proxy::start(server).await.unwrap();
        let dsn = database
            .dsn
            .replace(&format!("({server})"), &format!("({})", proxy.addr()));
        assert_ne!(dsn, database.dsn);
        let db = Db::connect(&Options::new(dsn)).await.unwrap();
        let attempts = AtomicUsize::new(0);
        let answer = retry(|| async {
            let tx = db.begin().await?;
            if attempts.fetch_add(1, Ordering::Relaxed) == 0 {
                proxy.drop_connections();
            }
            execute(&tx, "DO 1", []).await?;
            tx.commit().await
        })
        .await;
        answer.unwrap();
        assert_eq!(attempts.into_inner(), 2);

        proxy.cut();
        let mut options = Options::new(
            database
                .dsn
                .replace(&format!("({server})"), &format!("({})", proxy.addr())),
        );
        options.acquire_timeout = Duration::from_millis(300);
        let down = Db::connect(&options.lazy())
            .await
            .expect("lazy needs no server");
        assert!(down.begin().await.unwrap_err().is_transient());
        assert!(down.ping().await.is_err());
        proxy.heal();
        testbed::eventually(Duration::from_secs(10), || down.ping()).await;
    })
}

#[test]
fn a_begin_that_was_given_up_leaves_no_open_transaction_in_the_pool() {
    testbed::run(async {
        let database = testbed::create_database("given_up").await;
        let url = testbed::mysql_url().await;
        let server = url.rsplit_once('@').expect("a login").1;
        let proxy = testbed::Proxy::start(server.parse().expect("an address")).await;
        let proxy = proxy.unwrap();
        let through = format!("({})", proxy.addr());
        let dsn = database.dsn.replace(&format!("({server})"), &through);
        // one connection: whoever comes next has the one of the transaction that was given up
        let mut options = Options::new(dsn);
        options.max_connections = 1;
        let db = Db::connect(&options).await.unwrap();
        execute(db.primary(), "CREATE TABLE t (v INT)", [])
            .await
            .unwrap();
        // until the pool has tried the connection and taken it back: it is the BEGIN that gets no answer
        tokio::time::sleep(Duration::from_millis(300)).await;
        proxy.freeze();
        let begun = tokio::time::timeout(Duration::from_millis(100), db.begin()).await;
        assert!(begun.is_err(), "nothing answers");
        proxy.heal();
        execute(db.primary(), "INSERT INTO t VALUES (1)", [])
            .await
            .unwrap();
        let direct = Db::connect(&Options::new(database.dsn.clone()))
            .await
            .unwrap();
        let sql = "UPDATE t SET v = 2 WHERE v = 1";
        let seen = execute(direct.primary(), sql, []).await.unwrap();
        assert_eq!(seen, 1, "the row was committed by itself");
    })
}

#[test]
fn locks_in_the_agreed_order_pass() {
    testbed::run(async {
        let tx = db().await.begin().await.unwrap();
        for lock in [
            Lock::Quota,
            Lock::Apps,
            Lock::Runs,
            Lock::Deployments,
            Lock::DeploymentTopology,
        ] {
            tx.touch(lock);
        }
        mysql::counter::next(&tx, &ids::random(ids::Prefix::REGION))
            .await
            .unwrap();
        tx.touch_row(Lock::FrontlineRoutes, "flr_1");
        tx.touch_row(Lock::FrontlineRoutes, "flr_2");
        tx.touch(Lock::CustomDomains);
        tx.touch(Lock::AcmeChallenges);
    })
}

#[test]
#[should_panic(expected = "lock order: Quota")]
fn a_lock_out_of_order_panics_in_debug_builds() {
    // not testbed::run, which keeps evidence of a panic
    testbed::runtime().block_on(async {
        let tx = db().await.begin().await.unwrap();
        mysql::counter::next(&tx, &ids::random(ids::Prefix::REGION))
            .await
            .unwrap();
        tx.touch(Lock::Quota);
    })
}

#[test]
fn every_operation_is_counted_by_pool_kind_and_outcome() {
    let options = testbed::run(async { fresh("counted").await.1 });
    let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    // One thread, so that everything runs where the recorder is.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let _here = metrics::set_default_local_recorder(&recorder);
    runtime.block_on(async {
        let db = Db::connect(&Options {
            replica: Some(options.primary.clone()),
            ..options
        })
        .await
        .unwrap();
        execute(db.primary(), "DO 1", []).await.unwrap();
        number(db.replica(), "SELECT 1").await;
        let tx = db.begin().await.unwrap();
        number(&tx, "SELECT 1").await;
        execute(&tx, "DELETE FROM nowhere", []).await.unwrap_err();
        tx.commit().await.unwrap();
        db.begin().await.unwrap().rollback().await.unwrap();
    });
    let text = handle.render();
    for (replica, operation, status, count) in [
        ("rw", "exec", "success", 1),
        ("ro", "query", "success", 1),
        ("rw_tx", "begin", "success", 2),
        ("rw_tx", "query", "success", 1),
        ("rw_tx", "exec", "error", 1),
        ("rw_tx", "commit", "success", 1),
        ("rw_tx", "rollback", "success", 1),
    ] {
        let labels = format!(
            "{{replica=\"{replica}\",operation=\"{operation}\",status=\"{status}\"}} {count}\n"
        );
        assert!(
            text.contains(&format!("unkey_database_operations_total{labels}")),
            "{labels} in {text}"
        );
        let count_of_latency = format!("unkey_database_operations_latency_seconds_count{labels}");
        assert!(text.contains(&count_of_latency), "{labels} in {text}");
    }
}
