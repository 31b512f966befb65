//! The plan of a finish, without a database.

use super::*;
use crate::rules::samples::{deployment, route};
use proptest::prelude::*;

/// Who is finishing: number 5 of the environment, app pointing to `current`.
struct World {
    wish: Wish,
    app: App,
    routes: Vec<Route>,
    others: Vec<Deployment>,
    production: bool,
}

impl World {
    fn new(current: Option<u64>, routes: Vec<Route>) -> Self {
        let app = App {
            id: "app".into(),
            project_id: "proj".into(),
            current_deployment_id: current.map(|n| format!("d_{n}")),
            is_rolled_back: false,
        };
        let wish = Wish {
            deployment_id: "d_5".into(),
            routes: BTreeSet::new(),
            keep_environment: false,
        };
        Self {
            wish,
            app,
            routes,
            others: (1..=9).map(deployment).collect(),
            production: true,
        }
    }

    fn given(mut self, pks: &[u64]) -> Self {
        self.wish.routes = pks.iter().map(|pk| format!("flr_{pk}")).collect();
        self
    }

    fn plan(&self) -> Plan {
        let routes = self
            .routes
            .iter()
            .map(|route| (route.pk, route.clone()))
            .collect();
        let others = self
            .others
            .iter()
            .map(|d| (d.id.clone(), d.clone()))
            .collect();
        let deployment = Deployment {
            status: Status::Finalizing,
            ..deployment(5)
        };
        plan(&Scene {
            wish: &self.wish,
            app: &self.app,
            deployment: &deployment,
            production: self.production,
            routes: &routes,
            others: &others,
        })
    }
}

fn moved(pks: &[u64]) -> BTreeSet<u64> {
    pks.iter().copied().collect()
}

#[test]
fn a_production_deploy_takes_environment_live_and_its_own_branch() {
    let routes = vec![
        route(1, Sticky::Live, 4),
        route(2, Sticky::Environment, 4),
        route(3, Sticky::Branch, 4),
        route(4, Sticky::None, 5),
        route(6, Sticky::Branch, 4),
    ];
    let plan = World::new(Some(4), routes).given(&[3, 4]).plan();
    assert_eq!(plan.moves, moved(&[1, 2, 3]));
    assert_eq!(
        plan.answer,
        Answer {
            previous: "d_4".into(),
            went_live: true,
            refused_by_newer: String::new()
        }
    );
}

#[test]
fn a_first_deploy_has_no_previous_and_neither_has_one_that_was_live_already() {
    for current in [None, Some(5)] {
        let plan = World::new(current, vec![route(1, Sticky::Live, 5)]).plan();
        assert_eq!(
            plan.answer,
            Answer {
                went_live: true,
                ..Answer::default()
            }
        );
    }
}

#[test]
fn a_newer_live_deployment_keeps_pointer_and_routes() {
    let plan = World::new(
        Some(6),
        vec![
            route(1, Sticky::Live, 6),
            route(2, Sticky::Environment, 6),
            route(3, Sticky::Branch, 4),
        ],
    )
    .given(&[3])
    .plan();
    assert_eq!(plan.moves, moved(&[3]));
    assert_eq!(
        plan.answer,
        Answer {
            refused_by_newer: "d_6".into(),
            ..Answer::default()
        }
    );
}

#[test]
fn a_single_newer_live_route_keeps_the_pointer_too() {
    let plan = World::new(
        Some(4),
        vec![route(1, Sticky::Live, 4), route(2, Sticky::Live, 7)],
    )
    .plan();
    assert_eq!(plan.moves, moved(&[]));
    assert_eq!(
        plan.answer,
        Answer {
            refused_by_newer: "d_7".into(),
            ..Answer::default()
        }
    );
}

#[test]
fn after_a_rollback_only_the_environment_moves() {
    let mut world = World::new(
        Some(1),
        vec![route(1, Sticky::Live, 1), route(2, Sticky::Environment, 1)],
    )
    .given(&[1, 2]);
    world.app.is_rolled_back = true;
    let plan = world.plan();
    assert_eq!(plan.moves, moved(&[2]));
    assert_eq!(plan.answer, Answer::default());
}

