//! Nobody gives the slot back: its holder is gone.

use crate::world::*;

#[test]
fn the_slot_of_a_killed_build_is_taken_back_and_the_next_one_builds() {
    testbed::run(async {
        served().await;
        let workspace = workspace();
        let long = Build {
            workspace: workspace.clone(),
            app: "app_1".into(),
            production: false,
            millis: 3_600_000,
        };
        let mut holders = Vec::new();
        for _ in 0..LIMIT {
            holders.push(start(&long).await);
        }
        testbed::eventually(SOON, || async { events(&workspace).len() == LIMIT }).await;
        let (next, _) = start(&Build {
            millis: 1,
            ..long.clone()
        })
        .await;
        let (leaves, waiting) = start(&Build {
            millis: 1,
            ..long.clone()
        })
        .await;
        for waiter in [&next, &leaves] {
            testbed::eventually(SOON, || async {
                state(&workspace).await.is_some_and(|s| s.contains(waiter))
            })
            .await;
        }
        let admin = testbed::admin().await;
        admin.kill(&waiting).await.expect("killed while it waits");
        admin
            .kill(&holders[0].1)
            .await
            .expect("killed while it builds");
        testbed::eventually(SOON, || async {
            events(&workspace)
                .iter()
                .any(|e| e.deployment == next && !e.begins)
        })
        .await;
        admin
            .kill(&holders[1].1)
            .await
            .expect("killed while it builds");
        testbed::eventually(SOON, || async { state(&workspace).await.is_none() }).await;
        let began = events(&workspace);
        assert!(
            began.iter().all(|e| e.deployment != leaves),
            "it was gone before its turn: {began:?}"
        );
        testbed::assert_quiet(&[&workspace]).await;
    });
}
