//! What a requested state means for the rows, and which requests are refused. Pure; no I/O.

use durable::{Fault, codes};
use messages::hydra::v1::DeploymentDesiredState as Requested;
use mysql::entity::deployment_topology::DesiredStatus;
use mysql::entity::deployments::DesiredState;

/// Longest delay that is accepted: 30 days, in milliseconds.
pub(crate) const MAX_DELAY_MS: i64 = 30 * 24 * 60 * 60 * 1000;

/// The state to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Target {
    /// For `deployments.desired_state`.
    pub(crate) state: DesiredState,
    /// For `deployment_topology.desired_status`.
    pub(crate) status: DesiredStatus,
}

/// Translates the requested state; unspecified and unknown ones are refused.
pub(crate) fn of(requested: Option<Requested>) -> Result<Target, Fault> {
    let (state, status) = match requested {
        Some(Requested::DEPLOYMENT_DESIRED_STATE_RUNNING) => {
            (DesiredState::Running, DesiredStatus::Running)
        }
        Some(Requested::DEPLOYMENT_DESIRED_STATE_STANDBY) => {
            (DesiredState::Standby, DesiredStatus::Stopped)
        }
        Some(Requested::DEPLOYMENT_DESIRED_STATE_ARCHIVED) => {
            (DesiredState::Archived, DesiredStatus::Stopped)
        }
        Some(Requested::DEPLOYMENT_DESIRED_STATE_UNSPECIFIED) | None => {
            let text = "The state must be running, standby or archived.";
            return Err(Fault {
                code: codes::INVALID_REQUEST,
                text: text.to_owned(),
            });
        }
    };
    Ok(Target { state, status })
}

/// Accepts a delay between nothing and 30 days.
pub(crate) fn delay(millis: i64) -> Result<u64, Fault> {
    match u64::try_from(millis) {
        Ok(delay) if millis <= MAX_DELAY_MS => Ok(delay),
        _ => Err(Fault {
            code: codes::INVALID_REQUEST,
            text: format!(
                "The delay must be between 0 and {MAX_DELAY_MS} milliseconds (30 days), not {millis}."
            ),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sleeping_states_stop_the_instances() {
        for (requested, state, status) in [
            (
                Requested::DEPLOYMENT_DESIRED_STATE_RUNNING,
                DesiredState::Running,
                DesiredStatus::Running,
            ),
            (
                Requested::DEPLOYMENT_DESIRED_STATE_STANDBY,
                DesiredState::Standby,
                DesiredStatus::Stopped,
            ),
            (
                Requested::DEPLOYMENT_DESIRED_STATE_ARCHIVED,
                DesiredState::Archived,
                DesiredStatus::Stopped,
            ),
        ] {
            assert_eq!(of(Some(requested)), Ok(Target { state, status }));
        }
    }

    #[test]
    fn unspecified_and_unknown_states_are_refused() {
        for requested in [Some(Requested::DEPLOYMENT_DESIRED_STATE_UNSPECIFIED), None] {
            assert_eq!(
                of(requested).map_err(|fault| fault.code),
                Err(codes::INVALID_REQUEST)
            );
        }
    }

    #[test]
    fn a_delay_is_neither_negative_nor_longer_than_thirty_days() {
        assert_eq!(delay(0), Ok(0));
        assert_eq!(delay(1_800_000), Ok(1_800_000));
        assert_eq!(delay(MAX_DELAY_MS), Ok(2_592_000_000));
        for refused in [-1, MAX_DELAY_MS + 1, i64::MIN, i64::MAX] {
            assert_eq!(
                delay(refused).map_err(|fault| fault.code),
                Err(codes::INVALID_REQUEST),
                "{refused}"
            );
        }
    }
}
