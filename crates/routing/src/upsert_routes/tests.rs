//! Which names are taken and where they lead, without a database.

use super::*;
use crate::rules::samples::{deployment, route};

fn owner(deployment_id: &str) -> Owner {
    let [project_id, app_id, environment_id, deployment_id] =
        ["proj", "app", "env", deployment_id].map(str::to_owned);
    Owner {
        project_id,
        app_id,
        environment_id,
        deployment_id,
    }
}

fn app(current: Option<&str>) -> App {
    App {
        id: "app".into(),
        project_id: "proj".into(),
        current_deployment_id: current.map(str::to_owned),
        is_rolled_back: false,
    }
}

fn environment(slug: &str) -> Environment {
    Environment {
        app_id: "app".into(),
        slug: slug.into(),
    }
}

#[test]
fn a_route_of_the_owner_serves_unless_another_deployment_keeps_it() {
    for (sticky, to, ours) in [
        (Sticky::Branch, 9, true),
        (Sticky::Environment, 9, true),
        (Sticky::Live, 9, true),
        (Sticky::None, 9, false),
        (Sticky::Deployment, 9, false),
        (Sticky::None, 1, true),
        (Sticky::Deployment, 1, true),
    ] {
        assert_eq!(
            is_ours(&owner("d_1"), &route(1, sticky, to)),
            ours,
            "{sticky} to d_{to}"
        );
    }
    let foreign = Route {
        app_id: "other".into(),
        ..route(1, Sticky::Live, 1)
    };
    assert!(!is_ours(&owner("d_1"), &foreign));
}

#[test]
fn a_live_route_of_production_begins_at_the_live_deployment() {
    let (asking, production, preview) = (
        owner("d_1"),
        environment("production"),
        environment("preview"),
    );
    assert_eq!(
        first_target(&asking, &app(Some("d_9")), &production, Sticky::Live),
        "d_9"
    );
    assert_eq!(
        first_target(&asking, &app(None), &production, Sticky::Live),
        ""
    );
    assert_eq!(
        first_target(&asking, &app(Some("d_9")), &preview, Sticky::Live),
        "d_1"
    );
    assert_eq!(
        first_target(&asking, &app(Some("d_9")), &production, Sticky::Environment),
        "d_1"
    );
}

#[test]
fn what_does_not_belong_together_is_refused() {
    let fits = |owner: &Owner, app: &App, environment: &Environment, d: Option<&Deployment>| {
        agree(owner, app, environment, d).map_err(|fault| fault.code)
    };
    let (o, a, e) = (owner("d_1"), app(None), environment("preview"));
    assert_eq!(fits(&o, &a, &e, Some(&deployment(1))), Ok(()));
    assert_eq!(fits(&o, &a, &e, None), Ok(()));
    assert_eq!(
        fits(
            &o,
            &App {
                project_id: "other".into(),
                ..a.clone()
            },
            &e,
            None
        ),
        Err(codes::CONFLICT)
    );
    assert_eq!(
        fits(
            &o,
            &a,
            &Environment {
                app_id: "other".into(),
                ..e.clone()
            },
            None
        ),
        Err(codes::CONFLICT)
    );
    let elsewhere = Deployment {
        environment_id: "other".into(),
        ..deployment(1)
    };
    assert_eq!(fits(&o, &a, &e, Some(&elsewhere)), Err(codes::CONFLICT));
}

#[test]
fn names_are_tried_in_order_and_must_fit() {
    let spec = |name: &str, fallback: &str, sticky: RouteSticky| RouteSpec {
        fully_qualified_domain_name: name.into(),
        sticky: sticky.into(),
        fallback_fully_qualified_domain_name: fallback.into(),
    };
    let both = wanted(spec(
        "a.example",
        "b.example",
        RouteSticky::ROUTE_STICKY_LIVE,
    ));
    assert_eq!(
        both,
        Ok(Wanted {
            host_names: vec!["a.example".into(), "b.example".into()],
            sticky: Sticky::Live
        })
    );
    assert!(wanted(spec("", "", RouteSticky::ROUTE_STICKY_LIVE)).is_err());
    assert!(wanted(spec("a.example", "", RouteSticky::ROUTE_STICKY_UNSPECIFIED)).is_err());
    assert!(wanted(spec(&"a".repeat(257), "", RouteSticky::ROUTE_STICKY_NONE)).is_err());
    assert!(wanted(spec(&"a".repeat(256), "", RouteSticky::ROUTE_STICKY_NONE)).is_ok());
}
