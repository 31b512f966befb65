//! The vendored schemas, by kind. `schemas/README.md` says where each is from.
//!
//! Not for what no schema can say: see `pods` and `sets`.

use std::collections::BTreeMap;

use boon::{Compiler, SchemaIndex, Schemas as Store};
use serde_json::Value;

use crate::documents::Document;

const KUBERNETES: &str = include_str!("../schemas/kubernetes.json");
const RESTATE: &str = include_str!("../schemas/restate.json");
const COMPOSE: &str = include_str!("../schemas/compose.json");

/// Where the compiler finds them; nothing is fetched.
const BASE: &str = "https://schemas.invalid/";

/// Compiled schemas.
pub(crate) struct Schemas {
    store: Store,
    kinds: BTreeMap<String, SchemaIndex>,
    compose: SchemaIndex,
}

impl Schemas {
    /// Compiles all of them.
    ///
    /// # Errors
    /// A schema that is none.
    pub(crate) fn new() -> Result<Self, String> {
        let (mut store, mut compiler) = (Store::new(), Compiler::new());
        let mut wanted = Vec::new();
        for (file, text) in [
            ("kubernetes.json", KUBERNETES),
            ("restate.json", RESTATE),
            ("compose.json", COMPOSE),
        ] {
            let mut schema: Value =
                serde_json::from_str(text).map_err(|e| format!("{file}: {e}"))?;
            let kinds = schema.as_object_mut().and_then(|s| s.remove("kinds"));
            for (kind, definition) in kinds.iter().filter_map(Value::as_object).flatten() {
                let definition = definition.as_str().unwrap_or_default();
                wanted.push((kind.clone(), format!("{BASE}{file}#/$defs/{definition}")));
            }
            compiler
                .add_resource(&format!("{BASE}{file}"), schema)
                .map_err(|e| format!("{file}: {e}"))?;
        }
        let mut kinds = BTreeMap::new();
        for (kind, place) in wanted {
            let index = compiler
                .compile(&place, &mut store)
                .map_err(|e| format!("{place}: {e:#}"))?;
            kinds.insert(kind, index);
        }
        let place = format!("{BASE}compose.json");
        let compose = compiler
            .compile(&place, &mut store)
            .map_err(|e| format!("{place}: {e:#}"))?;
        Ok(Self {
            store,
            kinds,
            compose,
        })
    }

    /// What is wrong with a document of Kubernetes.
    pub(crate) fn kubernetes(&self, document: &Document) -> Vec<String> {
        let kind = format!("{} {}", document.text("/apiVersion"), document.kind());
        match self.kinds.get(&kind) {
            Some(index) => self.problems(*index, document),
            None => vec![format!(
                "{}: no schema of `{kind}` is vendored",
                document.place
            )],
        }
    }

    /// What is wrong with a Compose file.
    pub(crate) fn compose(&self, document: &Document) -> Vec<String> {
        self.problems(self.compose, document)
    }

    fn problems(&self, index: SchemaIndex, document: &Document) -> Vec<String> {
        let Err(error) = self.store.validate(&document.value, index) else {
            return Vec::new();
        };
        // the first line says which schema; the rest are the places
        let text = format!("{error:#}");
        let lines = text
            .lines()
            .skip(1)
            .map(str::trim)
            .filter(|l| !l.is_empty());
        lines
            .map(|line| format!("{}: {line}", document.place))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "apiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata: {name: a}\nspec: {minAvailable: 1, selector: {matchLabels: {a: b}}}\n";
    const REVISION: &str = "apiVersion: restate.dev/v1beta1\nkind: RestateDeployment\nmetadata: {name: a}\nspec:\n  replicas: 1\n  \
         restate: {register: {cluster: a}}\n  selector: {matchLabels: {a: b}}\n  template: {spec: {containers: [{name: a, image: b}]}}\n";
    const CLUSTER: &str = "apiVersion: restate.dev/v1\nkind: RestateCluster\nmetadata: {name: a}\nspec: {compute: {image: a}, storage: {storageRequestBytes: 1}}\n";

    fn of(text: &str) -> Vec<String> {
        let schemas = Schemas::new().expect("good schemas");
        let documents = Document::all("a.yaml", text).expect("YAML");
        documents
            .iter()
            .flat_map(|d| schemas.kubernetes(d))
            .collect()
    }

    #[test]
    fn good_documents_pass() {
        for text in [GOOD, REVISION, CLUSTER] {
            assert_eq!(of(text), Vec::<String>::new(), "{text}");
        }
    }

    #[test]
    fn every_planted_mistake_is_found_where_it_is() {
        for (text, from, to, place) in [
            (GOOD, "minAvailable", "minAvailabel", "minAvailabel"),
            (
                GOOD,
                "matchLabels: {a: b}",
                "matchLabels: {a: 1}",
                "/spec/selector/matchLabels/a",
            ),
            (
                GOOD,
                "policy/v1",
                "policy/v1beta1",
                "no schema of `policy/v1beta1 PodDisruptionBudget`",
            ),
            (REVISION, "replicas: 1", "replicas: two", "/spec/replicas"),
            (
                REVISION,
                "cluster: a",
                "cluster: a, url: http://a",
                "/spec/restate/register",
            ),
            (
                REVISION,
                "image: b",
                "imagee: b",
                "/spec/template/spec/containers/0",
            ),
            (
                REVISION,
                "{containers: [{name: a, image: b}]}",
                "{}",
                "containers",
            ),
            (CLUSTER, "compute: {image: a}", "compute: {}", "image"),
            (
                CLUSTER,
                "storageRequestBytes: 1",
                "storageRequestBytes: 1Gi",
                "/spec/storage/storageRequestBytes",
            ),
        ] {
            let planted = text.replacen(from, to, 1);
            assert_ne!(planted, text, "{from}");
            let found = of(&planted);
            assert!(found.iter().any(|p| p.contains(place)), "{to}: {found:?}");
        }
    }

    #[test]
    fn a_compose_file_is_checked_too() {
        let schemas = Schemas::new().expect("good schemas");
        let problems = |text: &str| -> Vec<String> {
            let documents = Document::all("compose.yaml", text).expect("YAML");
            documents.iter().flat_map(|d| schemas.compose(d)).collect()
        };
        assert_eq!(
            problems("services: {a: {image: b, read_only: true}}"),
            Vec::<String>::new()
        );
        for bad in [
            "services: {a: {imagee: b}}",
            "services: {a: {image: b, read_only: often}}",
            "service: {}",
        ] {
            assert!(!problems(bad).is_empty(), "{bad}");
        }
    }
}
