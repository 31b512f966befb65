//! What somebody sees who looks at every moment.

use crate::world::*;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

/// Looks at all rows in one snapshot every 5 ms until told to stop; gives the number of looks.
async fn watch(db: mysql::Db, app_id: String, stop: Arc<AtomicBool>, looks: Arc<AtomicUsize>) {
    let sql = "SELECT a.current_deployment_id, r.sticky, r.deployment_id FROM apps a JOIN frontline_routes r ON r.app_id = a.id \
               WHERE a.id = ? AND r.sticky IN ('live', 'environment')";
    while !stop.load(Ordering::Relaxed) {
        let rows = query(&db, sql, [app_id.as_str().into()]).await;
        let targets: BTreeSet<String> = rows
            .iter()
            .flat_map(|row| {
                [
                    row.try_get_by_index::<String>(0).expect("text"),
                    row.try_get_by_index(2).expect("text"),
                ]
            })
            .collect();
        assert_eq!(
            targets.len(),
            1,
            "pointer, live and environment routes are one at every instant: {targets:?}"
        );
        looks.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[test]
fn rte_5_an_observer_of_two_hundred_swaps_never_sees_a_mix() {
    testbed::scenario!("RTE-5");
    testbed::run(async {
        let world = World::new().await;
        for _ in 0..4 {
            world.route("live", &world.d1).await;
        }
        let (stop, looks) = (
            Arc::new(AtomicBool::new(false)),
            Arc::new(AtomicUsize::new(0)),
        );
        let watching = tokio::spawn(watch(
            world.db.clone(),
            world.app.app_id.clone(),
            Arc::clone(&stop),
            Arc::clone(&looks),
        ));
        for i in 0..200 {
            let (target, rollback) = ([&world.d2, &world.d3, &world.d1][i % 3], i % 7 == 0);
            world.swap(target, rollback).await.expect("swapped");
        }
        stop.store(true, Ordering::Relaxed);
        watching.await.expect("never a mix");
        assert!(
            looks.load(Ordering::Relaxed) > 100,
            "looked {} times",
            looks.load(Ordering::Relaxed)
        );
        testbed::assert_quiet(&[&world.app.project_id]).await;
    });
}
