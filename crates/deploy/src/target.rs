//! The deployments a promote, rollback or wake is about, and whether it is allowed: pure checks over rows read
//! from the primary. What can change meanwhile is checked again in RoutingService's transaction.

use durable::{Fault, Stop, codes};
use mysql::Db;
use mysql::sql;
use sea_orm::FromQueryResult;
use serde::{Deserialize, Serialize};

/// A deployment with what decides about its traffic.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, FromQueryResult)]
pub(crate) struct Target {
    pub(crate) id: String,
    pub(crate) project_id: String,
    pub(crate) app_id: String,
    pub(crate) environment_id: String,
    pub(crate) status: String,
    pub(crate) desired_state: String,
    pub(crate) environment_slug: Option<String>,
    pub(crate) current_deployment_id: Option<String>,
    pub(crate) is_rolled_back: Option<bool>,
    /// Traffic was rolled back from it: it stays up until that is confirmed. Absent in older journals.
    #[serde(default)]
    pub(crate) is_rollback_source: bool,
}

impl Target {
    pub(crate) fn is_current(&self) -> bool {
        self.current_deployment_id.as_deref() == Some(self.id.as_str())
    }

    fn rolled_back(&self) -> bool {
        self.is_rolled_back.unwrap_or(false)
    }

    /// Whether a standby may have been pending for it that has to be given back when nothing moves: a replaced production
    /// deployment has one, the source of a rollback has not.
    pub(crate) fn was_to_sleep(&self) -> bool {
        self.environment_slug.as_deref() == Some("production")
            && !self.asleep()
            && !self.is_current()
            && !self.is_rollback_source
    }

    /// Ready or stopped, but not meant to run: it has to be woken before it gets traffic.
    pub(crate) fn asleep(&self) -> bool {
        self.status == "stopped" || self.desired_state != "running"
    }
}

/// Reads a deployment and its app; 404 when either is gone.
pub(crate) async fn load(db: &Db, deployment_id: &str) -> Result<Target, Stop> {
    let row: Option<Target> = sql::one(
        db.primary(),
        "SELECT d.id, d.project_id, d.app_id, d.environment_id, d.status, d.desired_state, e.slug AS environment_slug,
                a.current_deployment_id, a.is_rolled_back,
                EXISTS (SELECT 1 FROM ctrl_worker_rollback_sources s WHERE s.app_id = d.app_id AND s.deployment_id = d.id) AS is_rollback_source
         FROM deployments d
         JOIN apps a ON a.id = d.app_id
         LEFT JOIN environments e ON e.id = d.environment_id AND e.app_id = d.app_id
         WHERE d.id = ?",
        [deployment_id.into()],
    )
    .await?;
    match row {
        Some(target) if target.id == deployment_id => Ok(target),
        _ => Err(Stop::fault(
            codes::DEPLOYMENT_NOT_FOUND,
            format!("There is no deployment `{deployment_id}`, or its app is gone. Check the id."),
        )),
    }
}

/// What a promote has to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Promote {
    /// Move the traffic.
    Move,
    /// The target is live after a rollback: only lift the freeze.
    Confirm,
}

/// Whether the target can be promoted, in the order the contract checks.
pub(crate) fn check_promote(t: &Target) -> Result<Promote, Fault> {
    can_serve(t)?;
    if t.environment_slug.as_deref() != Some("production") {
        return fault(
            codes::NOT_PRODUCTION,
            format!(
                "Deployment `{}` is not in the production environment; only production deployments can be promoted.",
                t.id
            ),
        );
    }
    match (&t.current_deployment_id, t.is_current(), t.rolled_back()) {
        (None, ..) => fault(
            codes::NO_LIVE_DEPLOYMENT,
            "The app has no live deployment to promote over. Deploy to production first."
                .to_owned(),
        ),
        (_, true, false) => fault(
            codes::ALREADY_LIVE,
            format!("Deployment `{}` is live already.", t.id),
        ),
        (_, true, true) => Ok(Promote::Confirm),
        (_, false, _) => Ok(Promote::Move),
    }
}

/// Whether traffic can go back from `source` to `target`.
pub(crate) fn check_rollback(source: &Target, target: &Target) -> Result<(), Fault> {
    for (what, a, b) in [
        ("projects", &source.project_id, &target.project_id),
        ("apps", &source.app_id, &target.app_id),
        (
            "environments",
            &source.environment_id,
            &target.environment_id,
        ),
    ] {
        if a != b {
            return fault(
                codes::DIFFERENT_OWNER,
                format!(
                    "Source and target belong to different {what}. Choose a target from the source's own environment."
                ),
            );
        }
    }
    if !source.is_current() {
        return fault(
            codes::SOURCE_NOT_LIVE,
            format!(
                "Deployment `{}` is not the live deployment of its app. Roll back from the live one.",
                source.id
            ),
        );
    }
    can_serve(target)
}

