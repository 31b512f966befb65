//! GitHub as an App sees it: short-lived tokens for one repository, commits, deployments and their statuses, commit statuses,
//! the comment on a pull request, and the signature of a webhook.
//!
//! Each call is tried once; what to do about an error is data ([`Class`]): whoever calls waits, gives up or tells the
//! customer. Not here: which deployment a push becomes, and anything of Restate.

mod call;
mod comments;
mod commits;
mod deployments;
mod error;
mod key;
mod repository;
mod signature;
mod tokens;

use std::sync::Arc;
use std::time::Duration;

pub use comments::Comment;
pub use commits::{Commit, Comparison, NoCommit, Relation};
pub use deployments::{CommitState, DeploymentState, NewCheck, NewDeployment, NewStatus};
pub use error::{Class, GitHubError, Operation};
pub use key::AppKey;
pub use repository::{BadRepository, Repository};
pub use signature::{BadSignature, verify_signature};
pub use tokens::{Permissions, Token};

/// Where GitHub's own API is.
pub const GITHUB: &str = "https://api.github.com";

/// What the client is made of.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Base of the API: [`GITHUB`], or `https://<host>/api/v3` of an enterprise server.
    pub base_url: String,
    /// The App; none: only what anybody may read of public repositories can be asked for.
    pub app: Option<AppKey>,
    /// Time of a whole call.
    pub timeout: Duration,
}

impl Settings {
    /// GitHub's own API.
    #[must_use]
    pub fn new(app: Option<AppKey>) -> Self {
        Self {
            base_url: GITHUB.to_owned(),
            app,
            timeout: Duration::from_secs(30),
        }
    }
}

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Access {
    /// Nobody in particular: public repositories, within GitHub's limit for an address.
    Public,
    /// The App as installed by a customer, by the installation's number.
    Installation(i64),
}

/// The client. Cheap to clone; all clones share connections and tokens.
#[derive(Debug, Clone)]
pub struct GitHub {
    line: call::Line,
    tokens: Arc<tokens::Tokens>,
}

impl GitHub {
    /// Connects to nothing yet.
    ///
    /// # Errors
    /// The base address is none.
    pub fn new(settings: &Settings) -> Result<Self, GitHubError> {
        let line = call::Line::new(&settings.base_url, settings.timeout)?;
        Ok(Self {
            tokens: Arc::new(tokens::Tokens::new(line.clone(), settings.app.clone())),
            line,
        })
    }

    /// Whether there is an App, so that [`Access::Installation`] can work.
    #[must_use]
    pub fn has_app(&self) -> bool {
        self.tokens.has_app()
    }

    /// A token that can do no more than `permissions` in this one repository; a kept one where it lasts for ten minutes
    /// more. For handing on to whoever fetches the repository.
    ///
    /// # Errors
    /// [`GitHubError`]; without an App [`Class::Settings`].
    pub async fn token(
        &self,
        installation: i64,
        repository: &Repository,
        permissions: Permissions,
    ) -> Result<Token, GitHubError> {
        self.tokens.get(installation, repository, permissions).await
    }

    async fn bearer(
        &self,
        access: Access,
        repository: &Repository,
        permissions: Permissions,
    ) -> Result<Option<Token>, GitHubError> {
        match access {
            Access::Public => Ok(None),
            Access::Installation(id) => self.token(id, repository, permissions).await.map(Some),
        }
    }
}
