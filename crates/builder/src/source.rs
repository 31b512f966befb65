//! What an image is built from: a commit of a repository, a folder of it, a Dockerfile in that.
//!
//! Everything here ends in one address that BuildKit takes apart again, so a character with a meaning there changes what
//! is fetched: only what is known to have none gets through.

use url::Url;

/// Longest name or path, bytes.
const LONGEST: usize = 512;
/// The Dockerfile where none is named.
const DOCKERFILE: &str = "Dockerfile";

/// A source that cannot be built from. The text tells the customer what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadSource {
    /// Where repositories are is no plain address; the operator's setting.
    #[error(
        "the address of the Git server, {0:?}, is not http(s)://host without login, query or fragment"
    )]
    Server(String),
    /// Not `owner/name`.
    #[error(
        "the repository {0:?} is not of the form owner/name with letters, digits, '.', '_' and '-'; connect it again"
    )]
    Repository(String),
    /// Not a full commit hash.
    #[error(
        "{0:?} is not a commit: the full hash of 40 hexadecimal digits is needed, branches and tags can move"
    )]
    Commit(String),
    /// A path with a character that has a meaning of its own.
    #[error(
        "the {what} {path:?} has a part that cannot be used: name folders and files with letters, digits, '.', '_', '-', \
         '@' and '+', none beginning with '-'"
    )]
    Path {
        /// `root directory` or `Dockerfile path`.
        what: &'static str,
        /// As given.
        path: String,
    },
    /// A path that leaves the repository.
    #[error("the {what} {path:?} leaves the repository: remove the '..' from it")]
    Outside {
        /// `root directory` or `Dockerfile path`.
        what: &'static str,
        /// As given.
        path: String,
    },
}

/// A commit of a repository, a folder of it, and a Dockerfile in that; checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// `https://host[:port]/path`, without an ending slash.
    server: String,
    host: String,
    repository: String,
    sha: String,
    /// Without slashes at its ends; empty: all of the repository.
    context: String,
    dockerfile: String,
}

impl Source {
    /// Checks and takes over: the Git server's address (`https://github.com`), `owner/name`, a full commit hash, a folder
    /// (empty, `.` or `/`: the whole repository), the Dockerfile in that folder (empty: `Dockerfile`).
    ///
    /// # Errors
    /// What is wrong, in words for the customer.
    pub fn new(
        git_url: &str,
        repository: &str,
        sha: &str,
        context: &str,
        dockerfile: &str,
    ) -> Result<Self, BadSource> {
        let (server, host) = server(git_url)?;
        let repository = repository.trim();
        check_repository(repository)?;
        let sha = sha.trim().to_ascii_lowercase();
        if sha.len() != 40 || !sha.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(BadSource::Commit(shown(&sha)));
        }
        let context = path("root directory", context)?;
        let dockerfile = match path("Dockerfile path", dockerfile)? {
            none if none.is_empty() => DOCKERFILE.to_owned(),
            path => path,
        };
        Ok(Self {
            server,
            host,
            repository: repository.to_owned(),
            sha,
            context,
            dockerfile,
        })
    }

    /// What BuildKit takes as context: `<server>/<owner>/<name>.git#<sha>[:<folder>]`.
    #[must_use]
    pub fn context_url(&self) -> String {
        format!("{}#{}", self.remote(), self.fragment())
    }

    /// The Dockerfile, relative to the folder.
    #[must_use]
    pub fn dockerfile(&self) -> &str {
        &self.dockerfile
    }

    /// The Git server's host, with the port where the address has one.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The commit.
    #[must_use]
    pub fn sha(&self) -> &str {
        &self.sha
    }

    /// What is cloned: `<server>/<owner>/<name>.git`.
    pub(crate) fn remote(&self) -> String {
        format!("{}/{}.git", self.server, self.repository)
    }

    /// `<sha>[:<folder>]`
    pub(crate) fn fragment(&self) -> String {
        if self.context.is_empty() {
            self.sha.clone()
        } else {
            format!("{}:{}", self.sha, self.context)
        }
    }
}

fn server(git_url: &str) -> Result<(String, String), BadSource> {
    let bad = || BadSource::Server(shown(git_url));
    let text = git_url.trim_end_matches('/');
    // a parser forgives much and rewrites it; here is only what it leaves as it is
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"._-:/[]".contains(&b);
    if !text.bytes().all(plain) || text.contains("..") {
        return Err(bad());
    }
    let url = Url::parse(text).map_err(|_| bad())?;
    let plain = matches!(url.scheme(), "http" | "https")
        && url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none();
    let host = url.host_str().filter(|h| !h.is_empty()).ok_or_else(bad)?;
    let segments = url.path().trim_matches('/').split('/');
    let plain_path = url.path() == "/" || segments.into_iter().all(is_name);
    if !plain || !plain_path {
        return Err(bad());
    }
    let host = match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    };
    let path = url.path().trim_end_matches('/');
    Ok((format!("{}://{host}{path}", url.scheme()), host))
}

fn check_repository(repository: &str) -> Result<(), BadSource> {
    let bad = || BadSource::Repository(shown(repository));
    let (owner, name) = repository.split_once('/').ok_or_else(bad)?;
    // GitHub gives no repository this ending: it is the address' own
    let good = [owner, name].into_iter().all(is_name) && !name.ends_with(".git");
    if good { Ok(()) } else { Err(bad()) }
}

fn path(what: &'static str, given: &str) -> Result<String, BadSource> {
    let text = given.trim();
    let parts = || text.split('/').filter(|part| !matches!(*part, "" | "."));
    let path = || shown(given);
    if parts().any(|part| part == "..") {
        return Err(BadSource::Outside { what, path: path() });
    }
    if text.len() > LONGEST || !parts().all(is_part) {
        return Err(BadSource::Path { what, path: path() });
    }
    Ok(parts().collect::<Vec<_>>().join("/"))
}

fn is_name(text: &str) -> bool {
    is_part(text) && text.bytes().all(|b| !matches!(b, b'@' | b'+'))
}

fn is_part(text: &str) -> bool {
    let allowed =
        |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-' | b'@' | b'+');
    !text.is_empty()
        && text.len() <= LONGEST
        && !matches!(text, "." | "..")
        && !text.starts_with('-')
        && text.bytes().all(allowed)
}

/// As much of it as an error may carry.
fn shown(text: &str) -> String {
    const MOST: usize = 100;
    if text.chars().count() <= MOST {
        return text.to_owned();
    }
    text.chars().take(MOST).chain(['…']).collect()
}

#[cfg(test)]
#[path = "source_tests.rs"]
mod tests;
