//! The bill of materials (CycloneDX 1.5, JSON): every crate that is compiled into the programs, and every Debian package of
//! which something is in the image.
//!
//! What is in the programs is cargo's own answer (`cargo tree`, normal dependencies of the programs alone, on this target);
//! hashes are those of Cargo.lock. It holds nothing of the moment or the machine. Not for advisories or licences as a
//! policy: deny.toml.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use cargo_metadata::{DependencyKind, Metadata, PackageId};
use serde_json::{Value, json};

use super::build::PROGRAMS;
use crate::image::Package;
use crate::run::{Because, Failure, Result, output};

/// The version of the format.
const FORMAT: &str = "1.5";

/// A crate's name and version.
type Crate = (String, String);

/// The bill of what was built in `dir`.
pub(crate) fn bill(dir: &Path, version: &str, date: &str, debian: &[Package]) -> Result<Value> {
    let target = host()?;
    let lock = dir.join("Cargo.lock");
    let lock = std::fs::read_to_string(&lock).because(lock.display())?;
    let mut command = cargo_metadata::MetadataCommand::new();
    command.current_dir(dir);
    command.other_options(["--locked".to_owned(), format!("--filter-platform={target}")]);
    let metadata = command.exec().because("cargo metadata")?;
    let compiled = compiled(&tree(dir, &target)?);
    let crates = crates(&metadata, &compiled, &checksums(&lock))?;
    Ok(document(
        version,
        date,
        &crates,
        &edges(&metadata, &compiled),
        debian,
    ))
}

fn document(
    version: &str,
    date: &str,
    crates: &[Value],
    edges: &BTreeMap<String, BTreeSet<String>>,
    debian: &[Package],
) -> Value {
    let root = format!("control-plane-worker@{version}");
    let packages = debian.iter().map(|p| {
        let url = format!(
            "pkg:deb/debian/{}@{}?arch={}",
            encoded(&p.name),
            encoded(&p.version),
            p.architecture
        );
        json!({ "type": "library", "bom-ref": url, "name": p.name, "version": p.version, "purl": url })
    });
    let components: Vec<Value> = crates.iter().cloned().chain(packages).collect();
    let mut first: Vec<&Value> = crates
        .iter()
        .filter(|c| PROGRAMS.contains(&c["name"].as_str().unwrap_or_default()))
        .collect();
    first.retain(|c| c["purl"].is_null());
    let mut direct: Vec<Value> = first.iter().map(|c| c["bom-ref"].clone()).collect();
    direct.extend(
        components[crates.len()..]
            .iter()
            .map(|c| c["bom-ref"].clone()),
    );
    let mut dependencies = vec![json!({ "ref": root, "dependsOn": direct })];
    dependencies.extend(
        edges
            .iter()
            .map(|(from, to)| json!({ "ref": from, "dependsOn": to })),
    );
    json!({
        "bomFormat": "CycloneDX",
        "specVersion": FORMAT,
        "version": 1,
        "metadata": {
            "timestamp": date,
            "component": {
                "type": "application",
                "bom-ref": root,
                "name": "control-plane-worker",
                "version": version,
                "licenses": [{ "expression": "MIT OR Apache-2.0" }],
            },
        },
        "components": components,
        "dependencies": dependencies,
    })
}

/// The target that is built for.
fn host() -> Result<String> {
    let text = output(Command::new("rustc").arg("-vV"))?;
    let host = text.lines().find_map(|l| l.strip_prefix("host: "));
    host.map(str::to_owned)
        .ok_or_else(|| Failure("rustc does not name its host".to_owned()))
}

fn tree(dir: &Path, target: &str) -> Result<String> {
    let mut tree = crate::run::cargo(&[
        "tree", "--locked", "--edges", "normal", "--prefix", "none", "--target", target,
    ]);
    for program in PROGRAMS {
        tree.args(["--package", program]);
    }
    output(tree.current_dir(dir))
}

/// Names and versions in the output of `cargo tree`.
fn compiled(tree: &str) -> BTreeSet<Crate> {
    let line = |line: &str| {
        let mut words = line.split(' ');
        let name = words.next()?;
        let version = words.next()?.strip_prefix('v')?;
        Some((name.to_owned(), version.to_owned()))
    };
    tree.lines().filter_map(line).collect()
}

/// SHA-256 of every crate from the registry.
fn checksums(lock: &str) -> BTreeMap<Crate, String> {
    let value = |block: &str, key: &str| {
        let start = format!("{key} = \"");
        let line = block.lines().find_map(|l| l.strip_prefix(start.as_str()))?;
        Some(line.trim_end_matches('"').to_owned())
    };
    let blocks = lock.split("[[package]]").skip(1);
    blocks
        .filter_map(|b| {
            Some((
                (value(b, "name")?, value(b, "version")?),
                value(b, "checksum")?,
            ))
        })
        .collect()
}

