//! Which acceptance scenarios a *passed* test has shown: one line per claim in
//! `<build directory>/scenarios/*.jsonl`, written when the test function returns.
//!
//! Not for judging coverage: `cargo xtask scenarios` reads the lines.

use std::io::Write as _;
use std::sync::{LazyLock, Mutex};

use serde_json::json;

use crate::files::{repository, target_dir};

/// Says that this test shows acceptance scenarios, at most three: `scenario!("DEP-13");`, as its
/// first statement. The claim counts only if the test passes, so the test must return `()`.
#[macro_export]
macro_rules! scenario {
    ($first:literal $(, $more:literal)* $(,)?) => {
        let _scenario = {
            // a test that returns an error instead of panicking would be taken for passed
            #[allow(clippy::needless_return, unreachable_code)]
            if false {
                return;
            }
            fn here() {}
            $crate::Scenario::begin(
                &[$first $(, $more)*],
                env!("CARGO_PKG_NAME"),
                ::std::any::type_name_of_val(&here),
            )
        };
    };
}

/// A claim in the making; see [`scenario!`].
#[derive(Debug)]
pub struct Scenario {
    ids: Vec<&'static str>,
    test: String,
}

impl Scenario {
    /// Called by [`scenario!`].
    pub fn begin(ids: &[&'static str], package: &str, here: &str) -> Self {
        assert!(
            ids.len() <= 3,
            "a test claims at most three scenarios, not {}",
            ids.len()
        );
        for id in ids {
            let (prefix, number) = id.split_once('-').unwrap_or((id, ""));
            let well_formed = !prefix.is_empty()
                && prefix.bytes().all(|b| b.is_ascii_uppercase())
                && number.parse::<u16>().is_ok_and(|n| n > 0);
            assert!(well_formed, "not a scenario id: {id:?}");
        }
        Self {
            ids: ids.to_vec(),
            test: test_path(package, here),
        }
    }
}

impl Drop for Scenario {
    fn drop(&mut self) {
        if std::thread::panicking() {
            crate::keep_evidence();
            eprintln!("-- failed scenario: {}", self.ids.join(", "));
            return;
        }
        if let Err(e) = record(&target_dir().join("scenarios"), &self.ids, &self.test) {
            panic!(
                "the scenarios {:?} passed but could not be recorded: {e}",
                self.ids
            );
        }
    }
}

/// `deploy::it::rollback::dep_13_…`: package, test binary or library, module, function.
fn test_path(package: &str, here: &str) -> String {
    let function = here
        .strip_suffix("::here")
        .unwrap_or(here)
        .replace("::{{closure}}", "");
    let library = package.replace('-', "_");
    match function.strip_prefix(&format!("{library}::")) {
        Some(inside) => format!("{package}::{inside}"),
        None => format!("{package}::{function}"),
    }
}

fn record(dir: &std::path::Path, ids: &[&str], test: &str) -> std::io::Result<()> {
    static REVISION: LazyLock<String> = LazyLock::new(revision);
    static WRITING: Mutex<()> = Mutex::new(());
    let _alone = WRITING.lock().unwrap_or_else(|e| e.into_inner());
    std::fs::create_dir_all(dir)?;
    let name = format!(
        "{}-{}.jsonl",
        crate::files::program_name(),
        std::process::id()
    );
    let mut file = std::fs::File::options()
        .create(true)
        .append(true)
        .open(dir.join(name))?;
    for id in ids {
        let claim = json!({ "id": id, "test": test, "revision": *REVISION });
        file.write_all(format!("{claim}\n").as_bytes())?;
    }
    Ok(())
}

/// Commit the test ran on, with `+` when files differ from it; `unknown` outside a repository.
fn revision() -> String {
    if let Ok(given) = std::env::var("CTRL_TEST_REVISION") {
        return given;
    }
    let git = |args: &[&str]| {
        let output = std::process::Command::new("git")
            .args(args)
            .current_dir(repository())
            .output();
        let output = output.ok().filter(|o| o.status.success())?;
        Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let Some(commit) = git(&["rev-parse", "--short=12", "HEAD"]) else {
        return "unknown".to_owned();
    };
    let changed =
        git(&["status", "--porcelain", "--untracked-files=no"]).is_some_and(|s| !s.is_empty());
    if changed {
        format!("{commit}+")
    } else {
        commit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_is_named_by_package_binary_and_module() {
        assert_eq!(
            test_path("deploy", "it::undo::dep_13::here"),
            "deploy::it::undo::dep_13"
        );
        assert_eq!(
            test_path("edge-sim", "edge_sim::tests::x::here"),
            "edge-sim::tests::x"
        );
        assert_eq!(
            test_path("deploy", "deploy::a::{{closure}}::here"),
            "deploy::a"
        );
    }

    #[test]
    fn only_a_passed_test_leaves_a_claim() {
        let written = || {
            let name = format!(
                "{}-{}.jsonl",
                crate::files::program_name(),
                std::process::id()
            );
            std::fs::read_to_string(target_dir().join("scenarios").join(name)).unwrap_or_default()
        };
        let failed = std::panic::catch_unwind(|| {
            let _claim = Scenario::begin(&["C-1"], "testbed", "testbed::a_failed_one::here");
            panic!("on purpose");
        });
        assert!(failed.is_err() && !written().contains("a_failed_one"));
        let dir = target_dir()
            .join("testbed")
            .join(format!("claims-{}", std::process::id()));
        record(&dir, &["C-1", "C-2"], "testbed::passed").unwrap();
        let file = std::fs::read_dir(&dir)
            .unwrap()
            .next()
            .unwrap()
            .unwrap()
            .path();
        let text = std::fs::read_to_string(file).unwrap();
        assert_eq!(text.matches("testbed::passed").count(), 2);
        std::fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    #[should_panic(expected = "not a scenario id")]
    fn a_misspelt_id_fails_the_test() {
        Scenario::begin(&["DEP13"], "testbed", "x");
    }
}
