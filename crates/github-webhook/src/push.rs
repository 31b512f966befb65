//! A push as the service works with it: checked, so that nothing of it is taken for an option or a path. Pure; no I/O.

use durable::{Fault, codes};
use github::Repository;
use messages::hydra::v1::HandlePushRequest;

/// Digits of a commit's hash.
const SHA: usize = 40;
/// Longest name of a branch, characters: the column's.
const BRANCH: usize = 256;

/// A push, or a fork's pull request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Push {
    pub(crate) installation: i64,
    pub(crate) repository_id: i64,
    pub(crate) repository: Repository,
    pub(crate) branch: String,
    /// The branch's commit.
    pub(crate) sha: String,
    /// The one before; empty where there was none or nobody knows.
    pub(crate) before: String,
    pub(crate) message: String,
    pub(crate) author_handle: String,
    pub(crate) author_avatar_url: String,
    /// Epoch ms; 0: unknown.
    pub(crate) timestamp: i64,
    /// GitHub's id of the delivery, or one of our own.
    pub(crate) delivery: String,
    pub(crate) files: Vec<String>,
    pub(crate) files_complete: bool,
    /// 0: none.
    pub(crate) pull: i64,
    /// `owner/name` of the fork the commit comes from.
    pub(crate) fork: Option<String>,
}

fn bad(text: impl Into<String>) -> Fault {
    Fault {
        code: codes::INVALID_REQUEST,
        text: text.into(),
    }
}

/// Reads a request. `nonce` stands for a delivery without an id.
pub(crate) fn read(req: HandlePushRequest, nonce: &str) -> Result<Push, Fault> {
    let repository = repository(&req.repository_full_name)?;
    branch(&req.branch)?;
    let is_fork = req.is_fork_pr || !req.fork_repository_full_name.is_empty();
    let fork = match is_fork {
        false => None,
        true if req.pr_number <= 0 => {
            return Err(bad(
                "A fork's push has no number of a pull request; it cannot be approved.",
            ));
        }
        // Taken for the repository's own it would be built with its token.
        true => Some(self::repository(&req.fork_repository_full_name)?.to_string()),
    };
    let sha = sha(&req.after).ok_or_else(|| {
        bad("The commit of the push is no hash: 40 hexadecimal digits are expected.")
    })?;
    let zeros = |sha: &String| sha.bytes().all(|b| b == b'0');
    if zeros(&sha) {
        return Err(bad("The branch was deleted: there is no commit to deploy."));
    }
    Ok(Push {
        installation: req.installation_id,
        repository_id: req.repository_id,
        repository,
        branch: req.branch,
        sha,
        before: self::sha(&req.before)
            .filter(|sha| !zeros(sha))
            .unwrap_or_default(),
        message: req.commit_message,
        author_handle: req.commit_author_handle,
        author_avatar_url: req.commit_author_avatar_url,
        timestamp: req.commit_timestamp,
        delivery: match req.delivery_id.is_empty() {
            true => nonce.to_owned(),
            false => req.delivery_id,
        },
        files_complete: !req.changed_files_incomplete && !req.changed_files.is_empty(),
        files: req.changed_files,
        pull: req.pr_number.max(0),
        fork,
    })
}

/// The repository a text names.
pub(crate) fn repository(name: &str) -> Result<Repository, Fault> {
    Repository::parse(name).map_err(|error| bad(error.to_string()))
}

/// Refuses what git would take for an option, and what is no name of a branch.
pub(crate) fn branch(branch: &str) -> Result<(), Fault> {
    let refused = branch.is_empty()
        || branch.starts_with('-')
        || branch.chars().count() > BRANCH
        || branch.chars().any(char::is_control);
    match refused {
        false => Ok(()),
        true => Err(bad(format!(
            "The branch has no name the worker takes: it may not be empty, begin with `-`, hold control characters or be longer than {BRANCH} characters."
        ))),
    }
}

fn sha(text: &str) -> Option<String> {
    let whole = text.len() == SHA && text.bytes().all(|b| b.is_ascii_hexdigit());
    whole.then(|| text.to_ascii_lowercase())
}

#[cfg(test)]
pub(crate) mod samples {
    use super::*;

    /// Forty times this digit.
    pub(crate) fn sha(digit: char) -> String {
        std::iter::repeat_n(digit, SHA).collect()
    }

    /// A push to `feature`.
    pub(crate) fn request() -> HandlePushRequest {
        HandlePushRequest {
            installation_id: 1,
            repository_id: 2,
            repository_full_name: "acme/shop".into(),
            branch: "feature".into(),
            after: sha('a'),
            ..HandlePushRequest::default()
        }
    }

    /// The same, read.
    pub(crate) fn push() -> Push {
        read(request(), "n").expect("a push")
    }
}

#[cfg(test)]
mod tests {
    use super::samples::{request, sha};
    use super::*;

    #[test]
    fn what_is_no_push_is_refused() {
        let with = |change: &dyn Fn(&mut HandlePushRequest)| {
            let mut request = request();
            change(&mut request);
            read(request, "n")
        };
        for refused in [
            with(&|r| r.branch = String::new()),
            with(&|r| r.branch = "--upload-pack=x".into()),
            with(&|r| r.branch = "a\nb".into()),
            with(&|r| r.branch = "x".repeat(257)),
            with(&|r| r.after = String::new()),
            with(&|r| r.after = sha('0')),
            with(&|r| r.after = "main".into()),
            with(&|r| r.repository_full_name = "shop".into()),
            with(&|r| r.repository_full_name = "acme/../x".into()),
            with(&|r| r.is_fork_pr = true),
            with(&|r| (r.is_fork_pr, r.pr_number) = (true, 7)),
            with(&|r| r.fork_repository_full_name = "octo/shop".into()),
        ] {
            assert_eq!(
                refused.map_err(|fault| fault.code),
                Err(codes::INVALID_REQUEST)
            );
        }
    }

    #[test]
    fn a_push_is_read_and_a_list_of_files_believed_only_where_it_is_whole() {
        let push = read(request(), "n").expect("a push");
        assert_eq!((push.delivery.as_str(), push.fork.as_ref()), ("n", None));
        assert!(!push.files_complete, "no list");
        let mut whole = request();
        whole.changed_files = vec!["a".into()];
        whole.delivery_id = "d".into();
        whole.before = sha('0');
        whole.after = sha('A');
        let push = read(whole.clone(), "n").expect("a push");
        assert!(push.files_complete);
        assert_eq!(
            (push.delivery, push.before, push.sha),
            ("d".to_owned(), String::new(), sha('a'))
        );
        whole.changed_files_incomplete = true;
        assert!(!read(whole, "n").expect("a push").files_complete);
        let mut fork = request();
        // the flag is lost, the name is not
        (fork.pr_number, fork.fork_repository_full_name) = (7, "octo/shop".into());
        let fork = read(fork, "n").expect("a push");
        assert_eq!(fork.fork.as_deref(), Some("octo/shop"));
    }
}
