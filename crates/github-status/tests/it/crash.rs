//! The answer of each step is lost after its effect.

use faults::Cut;
use github_status_client::SERVICE;

use crate::world::*;

#[test]
fn a_lost_answer_makes_no_second_deployment_and_no_second_comment() {
    testbed::run(async {
        let world = World::new().await;
        for (handler, step) in [
            ("Init", "github deployment"),
            ("Init", "persist github deployment id"),
            ("Init", "github deployment status"),
            ("ReportStatus", "github deployment status"),
        ] {
            let before = world.fake.deployments().len();
            let id = world.deployment("building").await;
            let cut = world
                .proxy
                .cut(Cut::run_result(SERVICE, handler, step).of_key(&id));
            world.init(&id, world.preview("web")).await;
            world.report(&id, "SUCCESS", "").await;
            assert!(
                cut.wait(SOON).await.is_some(),
                "{handler}/{step} was not cut"
            );
            assert_eq!(
                world.fake.deployments().len(),
                before + 1,
                "{handler}/{step}"
            );
            assert_eq!(world.states().last().map(String::as_str), Some("success"));
        }
        let key = format!("acme/shop#{}", world.pull);
        let cut = Cut::run_result(github_comment_client::SERVICE, "SetRow", "write comment");
        let cut = world.proxy.cut(cut.of_key(&key));
        let id = world.deployment("building").await;
        world.init(&id, world.preview("api")).await;
        world.report(&id, "SUCCESS", "").await;
        assert!(cut.wait(SOON).await.is_some(), "SetRow was not cut");
        testbed::eventually(SOON, || async {
            world.rows().len() == 2 && world.rows().iter().all(|r| r.contains("| Ready |"))
        })
        .await;
        assert_eq!(world.fake.comments().len(), 1);
    });
}
