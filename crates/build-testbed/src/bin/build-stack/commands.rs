//! Commands on the input, one JSON object a line, and what each answers.
//!
//! | command | answer |
//! |---|---|
//! | `{"create_repo":"acme/shop","files":{"Dockerfile":"FROM scratch\n"},"busybox":true}` | `{"sha":"…"}` |
//! | `{"commit":"acme/shop","branch":"main","message":"More","files":{}}` | `{"sha":"…"}` |
//! | `{"fork":"acme/shop","to":"mallory/shop"}`, `{"publish":"acme/open"}` | `{"done":true}` |
//! | `{"manifest":"127.0.0.1:5000/apps:tag"}`, `{"config":"…"}` | `{"manifest":{}}`, `{"config":{}}`, null where there is none |
//! | `{"fetches":"acme/shop"}` | `{"fetches":2,"tokens":["…"]}` |
//! | `{"builds":true}` | `{"builds":[{"id":"…","finishes":["success"],"machines":1,"health_reports":3}]}` |
//! | `{"github":true}` | `{"deployments":[],"statuses":[],"comments":[]}` |
//!
//! `busybox` adds a static shell of that name to the files. GitHub knows every commit that is made here.

use build_testbed::Finish;
use serde_json::{Value, json};

use crate::Stack;

/// Does what the line says.
pub(crate) async fn obey(stack: &Stack, line: &str) -> Result<Value, String> {
    let command: Value = serde_json::from_str(line).map_err(|e| format!("no command: {e}"))?;
    let word = |name: &str| command[name].as_str();
    let done = json!({ "done": true });
    if let Some(repository) = word("create_repo") {
        let repository = known(repository)?;
        if stack.git().head(repository, "main").await.is_some() {
            return Err(format!("{repository} is there already"));
        }
        let files = files(&command);
        let sha = stack.git().create_repo(repository, &files).await;
        stack
            .github
            .add_commit(repository, "main", &sha, "First commit");
        return Ok(json!({ "sha": sha }));
    }
    if let Some(repository) = word("commit") {
        let repository = there(stack, repository).await?;
        let branch = word("branch").unwrap_or("main");
        let message = word("message").unwrap_or("Another commit");
        let files = files(&command);
        let git = stack.git();
        let sha = git.commit_on(repository, branch, &files, message).await;
        stack.github.add_commit(repository, branch, &sha, message);
        return Ok(json!({ "sha": sha }));
    }
    if let Some(repository) = word("fork") {
        let repository = there(stack, repository).await?;
        let copy = known(word("to").unwrap_or_default())?;
        stack.git().fork(repository, copy).await;
        return Ok(done);
    }
    if let Some(repository) = word("publish") {
        let repository = there(stack, repository).await?;
        stack.git().publish(repository);
        stack.github.add_repository(repository, true);
        return Ok(done);
    }
    if let Some(repository) = word("fetches") {
        let (git, tokens) = (stack.git(), stack.git().tokens(repository));
        return Ok(json!({ "fetches": git.fetches(repository), "tokens": tokens }));
    }
    if let Some(image) = word("manifest") {
        let registry = stack.registry().ok_or("nothing is pushed here")?;
        return Ok(json!({ "manifest": registry.manifest(ours(registry, image)?).await }));
    }
    if let Some(image) = word("config") {
        let registry = stack.registry().ok_or("nothing is pushed here")?;
        return Ok(json!({ "config": registry.config(ours(registry, image)?).await }));
    }
    if command["builds"] == true {
        return Ok(json!({ "builds": builds(stack) }));
    }
    if command["github"] == true {
        return Ok(json!({
            "deployments": stack.github.deployments(),
            "statuses": stack.github.statuses(),
            "comments": stack.github.comments(),
        }));
    }
    Err(format!("no command {line:?}"))
}

fn builds(stack: &Stack) -> Vec<Value> {
    let builds = stack.depot.builds().into_iter();
    let ends = |finish: &Finish| match finish {
        Finish::Success => "success".to_owned(),
        Finish::Failed(reason) => format!("failed: {reason}"),
        Finish::Canceled => "canceled".to_owned(),
    };
    builds
        .map(|build| {
            let finishes: Vec<String> = build.finishes.iter().map(ends).collect();
            json!({
                "id": build.id, "project": build.project, "finishes": finishes,
                "machines": build.machines, "health_reports": build.health_reports,
            })
        })
        .collect()
}

/// What can be the name of a repository, and of a folder that is ours.
fn known(repository: &str) -> Result<&str, String> {
    let plain = |part: &str| {
        !part.is_empty()
            && !part.starts_with('.')
            && part
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
    };
    match repository.split_once('/') {
        Some((owner, name)) if plain(owner) && plain(name) => Ok(repository),
        _ => Err(format!("{repository:?} is no owner/name")),
    }
}

async fn there<'a>(stack: &Stack, repository: &'a str) -> Result<&'a str, String> {
    let head = stack.git().head(known(repository)?, "main").await;
    head.map(|_| repository)
        .ok_or_else(|| format!("no repository {repository}"))
}

fn ours<'a>(registry: &build_testbed::Registry, image: &'a str) -> Result<&'a str, String> {
    let host = format!("{}/", registry.addr);
    let fits = image.starts_with(&host);
    fits.then_some(image)
        .ok_or_else(|| format!("{image} is not at {host}"))
}

fn files(command: &Value) -> Vec<(&str, Vec<u8>)> {
    let given = command["files"].as_object().into_iter().flatten();
    let mut files: Vec<(&str, Vec<u8>)> = given
        .map(|(path, text)| (path.as_str(), text.as_str().unwrap_or_default().into()))
        .collect();
    if command["busybox"] == true {
        files.push(("busybox", build_testbed::busybox()));
    }
    files
}
