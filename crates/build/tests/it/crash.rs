//! The answer of each step is lost after its effect.

use build_client::SERVICE;
use builder::Outcome;
use faults::Cut;

use crate::world::*;

#[test]
fn a_lost_answer_begins_no_second_build_and_tells_no_second_end() {
    testbed::run(async {
        let world = world().await;
        let app = world.app().await;
        world
            .build(&world.deployment(&app).await)
            .await
            .expect("built");
        let project = format!("project-of-test-{}", app.project_id);
        for (step, runs) in [
            ("load deployment", 1),
            ("begin build", 1),
            ("build", 2),
            ("finish build", 1),
        ] {
            let before = world.builder.created_in(&project);
            let id = world.deployment(&app).await;
            let cut = world
                .proxy
                .cut(Cut::run_result(SERVICE, "Build", step).of_key(&id));
            world.build(&id).await.expect("built");
            assert!(cut.wait(SOON).await.is_some(), "{step} was not cut");
            let seen = world.builder.seen(&id);
            assert_eq!(world.builder.created_in(&project), before + 1, "{step}");
            assert_eq!(seen.runs.len(), runs, "{step}");
            assert!(
                seen.runs.iter().all(|b| *b == seen.runs[0]),
                "{step}: one build"
            );
            assert!(
                matches!(seen.finishes[..], [Outcome::Success]),
                "{step}: {seen:?}"
            );
        }
    });
}

#[test]
fn a_builder_that_is_away_is_waited_for_and_the_same_build_goes_on() {
    testbed::run(async {
        let world = world().await;
        let id = world.deployment(&world.app().await).await;
        world.builder.script(&id, &[Does::IsAway, Does::Builds]);
        world.build(&id).await.expect("built");
        let seen = world.builder.seen(&id);
        assert_eq!(seen.runs.len(), 2);
        assert_eq!(seen.runs[0], seen.runs[1]);
        assert!(matches!(seen.finishes[..], [Outcome::Success]), "{seen:?}");
    });
}
