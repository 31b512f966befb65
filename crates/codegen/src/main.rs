//! Writes `src/generated.rs` of every client crate from `proto/`; with `--check` writes nothing and fails,
//! naming the files, when what is committed differs. Run as `cargo xtask codegen [--check]`.
//!
//! Not here: the messages themselves (build script of crate `messages`).

mod contract;
mod error;
mod model;

use error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{env, fs};

/// The .proto files below `proto/hydra/v1` that have a client crate: `github_status` is written to
/// `crates/github-status-client`.
const CLIENTS: &[&str] = &[
    "app",
    "build",
    "build_slot",
    "certificate",
    "clickhouse_user",
    "cron",
    "custom_domain",
    "deploy",
    "deployment",
    "environment",
    "github_comment",
    "github_status",
    "github_webhook",
    "key_last_used_partition",
    "key_last_used_sync",
    "key_refill",
    "openapi",
    "project",
    "quota_check",
    "routing",
    "scheduler",
    "versioning",
];

fn main() -> ExitCode {
    let check = match env::args()
        .skip(1)
        .collect::<Vec<_>>()
        .iter()
        .map(String::as_str)
        .collect::<Vec<_>>()[..]
    {
        [] => false,
        ["--check"] => true,
        _ => {
            eprintln!("usage: codegen [--check]");
            return ExitCode::from(2);
        }
    };
    match run(&root(), check) {
        Ok(drifted) if drifted.is_empty() => ExitCode::SUCCESS,
        Ok(drifted) => {
            for path in drifted {
                eprintln!(
                    "{} differs from proto/: run `cargo xtask codegen`",
                    path.display()
                );
            }
            ExitCode::FAILURE
        }
        Err(e) => {
            eprintln!("codegen: {e}");
            ExitCode::FAILURE
        }
    }
}

/// The repository this binary was built in.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Gives the files, relative to the root, that differ and were not written because of `check`.
fn run(root: &Path, check: bool) -> Result<Vec<PathBuf>, Error> {
    let services = model::load(&root.join("proto"), CLIENTS)?;
    let mut drifted = Vec::new();
    for service in &services {
        let text = contract::format(root, &contract::render(service))?;
        let relative = Path::new("crates")
            .join(format!("{}-client", service.file.replace('_', "-")))
            .join("src/generated.rs");
        let path = root.join(&relative);
        if fs::read_to_string(&path).is_ok_and(|committed| committed == text) {
            continue;
        }
        if check {
            drifted.push(relative);
        } else {
            fs::write(&path, text).map_err(|source| Error::Write {
                path: relative,
                source,
            })?;
        }
    }
    Ok(drifted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_contracts_are_what_the_protos_say() {
        assert_eq!(
            run(&root(), true).expect("protos compile"),
            Vec::<PathBuf>::new()
        );
    }

    #[test]
    fn a_changed_contract_is_named() {
        let copy = tempfile::tempdir().expect("temporary directory");
        let relative = Path::new("crates/deploy-client/src/generated.rs");
        copy_tree(&root().join("proto"), &copy.path().join("proto"));
        for client in CLIENTS {
            fs::create_dir_all(
                copy.path()
                    .join(format!("crates/{}-client/src", client.replace('_', "-"))),
            )
            .expect("created");
        }
        assert_eq!(
            run(copy.path(), false).expect("written"),
            Vec::<PathBuf>::new()
        );
        let file = copy.path().join(relative);
        let changed = fs::read_to_string(&file)
            .expect("written")
            .replace("WakeDeployment", "WakeUp");
        fs::write(&file, changed).expect("changed");
        assert_eq!(
            run(copy.path(), true).expect("compared"),
            vec![relative.to_path_buf()]
        );
    }

    #[test]
    fn an_object_that_does_not_tell_its_key_is_refused() {
        let copy = tempfile::tempdir().expect("temporary directory");
        copy_tree(&root().join("proto"), &copy.path().join("proto"));
        let file = copy.path().join("proto/hydra/v1/routing.proto");
        let silent = fs::read_to_string(&file)
            .expect("copied")
            .replace("Key: project id.", "");
        fs::write(&file, silent).expect("changed");
        let refused = run(copy.path(), true).expect_err("refused").to_string();
        assert!(refused.contains("routing.proto"), "{refused}");
    }

    fn copy_tree(from: &Path, to: &Path) {
        fs::create_dir_all(to).expect("created");
        for entry in fs::read_dir(from).expect("listed") {
            let entry = entry.expect("entry");
            let target = to.join(entry.file_name());
            if entry.file_type().expect("type").is_dir() {
                copy_tree(&entry.path(), &target);
            } else {
                fs::copy(entry.path(), target).expect("copied");
            }
        }
    }
}
