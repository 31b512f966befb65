//! Whose fault a failed build is: the customer's, nobody's for long, or the operator's.
//!
//! BuildKit tells errors as texts that hold the texts of registries, of Git and of the customer's own commands. What is
//! certainly the customer's is recognised first, so that no text of theirs is taken for trouble of the builder; what is then
//! not recognised as trouble is the customer's.

use tonic::{Code, Status};

use crate::reason::{as_clients_write, public_reason, shortened, told};
use crate::{BuildError, Operation, Order, Secret};

/// Most of a reason that is kept, bytes.
const MOST_BYTES: usize = 8 << 10;

/// Which of the two parts of a build failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Only fetching the source.
    Fetch,
    /// All the rest, with the source fetched before.
    Build,
    /// All in one.
    Whole,
}

/// What a failure says.
pub(crate) struct Fault {
    /// BuildKit's code; nothing where the connection broke before it answered.
    code: Option<Code>,
    text: String,
}

impl Fault {
    /// Reads an answer. One that this side made up, for want of a connection, has a source.
    pub(crate) fn of(status: &Status) -> Self {
        let mut text = status.message().to_owned();
        let source = std::error::Error::source(status);
        if let Some(source) = source {
            text = format!("{text}: {}", causes::chain(source));
        }
        Self {
            code: source.is_none().then(|| status.code()),
            text,
        }
    }
}

/// Judges a failed solve. No login of the order is in what comes out.
pub(crate) fn judge(fault: &Fault, phase: Phase, order: &Order) -> BuildError {
    let secrets = order.git_token.iter().chain([&order.registry.password]);
    let secrets: Vec<&str> = secrets
        .map(Secret::expose)
        .filter(|s| !s.is_empty())
        .collect();
    // only now: a short one may be a part of the words that are looked for
    let hide = |text: String| {
        secrets
            .iter()
            .fold(text, |text, secret| text.replace(secret, "*"))
    };
    match verdict(fault, phase, order) {
        BuildError::Customer { public, text } => BuildError::Customer {
            public: hide(public),
            text: hide(text),
        },
        BuildError::Unavailable { operation, text } => {
            BuildError::unavailable(operation, hide(text))
        }
        BuildError::Refused { operation, text } => BuildError::refused(operation, hide(text)),
        other => other,
    }
}

fn verdict(fault: &Fault, phase: Phase, order: &Order) -> BuildError {
    let operation = match phase {
        Phase::Fetch => Operation::Fetch,
        Phase::Build | Phase::Whole => Operation::Solve,
    };
    let text = shortened(&as_clients_write(&fault.text), MOST_BYTES);
    let lower = fault.text.to_lowercase();
    let customer = |text: String| BuildError::Customer {
        public: public_reason(&text),
        text,
    };
    match fault.code {
        None => return BuildError::unavailable(operation, format!("connection lost: {text}")),
        Some(Code::Unauthenticated | Code::Unimplemented) => {
            return BuildError::refused(operation, text);
        }
        Some(_) if has(&lower, CUSTOMERS_OWN) => return customer(text),
        // the builder is going, or gave up; nobody asked it to
        Some(Code::Unavailable | Code::Cancelled | Code::Aborted | Code::DeadlineExceeded) => {
            return BuildError::unavailable(operation, text);
        }
        Some(_) => {}
    }
    let remote = order.source.remote().to_lowercase();
    if phase == Phase::Fetch || lower.contains(&remote) && has(&lower, GIT) {
        return fetching(text, &lower, phase, order);
    }
    if lower.contains("failed to push") {
        // only what this build made is pushed: no text of the customer's is about it
        return if has(&lower, PUSH_REFUSED) {
            BuildError::refused(Operation::Push, text)
        } else {
            BuildError::unavailable(Operation::Push, text)
        };
    }
    if has(&lower, NO_BUILDER) {
        return BuildError::refused(operation, text);
    }
    if is_trouble(&lower) {
        return BuildError::unavailable(operation, text);
    }
    customer(text)
}

