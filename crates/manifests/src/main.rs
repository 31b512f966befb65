//! `manifests --worker <version> --restate <version>`: judges what `deploy/` would be deployed with, without a cluster.
//!
//! Prints one JSON object: `problems`, and `configurations` of the worker for `cargo xtask tidy` to run the worker on, which
//! starts this program. Schemas are vendored; nothing is fetched. A program of its own because xtask stays free of a YAML
//! reader and a schema compiler. Not for alerts and dashboards.

mod compose;
mod configuration;
mod documents;
mod pods;
mod schemas;
mod sets;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde_json::{Value, json};

use crate::configuration::Configuration;
use crate::documents::Document;
use crate::pods::Versions;
use crate::schemas::Schemas;

const COMPOSE: &str = "compose.yaml";
const COMPOSE_CONFIG: &str = "compose/worker.toml";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let ["--worker", worker, "--restate", restate] = words[..] else {
        eprintln!("manifests --worker <version> --restate <version>");
        return ExitCode::from(2);
    };
    let versions = Versions {
        worker: worker.to_owned(),
        restate: restate.to_owned(),
    };
    match Files::of_repository().and_then(|files| judge(&files, &versions)) {
        Ok(found) => {
            println!("{found}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("manifests: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Texts below `deploy/` by their path there.
#[derive(Debug, Clone)]
struct Files(BTreeMap<String, String>);

impl Files {
    fn of_repository() -> Result<Self, String> {
        let deploy = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy");
        let mut found = BTreeMap::new();
        for part in ["kubernetes", "kubernetes/without-operator", "compose", ""] {
            let folder = deploy.join(part);
            let entries =
                std::fs::read_dir(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
            for entry in entries {
                let path: PathBuf = entry.map_err(|e| e.to_string())?.path();
                if !path.is_file() {
                    continue;
                }
                let name = path
                    .file_name()
                    .unwrap_or_default()
                    .to_string_lossy()
                    .into_owned();
                let name = if part.is_empty() {
                    name
                } else {
                    format!("{part}/{name}")
                };
                let text = std::fs::read_to_string(&path).map_err(|e| format!("{name}: {e}"))?;
                found.insert(name, text);
            }
        }
        Ok(Self(found))
    }

    fn text(&self, name: &str) -> Result<&str, String> {
        self.0
            .get(name)
            .map(String::as_str)
            .ok_or_else(|| format!("deploy/{name} is missing"))
    }
}

/// Everything that is wrong, and the worker's configurations.
fn judge(files: &Files, versions: &Versions) -> Result<Value, String> {
    let schemas = Schemas::new()?;
    let mut problems = Vec::new();
    let mut documents: BTreeMap<&str, Vec<Document>> = BTreeMap::new();
    for (name, text) in files
        .0
        .iter()
        .filter(|(name, _)| name.starts_with("kubernetes/"))
    {
        match Document::all(name, text) {
            Ok(found) => drop(documents.insert(name, found)),
            Err(error) => problems.push(error),
        }
        if !sets::SETS
            .iter()
            .any(|(_, set)| set.contains(&name.as_str()))
        {
            problems.push(format!(
                "{name}: nobody applies it: add it to a set in crates/manifests/src/sets.rs"
            ));
        }
    }
    for document in documents.values().flatten() {
        problems.extend(schemas.kubernetes(document));
        problems.extend(pods::check(document, versions));
    }
    for (name, set) in sets::SETS {
        let of_set = set.iter().filter_map(|file| documents.get(file)).flatten();
        let of_set: Vec<Document> = of_set.cloned().collect();
        problems.extend(sets::check(name, &of_set, versions));
    }
    let all: Vec<Document> = documents.into_values().flatten().collect();
    let mut configurations: Vec<Configuration> = sets::configurations(&all, &mut Vec::new())
        .into_iter()
        .map(|(_, config)| config)
        .collect();
    for config in &configurations {
        problems.extend(config.problems());
    }
    match Configuration::new(COMPOSE_CONFIG.to_owned(), files.text(COMPOSE_CONFIG)?) {
        Ok(config) => {
            match Document::all(COMPOSE, files.text(COMPOSE)?) {
                Ok(found) => {
                    for document in &found {
                        problems.extend(schemas.compose(document));
                        problems.extend(compose::check(document, &config, versions));
                    }
                }
                Err(error) => problems.push(error),
            }
            configurations.push(config);
        }
        Err(error) => problems.push(error),
    }
    let configurations: Vec<Value> = configurations
        .iter()
        .map(Configuration::handed_out)
        .collect();
    Ok(json!({ "problems": problems, "configurations": configurations }))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The versions the files have now: that these are right is for whoever starts the program to say.
    fn versions() -> Versions {
        let compose = repository().text(COMPOSE).expect("there").to_owned();
        let after = |word: &str| {
            let (_, rest) = compose
                .split_once(&format!("image: {word}:"))
                .expect("an image");
            rest.lines().next().unwrap_or_default().to_owned()
        };
        Versions {
            worker: after("control-plane-worker"),
            restate: after("docker.restate.dev/restatedev/restate"),
        }
    }

    /// The files as they are.
    pub(crate) fn repository() -> Files {
        Files::of_repository().expect("readable")
    }

    fn problems(files: &Files) -> Vec<String> {
        let found = judge(files, &versions()).expect("judged");
        serde_json::from_value(found["problems"].clone()).expect("texts")
    }

    /// What is said after a mistake was made in one file.
    pub(crate) fn planted(files: &Files, file: &str, from: &str, to: &str) -> Vec<String> {
        let mut files = files.clone();
        let text = files.0.get_mut(file).expect("a file");
        assert!(text.contains(from), "{file} has no {from}");
        *text = text.replacen(from, to, 1);
        problems(&files)
    }

    #[test]
    fn the_repository_is_as_it_should_be() {
        assert_eq!(problems(&repository()), Vec::<String>::new());
    }

    #[test]
    fn three_configurations_are_handed_out() {
        let found = judge(&repository(), &versions()).expect("judged");
        let places: Vec<&str> = found["configurations"]
            .as_array()
            .expect("a list")
            .iter()
            .filter_map(|c| c["place"].as_str())
            .collect();
        assert_eq!(
            places,
            [
                "kubernetes/config.yaml: ConfigMap worker",
                "kubernetes/without-operator/config.yaml: ConfigMap worker",
                "compose/worker.toml",
            ]
        );
    }

    #[test]
    fn a_file_that_nobody_applies_and_a_torn_one_are_named() {
        let mut files = repository();
        files
            .0
            .insert("kubernetes/extra.yaml".to_owned(), "kind: A".to_owned());
        assert!(
            problems(&files)
                .iter()
                .any(|p| p.contains("nobody applies it"))
        );
        let torn = planted(
            &repository(),
            "kubernetes/worker.yaml",
            "metadata:\n",
            "metadata: [\n",
        );
        assert!(
            torn.iter().any(|p| p.starts_with("kubernetes/worker.yaml")),
            "{torn:?}"
        );
    }
}
