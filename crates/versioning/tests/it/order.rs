//! Versions become visible in their order, so that a reader with nothing but a cursor misses none.

use crate::world::*;
use mysql::sea_orm::{ConnectionTrait as _, DbBackend, Statement};
use mysql::{Db, counter as draw};
use std::time::Duration;

/// What the edge does: everything above the cursor, in order.
async fn follow(db: &Db, region: &str, cursor: &mut u64, seen: &mut Vec<u64>) {
    let sql = "SELECT version FROM deployment_topology WHERE region_id = ? AND version > ? ORDER BY version";
    let statement =
        Statement::from_sql_and_values(DbBackend::MySql, sql, [region.into(), (*cursor).into()]);
    for row in db.primary().query_all_raw(statement).await.expect("follow") {
        *cursor = row.try_get_by_index(0).expect("a number");
        seen.push(*cursor);
    }
}

#[test]
fn ver_12_a_cursor_sees_every_row_although_the_later_one_would_be_written_first() {
    testbed::scenario!("VER-12");
    testbed::run(async {
        let _alone = alone().await;
        let (db, region) = (testbed::db().await, region());
        assert_eq!(next(&region).await, 1);
        let (mut cursor, mut seen) = (0, Vec::new());

        // A has its position and is slow to commit; B comes after it and is quick.
        let a = db.begin().await.expect("begin");
        let position = draw::next(&a, &region).await.expect("draw");
        topology(&a, &region, position).await;
        let b = tokio::spawn({
            let (db, region) = (db.clone(), region.clone());
            async move {
                let b = db.begin().await.expect("begin");
                let position = draw::next(&b, &region).await.expect("draw");
                topology(&b, &region, position).await;
                b.commit().await.expect("commit");
                position
            }
        });
        for _ in 0..20 {
            follow(&db, &region, &mut cursor, &mut seen).await;
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert!(
            !b.is_finished(),
            "B waits for A, or the cursor would pass A's row for ever"
        );
        assert_eq!(seen, [0u64; 0]);
        a.commit().await.expect("commit");
        let b = b.await.expect("no panic");
        follow(&db, &region, &mut cursor, &mut seen).await;
        assert_eq!((position, b), (2, 3));
        assert_eq!(seen, [2, 3]);
        assert_eq!(
            next(&region).await,
            4,
            "the service counts with the same row"
        );
    });
}