/// Ready, or stopped after having been ready.
fn can_serve(t: &Target) -> Result<(), Fault> {
    match t.status.as_str() {
        "ready" | "stopped" => Ok(()),
        status => fault(
            codes::TARGET_NOT_READY,
            format!(
                "Deployment `{}` is `{status}`; only a deployment that was ready can take traffic.",
                t.id
            ),
        ),
    }
}

fn fault<T>(code: durable::codes::Code, text: String) -> Result<T, Fault> {
    Err(Fault { code, text })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(id: &str) -> Target {
        Target {
            id: id.into(),
            project_id: "proj_1".into(),
            app_id: "app_1".into(),
            environment_id: "env_1".into(),
            status: "ready".into(),
            desired_state: "running".into(),
            environment_slug: Some("production".into()),
            current_deployment_id: Some("d_live".into()),
            is_rolled_back: Some(false),
            is_rollback_source: false,
        }
    }

    fn code<T: std::fmt::Debug>(r: Result<T, Fault>) -> &'static str {
        r.unwrap_err().code.id
    }

    #[test]
    fn promote_checks_in_the_order_of_the_contract() {
        assert_eq!(check_promote(&target("d_2")), Ok(Promote::Move));
        assert_eq!(
            code(check_promote(&Target {
                status: "building".into(),
                current_deployment_id: None,
                ..target("d_2")
            })),
            "CW0011"
        );
        assert_eq!(
            code(check_promote(&Target {
                environment_slug: Some("preview".into()),
                ..target("d_2")
            })),
            "CW0015"
        );
        assert_eq!(
            code(check_promote(&Target {
                current_deployment_id: None,
                ..target("d_2")
            })),
            "CW0012"
        );
        assert_eq!(code(check_promote(&target("d_live"))), "CW0013");
        assert_eq!(
            check_promote(&Target {
                is_rolled_back: Some(true),
                ..target("d_live")
            }),
            Ok(Promote::Confirm)
        );
    }

    #[test]
    fn rollback_names_the_first_owner_that_differs() {
        let source = target("d_live");
        assert_eq!(check_rollback(&source, &target("d_1")), Ok(()));
        let other = Target {
            app_id: "app_2".into(),
            environment_id: "env_2".into(),
            ..target("d_1")
        };
        assert!(
            check_rollback(&source, &other)
                .unwrap_err()
                .text
                .contains("different apps")
        );
        assert_eq!(
            code(check_rollback(&target("d_3"), &target("d_1"))),
            "CW0018"
        );
        assert_eq!(
            code(check_rollback(
                &source,
                &Target {
                    status: "failed".into(),
                    ..target("d_1")
                }
            )),
            "CW0011"
        );
    }

    #[test]
    fn a_replaced_deployment_was_to_sleep_also_while_the_app_is_rolled_back() {
        let frozen = Target {
            is_rolled_back: Some(true),
            ..target("d_1")
        };
        assert!(target("d_1").was_to_sleep() && frozen.was_to_sleep());
        assert!(!target("d_live").was_to_sleep());
        for other in [
            Target {
                is_rollback_source: true,
                ..frozen.clone()
            },
            Target {
                environment_slug: Some("preview".into()),
                ..frozen.clone()
            },
            Target {
                desired_state: "standby".into(),
                ..frozen
            },
        ] {
            assert!(!other.was_to_sleep(), "{other:?}");
        }
    }

    #[test]
    fn a_journal_without_the_newer_field_is_read() {
        let mut old = serde_json::to_value(target("d_1")).expect("JSON");
        old.as_object_mut()
            .expect("an object")
            .remove("is_rollback_source");
        assert_eq!(serde_json::from_value(old).ok(), Some(target("d_1")));
    }

    #[test]
    fn a_stopped_or_standby_target_sleeps() {
        assert!(!target("d").asleep());
        assert!(
            Target {
                desired_state: "standby".into(),
                ..target("d")
            }
            .asleep()
        );
        assert!(
            Target {
                status: "stopped".into(),
                ..target("d")
            }
            .asleep()
        );
    }
}