#[test]
fn a_fork_moves_only_what_it_was_given_and_its_own_is_left_alone_by_others() {
    let routes = vec![
        route(1, Sticky::Environment, 4),
        route(2, Sticky::Environment, 7),
        route(3, Sticky::Live, 4),
    ];
    let mut world = World::new(None, routes).given(&[2]);
    world.production = false;
    world.wish.keep_environment = true;
    world.others[6].status = Status::Failed;
    assert_eq!(world.plan().moves, moved(&[2]));
    world.wish = Wish {
        deployment_id: "d_5".into(),
        routes: BTreeSet::new(),
        keep_environment: false,
    };
    world.others[6].fork_repository_full_name = Some("octo/cat".into());
    assert_eq!(world.plan().moves, moved(&[1, 3]));
}

#[test]
fn only_a_deployment_on_its_way_may_finish() {
    let on_its_way = Deployment {
        status: Status::Finalizing,
        ..deployment(5)
    };
    assert_eq!(may_finish(&on_its_way), Ok(()));
    for status in [
        Status::Failed,
        Status::Pending,
        Status::Skipped,
        Status::Stopped,
    ] {
        assert!(
            may_finish(&Deployment {
                status,
                ..on_its_way.clone()
            })
            .is_err(),
            "{status}"
        );
    }
    assert!(
        may_finish(&Deployment {
            desired_state: DesiredState::Standby,
            ..on_its_way
        })
        .is_err()
    );
}

#[test]
fn a_repetition_gives_the_answer_that_was_kept_or_what_the_rows_say() {
    let world = World::new(Some(5), vec![]);
    let environment = |slug: &str| Environment {
        app_id: "app".into(),
        slug: slug.into(),
    };
    let kept = Answer {
        previous: "d_4".into(),
        went_live: true,
        refused_by_newer: String::new(),
    };
    assert_eq!(
        repeated(
            Some(kept.clone()),
            &world.app,
            &deployment(5),
            &environment("production")
        ),
        Ok(kept)
    );
    assert_eq!(
        repeated(None, &world.app, &deployment(5), &environment("production")),
        Ok(Answer {
            went_live: true,
            ..Answer::default()
        })
    );
    assert_eq!(
        repeated(None, &world.app, &deployment(4), &environment("preview")),
        Ok(Answer::default())
    );
    assert!(repeated(None, &world.app, &deployment(4), &environment("production")).is_err());
}

fn sticky() -> impl Strategy<Value = Sticky> {
    prop::sample::select(vec![
        Sticky::None,
        Sticky::Branch,
        Sticky::Environment,
        Sticky::Live,
        Sticky::Deployment,
    ])
}

proptest! {
    /// P2: the live routes of production move exactly when the pointer moves, whatever the rows are.
    #[test]
    fn live_routes_of_production_move_with_the_pointer(
        current in prop::option::of(1u64..9),
        rolled_back: bool,
        keep: bool,
        given in prop::collection::btree_set(1u64..6, 0..6),
        routes in prop::collection::vec((sticky(), 1u64..9), 5),
        statuses in prop::collection::vec(prop::sample::select(vec![Status::Ready, Status::Failed, Status::Stopped]), 9),
    ) {
        let routes: Vec<_> = routes.into_iter().zip(1u64..).map(|((sticky, to), pk)| route(pk, sticky, to)).collect();
        let mut world = World::new(current, routes).given(&given.into_iter().collect::<Vec<_>>());
        world.app.is_rolled_back = rolled_back;
        world.wish.keep_environment = keep;
        for (other, status) in world.others.iter_mut().zip(statuses) {
            other.status = status;
        }
        let plan = world.plan();
        for route in &world.routes {
            let moves = plan.moves.contains(&route.pk);
            match route.sticky {
                Sticky::Live => prop_assert_eq!(moves, plan.answer.went_live),
                Sticky::None | Sticky::Deployment => prop_assert!(!moves),
                Sticky::Branch | Sticky::Environment => {
                    prop_assert!(!moves || !world.others.iter().any(|d| d.id == route.deployment_id && rules::outranks(d, &deployment(5))));
                }
            }
        }
        prop_assert!(!(plan.answer.went_live && (rolled_back || keep)));
    }
}
