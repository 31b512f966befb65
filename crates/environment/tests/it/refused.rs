//! What is protected is not touched.

use crate::world::World;
use restate_api::ApiError;

fn refused(error: ApiError) -> String {
    assert_eq!(error.status(), Some(409), "{error}");
    error.to_string()
}

#[test]
fn d_10_a_protected_environment_is_refused_for_good() {
    testbed::scenario!("D-10");
    testbed::run(async {
        let world = World::new().await;
        let before = world.left(&world.production).await;
        let id = world.production.id.as_str();
        for (protect, lift, named) in [
            (
                "UPDATE environments SET delete_protection = 1 WHERE id = ?",
                "UPDATE environments SET delete_protection = NULL WHERE id = ?",
                id,
            ),
            (
                "UPDATE app_environment_variables SET delete_protection = 1 WHERE environment_id = ?",
                "UPDATE app_environment_variables SET delete_protection = 0 WHERE environment_id = ?",
                "variable",
            ),
        ] {
            world.execute(protect, [id.into()]).await;
            let text = refused(world.delete(id).await.expect_err("protected"));
            assert!(text.contains("CW0030") && text.contains(named), "{text}");
            assert_eq!(
                world.left(&world.production).await,
                before,
                "nothing was changed"
            );
            assert!(world.state(id).await.is_empty(), "nothing goes on");
            world.execute(lift, [id.into()]).await;
        }
        world.delete(id).await.expect("begun");
        world.becomes_nothing(&world.production).await;
    });
}

#[test]
fn protection_that_comes_in_the_middle_stops_the_delete() {
    testbed::run(async {
        let world = World::new().await;
        let id = world.production.id.as_str();
        world.delete(id).await.expect("begun");
        world
            .execute(
                "UPDATE environments SET delete_protection = 1 WHERE id = ?",
                [id.into()],
            )
            .await;
        world.ends(id).await;
        let left = world.left(&world.production).await;
        assert_eq!(left.get("environments"), Some(&1));
        assert!(left.contains_key("deployments"), "{left:?}");
    });
}