/// The source could not be fetched.
fn fetching(text: String, lower: &str, phase: Phase, order: &Order) -> BuildError {
    if is_trouble(lower) || has(lower, GIT_TROUBLE) {
        return BuildError::unavailable(Operation::Fetch, text);
    }
    if phase == Phase::Build {
        // it was fetched a moment ago and nobody may fetch it now
        let text = "the builder no longer has the source that it fetched";
        return BuildError::unavailable(Operation::Fetch, text);
    }
    // Git's own line, not that of what it ran in
    let line = lower.lines().position(|line| line.starts_with("fatal:"));
    let said = line.and_then(|at| text.lines().nth(at)).unwrap_or(&text);
    if has(lower, NO_COMMIT) {
        let hint =
            "The commit is no longer in the repository. Push again, or deploy another commit.";
        return BuildError::Customer {
            public: told(hint, said),
            text,
        };
    }
    if has(lower, TOKEN_REFUSED) && order.git_token.is_some() {
        // tokens end; the next attempt brings a new one
        return BuildError::unavailable(Operation::Fetch, text);
    }
    if has(lower, NOT_READABLE) {
        let hint = "The repository cannot be read. Check that it exists and that the GitHub App is installed for it.";
        return BuildError::Customer {
            public: told(hint, said),
            text,
        };
    }
    BuildError::Customer {
        public: public_reason(&text),
        text,
    }
}

fn has(lower: &str, parts: &[&str]) -> bool {
    parts.iter().any(|part| lower.contains(part))
}

/// Trouble of a network, a registry or the builder, which passes.
fn is_trouble(lower: &str) -> bool {
    has(lower, TROUBLE)
        || STATUS_BEFORE.iter().any(|before| {
            lower
                .match_indices(before)
                .any(|(at, _)| is_server_error(&lower[at + before.len()..]))
        })
}

/// Whether the text goes on with 500, 502, 503 or 504.
fn is_server_error(text: &str) -> bool {
    let digits: String = text
        .trim_start_matches([' ', ':'])
        .chars()
        .take_while(char::is_ascii_digit)
        .collect();
    matches!(digits.as_str(), "500" | "502" | "503" | "504")
}

/// Whatever else such a text holds, it is about what the customer wrote.
const CUSTOMERS_OWN: &[&str] = &[
    "did not complete successfully: exit code",
    "dockerfile parse error",
    "failed to parse dockerfile",
    "failed to find target",
    "circular dependency detected",
];
const GIT: &[&str] = &[
    "failed to fetch remote",
    "git stderr",
    "git error",
    "failed to checkout remote",
];
const STATUS_BEFORE: &[&str] = &[
    "status",
    "status code",
    "response status",
    "returned error",
    "http",
];
const TROUBLE: &[&str] = &[
    "500 internal server error",
    "502 bad gateway",
    "503 service unavailable",
    "504 gateway time",
    "429 too many requests",
    "toomanyrequests",
    "connection refused",
    "connection reset",
    "connection timed out",
    "broken pipe",
    "i/o timeout",
    "tls handshake timeout",
    "unexpected eof",
    "no route to host",
    "network is unreachable",
    "server misbehaving",
    "temporary failure in name resolution",
    "client.timeout exceeded",
    "context deadline exceeded",
    "no active session for",
    "no active sessions",
    "transport is closing",
    "error reading from server",
    "no space left on device",
    "lease does not exist",
];
const GIT_TROUBLE: &[&str] = &[
    "could not resolve host",
    "failed to connect to",
    "couldn't connect to server",
    "early eof",
    "rpc failed",
    "hung up unexpectedly",
    "unexpected disconnect",
    "operation timed out",
    "operation too slow",
    "requested url returned error: 5",
    "requested url returned error: 429",
];
const NO_COMMIT: &[&str] = &[
    "not our ref",
    "couldn't find remote ref",
    "could not find remote ref",
    "reference is not a tree",
    "unadvertised object",
    // what older BuildKits say of a commit that no branch leads to; Git's own words are in the log then
    "failed to checkout remote",
];
const TOKEN_REFUSED: &[&str] = &[
    "could not read username",
    "authentication failed",
    "returned error: 401",
];
const NOT_READABLE: &[&str] = &[
    "could not read username",
    "authentication failed",
    "not found",
    "returned error: 401",
    "returned error: 403",
    "returned error: 404",
    "access denied",
];
/// A BuildKit that cannot do what every build asks of it.
const NO_BUILDER: &[&str] = &[
    "exporter \"image\" could not be found",
    "subdir not supported yet",
];
const PUSH_REFUSED: &[&str] = &[
    "401 unauthorized",
    "403 forbidden",
    "404 not found",
    "access denied",
    "insufficient_scope",
    "authorization failed",
    "denied:",
    "no basic auth credentials",
    "413 request entity too large",
    "413 payload too large",
];

#[cfg(test)]
#[path = "verdict_tests.rs"]
mod tests;
