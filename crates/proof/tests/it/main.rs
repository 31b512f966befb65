//! A slice of the crash matrix, small and always the same, in every test run. The whole is `cargo xtask crash-matrix`.

mod mismatch;
mod upgrade;

use std::path::{Path, PathBuf};

use proof::{FaultKind, Options};

fn program() -> PathBuf {
    Path::new(env!("CARGO_BIN_EXE_proof")).to_owned()
}

fn options(faults: &[FaultKind], at_most: usize) -> Options {
    Options {
        faults: faults.to_vec(),
        at_most: Some(at_most),
        ..Options::plain(program(), 1)
    }
}

fn stories(names: &[&str]) -> Vec<proof::Story> {
    let mut stories = proof::stories();
    stories.retain(|s| names.contains(&s.name));
    assert_eq!(stories.len(), names.len());
    stories
}

#[test]
fn every_handler_the_worker_serves_has_a_story() {
    testbed::run(async {
        let all = proof::stories();
        assert_eq!(proof::uncovered(&all).await, Ok(Vec::new()));
        let without_routing: Vec<_> = all
            .into_iter()
            .filter(|s| s.service != "hydra.v1.RoutingService")
            .collect();
        let missing = proof::uncovered(&without_routing)
            .await
            .expect("a manifest");
        assert_eq!(missing.len(), 5, "it would be told: {missing:?}");
    });
}

#[test]
fn a_slice_of_the_matrix_is_survived() {
    testbed::run(async {
        let stories = stories(&["deploy"]);
        let report = proof::run(&stories, &options(&FaultKind::ALL, 1)).await;
        let report = report.expect("the lane starts");
        println!("{}", proof::table(&report));
        assert!(report.passed(), "{}", proof::table(&report));
        for row in &report.rows {
            for (kind, cell) in &row.cells {
                assert_eq!(cell.tried, cell.wanted, "{} {kind}", row.story);
                assert!(
                    cell.tried == 0 || cell.invariants > 0,
                    "{} {kind}",
                    row.story
                );
            }
        }
        let undone = &report.rows[0].cells["undo-twice"];
        assert!(
            undone.undos > undone.tried,
            "undo steps ran again: {undone:?}"
        );
    });
}

#[test]
fn a_move_that_is_cancelled_while_it_is_made_is_whole() {
    testbed::run(async {
        let stories = stories(&["confirm-rollback"]);
        let mut options = options(&[FaultKind::Cancel], 1);
        options.at_most = None;
        let report = proof::run(&stories, &options)
            .await
            .expect("the lane starts");
        assert!(report.passed(), "{}", proof::table(&report));
        assert!(report.rows[0].cells["cancel"].tried >= 3);
    });
}
