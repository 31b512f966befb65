//! Everything a command can end with but success: the words, and the exit code.

use intent::IntentError;
use mysql::DbError;
use restate_api::{ApiError, Class};

/// Why a command did not succeed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The worker refused or gave up; its words, unchanged.
    #[error("{0}")]
    Worker(String),
    /// Something that was looked at is not as it should be.
    #[error("{0}")]
    Unhealthy(String),
    /// Something the command needs cannot be reached.
    #[error("{0}")]
    Unreachable(String),
    /// A thing that was named does not exist.
    #[error("{0}")]
    NotFound(String),
    /// It goes on, but nobody waits any longer.
    #[error("{0}")]
    StillRunning(String),
    /// The command line lacks something that depends on what is there.
    #[error("{0}")]
    Usage(String),
}

impl Failure {
    /// The exit code `ctl --help` lists.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Worker(_) | Self::Unhealthy(_) => 1,
            Self::Usage(_) => 2,
            Self::Unreachable(_) => 3,
            Self::NotFound(_) => 4,
            Self::StillRunning(_) => 5,
        }
    }

    /// What a call through the ingress ended with.
    pub(crate) fn of_ingress(error: &ApiError, url: &str) -> Self {
        if error.from_invocation() {
            return Self::Worker(error.message().unwrap_or_default().to_owned());
        }
        match error.class() {
            Class::NotFound => Self::Unreachable(format!(
                "{error}\nRestate at {url} does not know the service: start the worker (`worker serve`) and register \
                 it (`worker register`)"
            )),
            Class::Unauthorised => Self::Unreachable(format!(
                "{error}\nRestate at {url} refuses the credential: set CTRL_API_KEY or --api-key"
            )),
            Class::Unavailable => Self::Unreachable(format!(
                "{error}\nIs Restate's ingress at {url}? Start it, or set CTRL_INGRESS or --ingress"
            )),
            _ => Self::Worker(
                error
                    .message()
                    .map_or_else(|| error.to_string(), str::to_owned),
            ),
        }
    }
}

impl From<DbError> for Failure {
    fn from(error: DbError) -> Self {
        let text = error.to_string();
        // 1146: the table does not exist.
        let cure = if text.contains("1146") || text.contains("doesn't exist") {
            "create the tables with `worker migrate`"
        } else {
            "is the server up, and CTRL_DATABASE (or --database) right?"
        };
        Self::Unreachable(format!("database: {text}\n{cure}"))
    }
}

impl From<sea_orm::DbErr> for Failure {
    fn from(error: sea_orm::DbErr) -> Self {
        DbError::from(error).into()
    }
}

impl From<IntentError> for Failure {
    fn from(error: IntentError) -> Self {
        match error {
            IntentError::Database(error) => error.into(),
            IntentError::NotFound { what: "app", id } => Self::NotFound(format!(
                "no app `{id}`; `ctl seed` creates one, or name it as workspace/project/app"
            )),
            error @ IntentError::NotFound { .. } => Self::NotFound(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(status: u16, origin: &str, message: &str) -> ApiError {
        ApiError::Status {
            operation: "call x".to_owned(),
            status,
            code: None,
            message: message.to_owned(),
            origin: Some(origin.to_owned()),
        }
    }

    #[test]
    fn the_words_of_the_worker_are_kept_and_a_missing_service_is_explained() {
        let worker = Failure::of_ingress(
            &status(404, "invocation", "[CW0002] No deployment `d_1`."),
            "http://x",
        );
        assert_eq!(
            (worker.exit_code(), worker.to_string().as_str()),
            (1, "[CW0002] No deployment `d_1`.")
        );
        let missing = Failure::of_ingress(&status(404, "ingress", "service not found"), "http://x");
        assert_eq!(missing.exit_code(), 3);
        assert!(missing.to_string().contains("worker serve"), "{missing}");
    }
}
