//! Slots are given out, in turn, and come back.

use crate::world::*;

fn build(workspace: &str, app: &str, production: bool, millis: u64) -> Build {
    Build {
        workspace: workspace.to_owned(),
        app: app.to_owned(),
        production,
        millis,
    }
}

#[test]
fn twelve_builds_never_run_more_than_two_at_a_time_and_all_of_them_run_once() {
    testbed::run(async {
        served().await;
        let workspace = workspace();
        let mut deployments = Vec::new();
        for n in 0..12 {
            let app = format!("app_{}", n % 3);
            let (deployment, _) = start(&build(&workspace, &app, n % 4 == 0, 150)).await;
            deployments.push(deployment);
        }
        testbed::eventually(SOON, || async { events(&workspace).len() == 24 }).await;
        let mut running = 0usize;
        for event in events(&workspace) {
            running = match event.begins {
                true => running + 1,
                false => running - 1,
            };
            assert!(running <= LIMIT, "{running} builds at a time");
        }
        testbed::eventually(SOON, || async { state(&workspace).await.is_none() }).await;
        testbed::assert_quiet(&deployments).await;
        testbed::assert_quiet(&[&workspace]).await;
    });
}

#[test]
fn production_goes_before_previews_that_asked_earlier() {
    testbed::run(async {
        served().await;
        let workspace = workspace();
        let mut expected = Vec::new();
        for _ in 0..LIMIT {
            start(&build(&workspace, "app_1", false, 1_500)).await;
        }
        testbed::eventually(SOON, || async { events(&workspace).len() == LIMIT }).await;
        let (preview, _) = start(&build(&workspace, "app_2", false, 1)).await;
        testbed::eventually(SOON, || async {
            state(&workspace)
                .await
                .is_some_and(|s| s.contains(&preview))
        })
        .await;
        let (production, _) = start(&build(&workspace, "app_3", true, 1)).await;
        testbed::eventually(SOON, || async {
            state(&workspace)
                .await
                .is_some_and(|s| s.contains(&production))
        })
        .await;
        expected.extend([production, preview]);
        testbed::eventually(SOON, || async { events(&workspace).len() == 2 * LIMIT + 4 }).await;
        let began: Vec<String> = events(&workspace)
            .into_iter()
            .filter(|e| e.begins)
            .map(|e| e.deployment)
            .skip(LIMIT)
            .collect();
        assert_eq!(began, expected);
        testbed::assert_quiet(&expected).await;
    });
}
