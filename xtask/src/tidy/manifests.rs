//! What `deploy/` would be deployed with: judged by crate `manifests` against vendored schemas and by what must fit, and
//! every configuration of the worker in it run through `worker check-config --strict`.
//!
//! The rules, each with a planted mistake, are in that crate: a YAML reader and schemas are more than xtask is to be built
//! of. Not for alerts and dashboards.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::image::workspace_version;
use crate::run::{Because, Failure, Result, cargo, check as run, output, target_dir};
use crate::setup::RESTATE_VERSION;

/// Values of variables that are not free text.
const VALUES: &[(&str, &str)] = &[
    ("GITHUB_APP_ID", "1"),
    (
        "GITHUB_PRIVATE_KEY",
        "-----BEGIN RSA PRIVATE KEY-----\nnone\n-----END RSA PRIVATE KEY-----",
    ),
    ("RESTATE_IDENTITY_KEY", "publickeyv1_none"),
];

/// Everything that is wrong.
pub(crate) fn check() -> Result<Vec<String>> {
    // one at a time: together they would be built with other features of what both use
    for package in ["manifests", "worker"] {
        run(&mut cargo(&["build", "--quiet", "--package", package]))?;
    }
    let programs = target_dir()?.join("debug");
    let mut manifests = Command::new(programs.join("manifests"));
    manifests.args([
        "--worker",
        &workspace_version()?,
        "--restate",
        RESTATE_VERSION,
    ]);
    let found: Value = serde_json::from_str(&output(&mut manifests)?).because("manifests")?;
    let list = |name: &str| found[name].as_array().map_or(&[][..], Vec::as_slice);
    let problems = list("problems").iter().filter_map(Value::as_str);
    let mut wrong: Vec<String> = problems.map(|p| format!("deploy/{p}")).collect();
    let dir = target_dir()?.join("manifests");
    std::fs::create_dir_all(&dir).because(dir.display())?;
    for (number, config) in list("configurations").iter().enumerate() {
        let file = dir.join(format!("{number}.toml"));
        let text = config["text"].as_str().unwrap_or_default();
        let place = config["place"].as_str().unwrap_or_default();
        if let Err(error) = checked(&programs, &file, text, &config["variables"])? {
            wrong.push(format!("deploy/{place}: the worker refuses it: {error}"));
        }
        // a check that lets a misspelt key pass is none
        let misspelt = format!("{text}\n[no_such_section]\nkey = 1\n");
        if checked(&programs, &file, &misspelt, &config["variables"])?.is_ok() {
            wrong.push(format!(
                "deploy/{place}: check-config --strict does not see an unknown key"
            ));
        }
    }
    if list("configurations").is_empty() {
        wrong.push("deploy/ holds no configuration of the worker".to_owned());
    }
    Ok(wrong)
}

/// What the worker says of a configuration.
fn checked(
    programs: &Path,
    file: &Path,
    text: &str,
    variables: &Value,
) -> Result<std::result::Result<(), Failure>> {
    std::fs::write(file, text).because(file.display())?;
    let mut worker = Command::new(programs.join("worker"));
    worker
        .args(["check-config", "--strict", "--config"])
        .arg(file);
    for name in variables
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
    {
        let given = VALUES.iter().find(|(known, _)| *known == name);
        worker.env(name, given.map_or("value", |(_, value)| value));
    }
    Ok(output(&mut worker).map(drop))
}
