//! Builds that end without an image.

use build_client::SERVICE;
use builder::Outcome;
use serde_json::json;

use crate::world::*;

/// A build that goes on until it is told to stop: its deployment and its invocation.
async fn under_way(world: &World) -> (String, String) {
    let id = world.deployment(&world.app().await).await;
    world.builder.script(&id, &[Does::TakesForEver]);
    let body = World::request(&id);
    let ingress = testbed::ingress().await;
    let sent = ingress.send(SERVICE, id.as_str(), "Build", &body, None);
    let sent = sent.await.expect("sent");
    world.runs(&id, 1).await;
    (id, sent)
}

#[test]
fn what_the_customer_can_mend_is_an_answer_and_the_builder_hears_that_it_failed() {
    testbed::run(async {
        let world = world().await;
        let id = world.deployment(&world.app().await).await;
        world.builder.script(&id, &[Does::FailsOfCustomer]);
        let answer = world.build(&id).await.expect("an answer");
        assert_eq!(
            answer,
            json!({ "error": "A command of the Dockerfile failed." })
        );
        let seen = world.builder.seen(&id);
        assert!(matches!(&seen.finishes[..], [Outcome::Failed(why)] if why.contains("Dockerfile")));
    });
}

#[test]
fn a_refusal_of_the_builder_is_terminal_and_tells_the_customer_nothing_of_it() {
    testbed::run(async {
        let world = world().await;
        let id = world.deployment(&world.app().await).await;
        world.builder.script(&id, &[Does::Refuses]);
        let error = world.build(&id).await.expect_err("refused").to_string();
        assert!(error.contains("CW0051"), "{error}");
        assert!(matches!(
            world.finishes(&id).await[..],
            [Outcome::Failed(_)]
        ));
    });
}

#[test]
fn a_build_that_takes_too_long_is_ended() {
    testbed::run(async {
        let world = world().await;
        let id = world.deployment(&world.app().await).await;
        world.builder.script(&id, &[Does::TakesForEver]);
        let answer = world.build(&id).await.expect("an answer");
        let told = answer["error"].as_str().unwrap_or_default();
        assert!(told.contains("took longer than"), "{answer}");
        assert!(matches!(
            world.finishes(&id).await[..],
            [Outcome::Failed(_)]
        ));
    });
}

#[test]
fn a_build_nobody_wants_any_more_is_stopped_and_told_as_cancelled() {
    testbed::run(async {
        let world = world().await;
        let id = world.deployment(&world.app().await).await;
        world.builder.script(&id, &[Does::TakesForEver]);
        let (answer, ()) = tokio::join!(world.build(&id), async {
            world.runs(&id, 1).await;
            world.set_status(&id, "failed").await;
        });
        assert!(answer.is_err_and(|e| e.to_string().contains("CW0023")));
        assert!(matches!(world.finishes(&id).await[..], [Outcome::Canceled]));
    });
}

#[test]
fn a_cancelled_invocation_stops_its_build() {
    testbed::run(async {
        let world = world().await;
        let (id, sent) = under_way(world).await;
        let admin = testbed::admin().await;
        admin.cancel(&sent).await.expect("cancelled");
        world.set_status(&id, "failed").await;
        let answer = testbed::ingress().await.attach(&sent).await;
        assert!(answer.is_err(), "{answer:?}");
        assert!(matches!(world.finishes(&id).await[..], [Outcome::Canceled]));
    });
}

#[test]
fn a_killed_build_is_ended_at_the_builder_by_one_sweep_of_two() {
    testbed::run(async {
        let world = world().await;
        let (id, sent) = under_way(world).await;
        testbed::admin().await.kill(&sent).await.expect("killed");
        world.set_status(&id, "failed").await;
        assert!(matches!(world.finishes(&id).await[..], [Outcome::Canceled]));
        assert_eq!(world.finishes(&id).await.len(), 1);
    });
}