fn crates(
    metadata: &Metadata,
    compiled: &BTreeSet<Crate>,
    checksums: &BTreeMap<Crate, String>,
) -> Result<Vec<Value>> {
    let mut found = Vec::new();
    for package in &metadata.packages {
        let key = (package.name.to_string(), package.version.to_string());
        if !compiled.contains(&key) {
            continue;
        }
        let mut component = json!({
            "type": if PROGRAMS.contains(&package.name.as_str()) { "application" } else { "library" },
            "bom-ref": reference(package),
            "name": key.0,
            "version": key.1,
        });
        match (&package.source, checksums.get(&key)) {
            (Some(_), Some(checksum)) => {
                component["purl"] = reference(package).into();
                component["hashes"] = json!([{ "alg": "SHA-256", "content": checksum }]);
            }
            (Some(_), None) => {
                return Err(Failure(format!(
                    "Cargo.lock has no checksum of {} {}",
                    key.0, key.1
                )));
            }
            (None, _) => {}
        }
        if let Some(licence) = &package.license {
            component["licenses"] = json!([{ "expression": licence.replace('/', " OR ") }]);
        }
        found.push(component);
    }
    found.sort_by_key(|c| c["bom-ref"].to_string());
    if found.len() == compiled.len() {
        Ok(found)
    } else {
        Err(Failure(format!(
            "cargo tree names {} crates, cargo metadata {}",
            compiled.len(),
            found.len()
        )))
    }
}

/// What each compiled crate uses of the others.
fn edges(metadata: &Metadata, compiled: &BTreeSet<Crate>) -> BTreeMap<String, BTreeSet<String>> {
    let known: BTreeMap<&PackageId, String> = metadata
        .packages
        .iter()
        .filter(|p| compiled.contains(&(p.name.to_string(), p.version.to_string())))
        .map(|p| (&p.id, reference(p)))
        .collect();
    let nodes = metadata.resolve.iter().flat_map(|r| &r.nodes);
    let edges = nodes.filter_map(|node| {
        let normal = node
            .deps
            .iter()
            .filter(|d| d.dep_kinds.iter().any(|k| k.kind == DependencyKind::Normal));
        let to = normal.filter_map(|d| known.get(&d.pkg).cloned());
        Some((known.get(&node.id)?.clone(), to.collect()))
    });
    edges.collect()
}

/// Our own crates have names that others have in the registry.
fn reference(package: &cargo_metadata::Package) -> String {
    let scheme = if package.source.is_some() {
        "pkg:cargo/"
    } else {
        "workspace:"
    };
    format!(
        "{scheme}{}@{}",
        package.name,
        encoded(&package.version.to_string())
    )
}

fn encoded(text: &str) -> String {
    text.replace('%', "%25")
        .replace('+', "%2B")
        .replace(':', "%3A")
        .replace('~', "%7E")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cargo_tree_names_crates_once() {
        let tree = "worker v0.1.0 (/somewhere/bin/worker)\nserde v1.0.2\nserde_derive v1.0.2 (proc-macro)\nserde v1.0.2 (*)\n\n";
        let names: Vec<String> = compiled(tree)
            .into_iter()
            .map(|(name, version)| format!("{name} {version}"))
            .collect();
        assert_eq!(names, ["serde 1.0.2", "serde_derive 1.0.2", "worker 0.1.0"]);
    }

    #[test]
    fn checksums_are_those_of_the_lock_file() {
        let lock = "version = 4\n\n[[package]]\nname = \"a\"\nversion = \"1.0.0\"\nchecksum = \"00ff\"\n\n[[package]]\nname = \"b\"\nversion = \"1.0.0\"\n";
        let found = checksums(lock);
        assert_eq!(found.len(), 1);
        assert_eq!(found[&("a".to_owned(), "1.0.0".to_owned())], "00ff");
    }

    #[test]
    fn the_bill_names_crates_and_packages_and_what_uses_what() {
        let crates = [
            json!({ "type": "application", "name": "worker", "version": "1.0.0", "bom-ref": "workspace:worker@1.0.0" }),
            json!({ "type": "library", "name": "worker", "version": "9.0.0", "bom-ref": "pkg:cargo/worker@9.0.0", "purl": "pkg:cargo/worker@9.0.0" }),
        ];
        let edges = BTreeMap::from([(
            "workspace:worker@1.0.0".to_owned(),
            BTreeSet::from(["pkg:cargo/worker@9.0.0".to_owned()]),
        )]);
        let debian = [Package {
            name: "libc6".to_owned(),
            version: "2.36-9+deb12u1".to_owned(),
            architecture: "amd64".to_owned(),
        }];
        let bill = document("1.0.0", "2026-11-27T00:00:00Z", &crates, &edges, &debian);
        assert_eq!(bill["components"].as_array().map(Vec::len), Some(3));
        let libc = "pkg:deb/debian/libc6@2.36-9%2Bdeb12u1?arch=amd64";
        assert_eq!(bill["components"][2]["purl"], libc);
        assert_eq!(
            bill["dependencies"][0]["dependsOn"],
            json!(["workspace:worker@1.0.0", libc])
        );
        assert_eq!(
            bill["dependencies"][1]["dependsOn"],
            json!(["pkg:cargo/worker@9.0.0"])
        );
    }
}
