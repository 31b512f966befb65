//! Rules that more than one handler follows. Pure; no I/O.

use crate::rows::{Deployment, Route};
use durable::{Fault, codes};
use mysql::entity::deployments::Status;
use mysql::entity::frontline_routes::Sticky;
use std::collections::BTreeSet;

/// No deployment has this id.
pub(crate) fn no_deployment(id: &str) -> Fault {
    Fault {
        code: codes::DEPLOYMENT_NOT_FOUND,
        text: format!("No deployment has the id {id:?}."),
    }
}

/// What a deployment belongs to is gone.
pub(crate) fn no_owner(what: &str, id: &str) -> Fault {
    Fault {
        code: codes::OWNER_NOT_FOUND,
        text: format!("No {what} has the id {id:?}."),
    }
}

/// Whether the route belongs to the deployment's project, app and environment.
pub(crate) fn owns(deployment: &Deployment, route: &Route) -> bool {
    (&route.project_id, &route.app_id, &route.environment_id)
        == (
            &deployment.project_id,
            &deployment.app_id,
            &deployment.environment_id,
        )
}

/// Refuses the whole list when one id names no route, or a route of another owner.
pub(crate) fn all_owned(
    deployment: &Deployment,
    wanted: &BTreeSet<String>,
    found: &[Route],
) -> Result<(), Fault> {
    if let Some(unknown) = wanted
        .iter()
        .find(|id| !found.iter().any(|route| route.id == **id))
    {
        return Err(Fault {
            code: codes::ROUTE_NOT_FOUND,
            text: format!("No route has the id {unknown}. Nothing was moved."),
        });
    }
    match found.iter().find(|route| !owns(deployment, route)) {
        Some(foreign) => Err(Fault {
            code: codes::FOREIGN_ROUTE,
            text: format!(
                "Route {} belongs to another app or environment than deployment {}. Nothing was moved.",
                foreign.id, deployment.id
            ),
        }),
        None => Ok(()),
    }
}

/// Whether the route follows deployments, as opposed to staying with one.
pub(crate) fn moves(sticky: Sticky) -> bool {
    match sticky {
        Sticky::Branch | Sticky::Environment | Sticky::Live => true,
        Sticky::None | Sticky::Deployment => false,
    }
}

/// The fence: whether `other` came after `this` in the same environment and is up. Rows of one millisecond are told
/// apart by their number.
pub(crate) fn outranks(other: &Deployment, this: &Deployment) -> bool {
    (&other.app_id, &other.environment_id) == (&this.app_id, &this.environment_id)
        && other.status == Status::Ready
        && (other.created_at, other.pk) > (this.created_at, this.pk)
}

/// Whether the deployment was built from a fork. Its host names carry the fork, and an environment's others leave them.
pub(crate) fn is_fork(deployment: &Deployment) -> bool {
    deployment
        .fork_repository_full_name
        .as_deref()
        .is_some_and(|name| !name.is_empty())
}

#[cfg(test)]
pub(crate) mod samples {
    use super::*;
    use mysql::entity::deployments::DesiredState;

    /// A ready deployment number `pk` of the production environment.
    pub(crate) fn deployment(pk: u64) -> Deployment {
        Deployment {
            pk,
            id: format!("d_{pk}"),
            project_id: "proj".into(),
            app_id: "app".into(),
            environment_id: "env".into(),
            status: Status::Ready,
            desired_state: DesiredState::Running,
            fork_repository_full_name: None,
            created_at: 1000,
        }
    }

    /// Route number `pk` of the same owner that leads to deployment `to`.
    pub(crate) fn route(pk: u64, sticky: Sticky, to: u64) -> Route {
        Route {
            pk,
            id: format!("flr_{pk}"),
            project_id: "proj".into(),
            app_id: "app".into(),
            environment_id: "env".into(),
            deployment_id: format!("d_{to}"),
            sticky,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::samples::{deployment, route};
    use super::*;

    fn ids(ids: &[&str]) -> BTreeSet<String> {
        ids.iter().map(|id| (*id).to_owned()).collect()
    }

    #[test]
    fn one_unknown_or_foreign_route_refuses_the_list() {
        let own = route(1, Sticky::Live, 9);
        assert_eq!(
            all_owned(&deployment(1), &ids(&["flr_1"]), std::slice::from_ref(&own)),
            Ok(())
        );
        let unknown = all_owned(
            &deployment(1),
            &ids(&["flr_1", "flr_x"]),
            std::slice::from_ref(&own),
        );
        assert_eq!(
            unknown.map_err(|fault| fault.code),
            Err(codes::ROUTE_NOT_FOUND)
        );
        for break_owner in [
            (|r: &mut Route| r.project_id = "other".into()) as fn(&mut Route),
            |r| r.app_id = "other".into(),
            |r| r.environment_id = "other".into(),
        ] {
            let mut foreign = route(2, Sticky::Live, 9);
            break_owner(&mut foreign);
            let refused = all_owned(
                &deployment(1),
                &ids(&["flr_1", "flr_2"]),
                &[own.clone(), foreign],
            );
            assert_eq!(
                refused.map_err(|fault| fault.code),
                Err(codes::FOREIGN_ROUTE)
            );
        }
    }

    #[test]
    fn a_newer_deployment_that_is_up_outranks() {
        let this = deployment(5);
        assert!(
            outranks(&deployment(6), &this),
            "same millisecond, later row"
        );
        assert!(!outranks(&deployment(4), &this));
        assert!(!outranks(&this, &this));
        assert!(
            outranks(
                &Deployment {
                    created_at: 1001,
                    ..deployment(4)
                },
                &this
            ),
            "later row first by time"
        );
        for status in [Status::Failed, Status::Finalizing, Status::Stopped] {
            assert!(
                !outranks(
                    &Deployment {
                        status,
                        ..deployment(6)
                    },
                    &this
                ),
                "{status}"
            );
        }
        assert!(!outranks(
            &Deployment {
                environment_id: "preview".into(),
                ..deployment(6)
            },
            &this
        ));
    }
}
