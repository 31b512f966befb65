//! What a swap comes down to, without a database.

use super::*;
use crate::rules::samples::{deployment, route};

fn wish(target: u64, rollback: bool) -> Wish {
    Wish {
        deployment_id: format!("d_{target}"),
        routes: BTreeSet::new(),
        all_sticky: true,
        rollback,
        expected: None,
    }
}

fn app(current: Option<&str>, is_rolled_back: bool) -> App {
    App {
        id: "app".into(),
        project_id: "proj".into(),
        current_deployment_id: current.map(str::to_owned),
        is_rolled_back,
    }
}

fn environment(slug: &str) -> Environment {
    Environment {
        app_id: "app".into(),
        slug: slug.into(),
    }
}

fn decided(
    wish: &Wish,
    app: &App,
    target: &Deployment,
    slug: &str,
) -> Result<Kind, durable::codes::Code> {
    decide(wish, app, target, Some(&environment(slug))).map_err(|fault| fault.code)
}

#[test]
fn the_same_target_confirms_a_rollback_or_does_nothing() {
    let target = deployment(1);
    for (rolled_back, rollback, kind) in [
        (true, false, Kind::Confirm),
        (true, true, Kind::Nothing),
        (false, true, Kind::Nothing),
        (false, false, Kind::Nothing),
    ] {
        assert_eq!(
            decided(
                &wish(1, rollback),
                &app(Some("d_1"), rolled_back),
                &target,
                "production"
            ),
            Ok(kind)
        );
    }
}

#[test]
fn another_target_moves_whatever_was_live() {
    for current in [None, Some("d_9")] {
        for rollback in [false, true] {
            assert_eq!(
                decided(
                    &wish(1, rollback),
                    &app(current, false),
                    &deployment(1),
                    "production"
                ),
                Ok(Kind::Move)
            );
        }
    }
}

#[test]
fn previews_sleepers_and_a_changed_pointer_are_refused() {
    let live = app(Some("d_9"), false);
    assert_eq!(
        decided(&wish(1, false), &live, &deployment(1), "preview"),
        Err(codes::NOT_PRODUCTION)
    );
    let asleep = Deployment {
        desired_state: DesiredState::Standby,
        ..deployment(1)
    };
    assert_eq!(
        decided(&wish(1, false), &live, &asleep, "production"),
        Err(codes::CONFLICT)
    );
    for status in [Status::Failed, Status::Stopped, Status::Finalizing] {
        let not_up = Deployment {
            status,
            ..deployment(1)
        };
        assert_eq!(
            decided(&wish(1, false), &live, &not_up, "production"),
            Err(codes::CONFLICT)
        );
    }
    let stale = Wish {
        expected: Some("d_8".into()),
        ..wish(1, true)
    };
    assert_eq!(
        decided(&stale, &live, &deployment(1), "production"),
        Err(codes::CONFLICT)
    );
    assert_eq!(
        decided(&stale, &app(None, false), &deployment(1), "production"),
        Err(codes::CONFLICT)
    );
}

#[test]
fn what_is_released_is_sorted_once_and_never_the_target() {
    let recorded = ["d_3".to_owned(), "d_1".to_owned(), "d_2".to_owned()];
    assert_eq!(released("d_2", &recorded, "d_1"), ["d_2", "d_3"]);
    assert_eq!(released("", &[], "d_1"), [] as [&str; 0]);
    assert_eq!(released("d_1", &[], "d_1"), [] as [&str; 0]);
}

#[test]
fn live_routes_always_follow_and_environment_routes_on_request_unless_a_forks() {
    let fork = Deployment {
        fork_repository_full_name: Some("octo/cat".into()),
        ..deployment(7)
    };
    let pointed = BTreeMap::from([("d_7".to_owned(), fork), ("d_9".to_owned(), deployment(9))]);
    let sticky = [
        route(1, Sticky::Live, 9),
        route(2, Sticky::Environment, 9),
        route(3, Sticky::Environment, 7),
        route(4, Sticky::Live, 0),
    ];
    assert_eq!(
        followers(&sticky, &pointed, true),
        BTreeSet::from([1, 2, 4])
    );
    assert_eq!(followers(&sticky, &pointed, false), BTreeSet::from([1, 4]));
}
