//! What a person may say of source code: a repository, a branch or commit, paths in it. What could never be built, or
//! would mean something else to Git than it looks like, is refused here, in words. Pure.

/// What to build.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reference {
    /// The head of a branch, looked up when the build begins.
    Branch(String),
    /// A commit, 40 hexadecimal digits.
    Commit(String),
}

/// Longest name of a branch that the database keeps, in bytes.
const LONGEST_BRANCH: usize = 256;
/// Longest path the database keeps, in bytes.
const LONGEST_PATH: usize = 500;

impl Reference {
    /// Reads `main`, `refs/heads/main` or a commit's full hash.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let hexadecimal = !text.is_empty() && text.bytes().all(|b| b.is_ascii_hexdigit());
        if hexadecimal && text.len() == 40 {
            return Ok(Self::Commit(text.to_ascii_lowercase()));
        }
        if hexadecimal && (7..40).contains(&text.len()) {
            return Err(format!(
                "`{text}` looks like a part of a commit's hash: give all 40 digits, or refs/heads/{text} for a branch of that name"
            ));
        }
        if let Some(branch) = text.strip_prefix("refs/heads/") {
            return branch_name(branch).map(Self::Branch);
        }
        if text.starts_with("refs/") {
            return Err(
                "only branches and commits are deployed: of a tag or pull request, give its commit"
                    .to_owned(),
            );
        }
        branch_name(text).map(Self::Branch)
    }
}

/// A branch by the rules of git-check-ref-format.
pub(crate) fn branch_name(text: &str) -> Result<String, String> {
    let why = if text.is_empty() {
        "is empty"
    } else if text.len() > LONGEST_BRANCH {
        "is longer than 256 bytes"
    } else if text.starts_with('-') {
        "begins with a dash"
    } else if text.contains(|c: char| c.is_control() || " ~^:?*[\\".contains(c)) {
        "has a character that no branch has"
    } else if text.contains("..") || text.contains("@{") || text == "@" {
        "is an expression, not a branch"
    } else if text.ends_with('.')
        || text
            .split('/')
            .any(|part| part.is_empty() || part.starts_with('.') || part.ends_with(".lock"))
    {
        "has a part that no branch has"
    } else {
        return Ok(text.to_owned());
    };
    Err(format!("`{}` {why}", text.escape_debug()))
}

/// `owner/name` as GitHub allows it.
pub(crate) fn repository(text: &str) -> Result<String, String> {
    let bare = text
        .strip_prefix("https://github.com/")
        .unwrap_or(text)
        .trim_end_matches(".git");
    let good = |part: &str| {
        !part.is_empty()
            && part.len() <= 100
            && part != "."
            && part != ".."
            && !part.starts_with('-')
            && part
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
    };
    match bare.split_once('/') {
        Some((owner, name)) if good(owner) && good(name) => Ok(bare.to_owned()),
        _ => Err(format!(
            "`{}` is no repository: give owner/name",
            text.escape_debug()
        )),
    }
}

/// A path in a repository: not absolute but for one slash that means its root, and not out of it.
pub(crate) fn path(text: &str) -> Result<String, String> {
    let bare = text.trim();
    let bare = bare.strip_prefix('/').unwrap_or(bare);
    let why = if bare.len() > LONGEST_PATH {
        "is longer than 500 bytes"
    } else if bare.contains(|c: char| c.is_control()) {
        "has a line break or another control character"
    } else if bare.starts_with('/') || bare.split('/').any(|part| part == "..") {
        "leaves the repository"
    } else if bare.starts_with('-') {
        "begins with a dash"
    } else if bare.contains(['#', ':', '\\', '?']) {
        "has one of # : \\ ? in it, which a builder reads as something else"
    } else {
        return Ok(bare.trim_end_matches('/').to_owned());
    };
    Err(format!("`{}` {why}", text.escape_debug()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn branches_and_commits_are_told_apart() {
        let sha = "0123456789abcdef0123456789ABCDEF01234567";
        assert_eq!(
            Reference::parse(sha),
            Ok(Reference::Commit(sha.to_ascii_lowercase()))
        );
        for (text, branch) in [
            ("main", "main"),
            ("feat/a_b-1.2", "feat/a_b-1.2"),
            ("refs/heads/deadbeef", "deadbeef"),
            ("fade", "fade"),
            ("größe", "größe"),
        ] {
            assert_eq!(
                Reference::parse(text),
                Ok(Reference::Branch(branch.to_owned())),
                "{text}"
            );
        }
    }

    #[test]
    fn what_looks_like_an_option_or_an_expression_is_refused_in_words() {
        for (text, why) in [
            ("", "empty"),
            ("--upload-pack=x", "dash"),
            ("refs/heads/-x", "dash"),
            ("deadbeef", "all 40 digits"),
            ("refs/tags/v1", "its commit"),
            ("refs/pull/7/head", "its commit"),
            ("a b", "character"),
            ("a\nb", "character"),
            ("main~1", "character"),
            ("a..b", "expression"),
            ("@", "expression"),
            ("a//b", "part"),
            ("a.lock", "part"),
            (".a", "part"),
            ("/a", "part"),
        ] {
            let error = Reference::parse(text).expect_err(text);
            assert!(error.contains(why), "{text:?}: {error}");
            assert!(!error.contains('\n'), "{error:?}");
        }
        assert!(Reference::parse(&"x".repeat(257)).is_err());
    }

    #[test]
    fn repositories_are_owner_and_name() {
        assert_eq!(repository("acme/shop.js"), Ok("acme/shop.js".to_owned()));
        assert_eq!(
            repository("https://github.com/acme/shop.git"),
            Ok("acme/shop".to_owned())
        );
        for text in [
            "shop",
            "acme/",
            "/shop",
            "acme/shop/x",
            "acme/..",
            "-o/x",
            "acme/sh op",
            "acme/x#y",
            "git@h:a/b",
        ] {
            assert!(repository(text).is_err(), "{text}");
        }
    }

    #[test]
    fn paths_stay_in_the_repository() {
        for (text, kept) in [
            ("", ""),
            (".", "."),
            ("/", ""),
            ("/services/api/", "services/api"),
            (" docker/Dockerfile.prod ", "docker/Dockerfile.prod"),
            ("..a/b", "..a/b"),
        ] {
            assert_eq!(path(text), Ok(kept.to_owned()), "{text:?}");
        }
        for text in ["../x", "a/../../b", "//etc", "-f", "a#b", "a\nb", "a:b"] {
            assert!(path(text).is_err(), "{text:?}");
        }
    }
}
