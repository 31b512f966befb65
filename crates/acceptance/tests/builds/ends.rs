//! Builds that fail, are cancelled, or meet a builder that is away.

use build_testbed::{Ending, Finish, Progress, Script};
use builder::Event;

use crate::world::*;

#[test]
fn dep_30_a_failure_of_the_customers_is_told_and_not_repeated() {
    testbed::scenario!("DEP-30");
    testbed::run(async {
        let world = World::new().await;
        let id = world.production().await;
        let text = "failed to solve: failed to read dockerfile: open Dockerfile: no such file or directory";
        world.script(
            &id,
            Script {
                ending: Ending::Failure(text.into()),
                lines: 3,
                ..Script::default()
            },
        );
        let error = world.deploy(&id, world.source()).await.expect_err("failed");
        assert!(error.to_string().contains("CW0048"), "{error}");
        assert_eq!(world.column(&id, "status").await, "failed");
        let told = world.step_error(&id, "building").await;
        assert!(
            told.contains("Dockerfile") && told.contains("settings"),
            "{told}"
        );
        assert_eq!(world.solves(&id).len(), 1);
        assert!(matches!(
            &world.finishes(&id).await[..],
            [Finish::Failed(_)]
        ));
        let events = world.bound.lines.of(&id);
        let lines = events.iter().filter(|e| matches!(e, Event::Log(_))).count();
        assert_eq!(lines, 3);
        assert!(events.iter().any(|e| matches!(e, Event::Step(_))));
        let states = world.states(&id, "failure").await;
        assert!(states.contains(&"in_progress".to_owned()), "{states:?}");
    });
}

#[test]
fn dep_31_a_builder_that_is_away_is_tried_again() {
    testbed::scenario!("DEP-31");
    testbed::run(async {
        let world = World::new().await;
        let id = world.production().await;
        world.script(
            &id,
            Script {
                ending: Ending::Unavailable("502 Bad Gateway".into()),
                ..Script::default()
            },
        );
        let invocation = world.send(&id, world.source()).await;
        testbed::eventually(SOON, || async {
            let first = world.solves(&id).into_iter().next().map(|s| s.progress);
            let away = matches!(first, Some(Progress::Ended(Ending::Unavailable(_))));
            away.then_some(()).ok_or(first)
        })
        .await;
        world.script(&id, Script::default());
        world
            .bound
            .ingress
            .attach(&invocation)
            .await
            .expect("deployed");
        assert_eq!(world.column(&id, "status").await, "ready");
        assert!(world.solves(&id).len() >= 2);
        assert_eq!(world.finishes(&id).await, [Finish::Success]);
        assert_eq!(
            world.build(&id).await.expect("a build").id,
            world.column(&id, "build_id").await
        );
    });
}

#[test]
fn dep_38_a_cancelled_deployment_stops_its_build_and_releases_the_builder() {
    testbed::scenario!("DEP-38");
    testbed::run(async {
        let world = World::new().await;
        let id = world.production().await;
        world.script(
            &id,
            Script {
                hold: true,
                ..Script::default()
            },
        );
        let invocation = world.send(&id, world.source()).await;
        world.building(&id).await;
        world
            .bound
            .admin
            .cancel(&invocation)
            .await
            .expect("cancelled");
        world.eventually_status(&id, "failed").await;
        assert!(!world.step_error(&id, "building").await.is_empty());
        assert_eq!(world.finishes(&id).await, [Finish::Canceled]);
        testbed::eventually(SOON, || async {
            let last = world.solves(&id).pop().map(|s| s.progress);
            (last == Some(Progress::Canceled)).then_some(()).ok_or(last)
        })
        .await;
        world.states(&id, "failure").await;
        // Its turn went to the next.
        let next = world.production().await;
        world.deploy(&next, world.source()).await.expect("deployed");
    });
}
