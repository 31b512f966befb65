//! Tokens of installations: for one repository, with no more rights than asked for, kept until shortly before their end.
//! Whoever asks while one is being fetched waits for it.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use serde_json::json;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::call::{Ask, Line, now_ms};
use crate::{AppKey, GitHubError, Operation, Repository};

/// A token that lasts less than this, ms, is not handed out: what begins with it must be able to end with it.
const LEAST_LEFT: i64 = 10 * 60 * 1_000;
/// Most tokens kept.
const KEPT: usize = 10_000;

/// What a token may do; GitHub's names of permissions, each `read` or `write`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize)]
pub struct Permissions {
    /// Files and commits.
    #[serde(skip_serializing_if = "Option::is_none")]
    contents: Option<&'static str>,
    /// Deployments and their statuses.
    #[serde(skip_serializing_if = "Option::is_none")]
    deployments: Option<&'static str>,
    /// Statuses of commits.
    #[serde(skip_serializing_if = "Option::is_none")]
    statuses: Option<&'static str>,
    /// Pull requests and the comments on them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pull_requests: Option<&'static str>,
}

impl Permissions {
    /// Reading files and commits: enough to fetch and to look.
    pub const READ: Self = Self {
        contents: Some("read"),
        deployments: None,
        statuses: None,
        pull_requests: None,
    };
    /// Telling of a deployment.
    pub const DEPLOYMENTS: Self = Self {
        contents: None,
        deployments: Some("write"),
        statuses: None,
        pull_requests: None,
    };
    /// Telling of a commit.
    pub const STATUSES: Self = Self {
        contents: None,
        deployments: None,
        statuses: Some("write"),
        pull_requests: None,
    };
    /// Finding a pull request and writing a comment on it.
    pub const PULL_REQUESTS: Self = Self {
        contents: None,
        deployments: None,
        statuses: None,
        pull_requests: Some("write"),
    };
}

/// A token. Never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    secret: Arc<str>,
    /// Epoch milliseconds.
    ends_at: i64,
}

impl Token {
    /// The token itself, for a header or a secret of one fetch.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.secret
    }

    /// When it ends, epoch milliseconds.
    #[must_use]
    pub fn ends_at(&self) -> i64 {
        self.ends_at
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token")
            .field("ends_at", &self.ends_at)
            .finish_non_exhaustive()
    }
}

/// What tells tokens apart.
type Name = (i64, Repository, Permissions);
/// A token that is fetched by one at a time.
type Slot = Arc<tokio::sync::Mutex<Option<Token>>>;

#[derive(Debug)]
pub(crate) struct Tokens {
    line: Line,
    app: Option<AppKey>,
    slots: Mutex<HashMap<Name, Slot>>,
}

impl Tokens {
    pub(crate) fn new(line: Line, app: Option<AppKey>) -> Self {
        Self {
            line,
            app,
            slots: Mutex::default(),
        }
    }

    pub(crate) fn has_app(&self) -> bool {
        self.app.is_some()
    }

    pub(crate) async fn get(
        &self,
        installation: i64,
        repository: &Repository,
        permissions: Permissions,
    ) -> Result<Token, GitHubError> {
        let slot = self.slot((installation, repository.clone(), permissions));
        let mut kept = slot.lock().await;
        if let Some(token) = kept.as_ref()
            && token.ends_at - now_ms() > LEAST_LEFT
        {
            return Ok(token.clone());
        }
        let token = self.fetch(installation, repository, permissions).await?;
        *kept = Some(token.clone());
        Ok(token)
    }

    fn slot(&self, name: Name) -> Slot {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        if slots.len() >= KEPT && !slots.contains_key(&name) {
            // who holds one goes on with it; the others are fetched anew
            slots.clear();
        }
        slots.entry(name).or_default().clone()
    }

    async fn fetch(
        &self,
        installation: i64,
        repository: &Repository,
        permissions: Permissions,
    ) -> Result<Token, GitHubError> {
        #[derive(Deserialize)]
        struct Made {
            token: String,
            expires_at: String,
        }
        let settings = |why| GitHubError::Settings {
            operation: Operation::Token,
            why,
        };
        let app = self.app.as_ref().ok_or_else(|| {
            settings(
                "no GitHub App is configured; set `github.app_id` and `github.private_key_pem`",
            )
        })?;
        if installation <= 0 {
            return Err(settings("the installation's number must be above zero"));
        }
        let proof = app.proof(now_ms() / 1_000)?;
        let installation = installation.to_string();
        let path = ["app", "installations", &installation, "access_tokens"];
        let ask = Ask {
            bearer: Some(&proof),
            ..Ask::post(Operation::Token, &path, None)
        };
        let wanted = json!({ "repositories": [repository.name()], "permissions": permissions });
        let made: Made = self.line.send(ask, Some(&wanted)).await?;
        let ends = OffsetDateTime::parse(&made.expires_at, &Rfc3339);
        let ends = ends.map_err(|_| GitHubError::Unreadable {
            operation: Operation::Token,
            why: "has an end that is no time".to_owned(),
        })?;
        Ok(Token {
            secret: made.token.into(),
            ends_at: ends.unix_timestamp().saturating_mul(1_000),
        })
    }
}
