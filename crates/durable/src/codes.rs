//! The list of error codes a caller, a customer or an operator can meet, each with its HTTP status.
//!
//! A code is written in front of the message of every terminal error; `docs/errors/<code>.md` says what it
//! means and what to do. `xtask tidy` compares this list with the pages in both directions.

/// One error code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Code {
    /// Stable name, also the name of the page: `CW0002`.
    pub id: &'static str,
    /// HTTP status Restate hands to a caller.
    pub status: u16,
}

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $name:ident = $id:literal, $status:literal;)+) => {
        $($(#[doc = $doc])+ pub const $name: Code = Code { id: $id, status: $status };)+
        /// All codes, in order of their number.
        pub const ALL: &[Code] = &[$($name),+];
    };
}

codes! {
    /// A required field of the request is empty or malformed.
    INVALID_REQUEST = "CW0001", 400;
    /// No deployment has the id of the request.
    DEPLOYMENT_NOT_FOUND = "CW0002", 404;
    /// The workspace, project, app or environment a deployment belongs to is gone.
    OWNER_NOT_FOUND = "CW0003", 404;
    /// The request names no source, or one this worker does not know.
    NO_SOURCE = "CW0004", 400;
    /// The source needs a build and this worker has no builder.
    BUILDS_UNAVAILABLE = "CW0005", 400;
    /// No region of the environment can take deployments.
    NO_SCHEDULABLE_REGION = "CW0006", 400;
    /// The workspace's CPU quota would be exceeded.
    CPU_QUOTA = "CW0007", 400;
    /// The workspace's memory quota would be exceeded.
    MEMORY_QUOTA = "CW0008", 400;
    /// Not enough regions became healthy before the deadline.
    NOT_HEALTHY_IN_TIME = "CW0009", 504;
    /// The deployment waits for approval, was skipped, or is otherwise not deployable.
    NOT_DEPLOYABLE = "CW0010", 400;
    /// The target of a promote or rollback is not ready.
    TARGET_NOT_READY = "CW0011", 400;
    /// The app has no live deployment.
    NO_LIVE_DEPLOYMENT = "CW0012", 400;
    /// The target is live already.
    ALREADY_LIVE = "CW0013", 400;
    /// The environment has no route that could be moved.
    NO_ROUTES = "CW0014", 400;
    /// The target does not belong to the production environment of the live deployment.
    NOT_PRODUCTION = "CW0015", 400;
    /// Source and target of a rollback are the same deployment.
    SAME_DEPLOYMENT = "CW0016", 400;
    /// Source and target of a rollback differ in project, app or environment.
    DIFFERENT_OWNER = "CW0017", 400;
    /// The source of a rollback is not the live deployment.
    SOURCE_NOT_LIVE = "CW0018", 400;
    /// A sleeping deployment did not reach its minimum replicas in time.
    WAKE_TIMEOUT = "CW0019", 409;
    /// A route id names no route.
    ROUTE_NOT_FOUND = "CW0020", 404;
    /// A route belongs to another app or environment.
    FOREIGN_ROUTE = "CW0021", 409;
    /// The change would stop the deployment that serves production.
    CURRENT_DEPLOYMENT = "CW0022", 409;
    /// Something else changed the same rows first.
    CONFLICT = "CW0023", 409;
    /// Request counts cannot be read, so nothing is put to sleep.
    COUNTS_UNAVAILABLE = "CW0024", 503;
    /// The workspace has no quota row.
    NO_QUOTA = "CW0025", 404;
    /// A step failed until its retries were used up.
    RETRIES_EXHAUSTED = "CW0026", 500;
    /// The invocation was cancelled.
    CANCELLED = "CW0027", 409;
    /// The stored data is not what the worker can work with.
    BAD_DATA = "CW0028", 500;
    /// Waking a deployment would exceed the workspace's quota.
    WAKE_OVER_QUOTA = "CW0029", 409;
    /// What is to be deleted, or something below it, is protected against it.
    DELETE_PROTECTED = "CW0030", 409;
    /// The path of an OpenAPI document is not a clean absolute path.
    SPEC_PATH = "CW0031", 400;
    /// The OpenAPI document of a deployment is larger than is stored.
    SPEC_TOO_LARGE = "CW0032", 413;
    /// The way to an OpenAPI document leads to another host or to a private address.
    SPEC_FORBIDDEN_ADDRESS = "CW0033", 403;
    /// No ClickHouse is configured for what was asked.
    CLICKHOUSE_NOT_CONFIGURED = "CW0034", 400;
    /// ClickHouse refuses a statement of the worker for good.
    CLICKHOUSE_REFUSED = "CW0035", 502;
    /// The stored password of a ClickHouse user cannot be opened.
    PASSWORD_UNREADABLE = "CW0036", 500;
    /// At least one partition of the last-used sync failed.
    LAST_USED_INCOMPLETE = "CW0037", 500;
    /// No custom domain has this id or host name.
    DOMAIN_NOT_FOUND = "CW0038", 404;
    /// The host name of a custom domain cannot be used.
    DOMAIN_NAME = "CW0039", 400;
    /// A custom domain was not proven within its time.
    DOMAIN_NOT_PROVEN = "CW0040", 408;
    /// Several custom domains have this host name and none of them holds it.
    DOMAIN_AMBIGUOUS = "CW0041", 409;
    /// No periodic job has the name of the request.
    JOB_NOT_FOUND = "CW0042", 404;
    /// The periodic job is running.
    JOB_RUNNING = "CW0043", 409;
    /// A certificate was asked for a host name whose domain is not verified in that workspace.
    DOMAIN_NOT_VERIFIED = "CW0044", 409;
    /// The object key of a periodic job is no date or no month.
    NO_PERIOD = "CW0045", 400;
    /// The date to refill for begins more than a day from now.
    DATE_AHEAD = "CW0046", 400;
    /// The Slack webhook is not accepted any more.
    SLACK_REFUSED = "CW0047", 502;
    /// The image could not be built, for a reason in the source code.
    BUILD_FAILED = "CW0048", 422;
    /// GitHub has no such branch or commit, or the App may not read it.
    COMMIT_NOT_FOUND = "CW0049", 404;
    /// A build waited for its turn until its time was up.
    BUILD_QUEUE = "CW0050", 503;
    /// The builder, or the registry behind it, does not accept this installation's requests.
    BUILDER_REFUSED = "CW0051", 502;
    /// The environment variables of a deployment cannot be opened.
    VARIABLES_UNREADABLE = "CW0052", 500;
}

#[cfg(test)]
mod tests {
    use super::ALL;

    #[test]
    fn codes_are_numbered_without_gap_or_repeat() {
        for (i, code) in ALL.iter().enumerate() {
            assert_eq!(code.id, format!("CW{:04}", i + 1));
            assert!((400..=599).contains(&code.status), "{}", code.id);
        }
    }
}
