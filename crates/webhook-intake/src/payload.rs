//! What every payload has, and the checks of names that end up in paths, in git and in columns.

use crate::Refusal;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Digits of a commit's hash.
const SHA: usize = 40;
/// Longest name of a branch, characters: the column's.
const BRANCH: usize = 256;

#[derive(Deserialize)]
pub(crate) struct Numbered {
    pub(crate) id: i64,
}

#[derive(Deserialize)]
pub(crate) struct Repo {
    pub(crate) id: i64,
    pub(crate) full_name: String,
}

#[derive(Deserialize, Default)]
pub(crate) struct Account {
    #[serde(default)]
    pub(crate) login: String,
    #[serde(default)]
    pub(crate) avatar_url: String,
}

/// Reads a payload; the refusal says where it is wrong and nothing of what it holds.
pub(crate) fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refusal> {
    if body.starts_with(b"payload=") {
        return Err(Refusal::new(
            400,
            "The delivery is a form. Set the webhook's content type at GitHub to `application/json`.",
        ));
    }
    serde_json::from_slice(body).map_err(|error| {
        use serde_json::error::Category;
        let what = match error.classify() {
            Category::Data => "is not what GitHub sends for this event",
            _ => "is no JSON",
        };
        let (line, column) = (error.line(), error.column());
        Refusal::new(
            400,
            format!("The delivery {what} (line {line}, column {column})."),
        )
    })
}

/// The object's key.
pub(crate) fn key(installation: Option<&Numbered>, repository: &Repo) -> Result<String, Refusal> {
    let Some(installation) = installation.filter(|i| i.id > 0) else {
        return Err(Refusal::new(
            400,
            "The delivery names no installation: it must come from the GitHub App's own webhook, not from a repository's.",
        ));
    };
    if repository.id <= 0 {
        return Err(Refusal::new(400, "The repository has no number."));
    }
    name(&repository.full_name)?;
    Ok(format!("{}:{}", installation.id, repository.id))
}

/// Refuses what is no `owner/name`.
pub(crate) fn name(repository: &str) -> Result<(), Refusal> {
    github::Repository::parse(repository)
        .map(drop)
        .map_err(|bad| Refusal::new(400, bad.to_string()))
}

/// Refuses what git would take for an option, and what is no name of a branch.
pub(crate) fn branch(branch: &str) -> Result<(), Refusal> {
    let bad = branch.is_empty()
        || branch.starts_with('-')
        || branch.chars().count() > BRANCH
        || branch.chars().any(|c| c.is_control() || c == ' ');
    if bad {
        return Err(Refusal::new(
            400,
            format!(
                "The branch has no name the worker takes: it may not begin with `-`, hold blanks or control characters, or be longer than {BRANCH} characters."
            ),
        ));
    }
    Ok(())
}

/// Refuses what is no whole hash; gives it in lower case.
pub(crate) fn sha(sha: &str) -> Result<String, Refusal> {
    if sha.len() != SHA || !sha.bytes().all(|b| b.is_ascii_hexdigit()) {
        let text = format!("The commit is no hash of {SHA} hexadecimal digits.");
        return Err(Refusal::new(400, text));
    }
    Ok(sha.to_ascii_lowercase())
}

/// A hash, or nothing where there is none: GitHub writes zeros for a branch that was not there.
pub(crate) fn sha_or_none(text: &str) -> String {
    sha(text)
        .ok()
        .filter(|sha| sha.bytes().any(|b| b != b'0'))
        .unwrap_or_default()
}

/// Epoch milliseconds; 0 for a time that cannot be read.
pub(crate) fn millis(text: &str) -> i64 {
    let time = OffsetDateTime::parse(text, &Rfc3339).ok();
    let millis = time.map(|t| t.unix_timestamp_nanos() / 1_000_000);
    millis.and_then(|m| i64::try_from(m).ok()).unwrap_or(0)
}

/// First line, without what a terminal would act on.
pub(crate) fn first_line(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    line.trim_end()
        .chars()
        .filter(|c| !c.is_control())
        .collect()
}

/// Where GitHub has the picture of a login.
pub(crate) fn picture(login: &str) -> String {
    let is_login = !login.is_empty()
        && login
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "-_[]".contains(c));
    match is_login {
        true => format!("https://github.com/{login}.png"),
        false => String::new(),
    }
}
