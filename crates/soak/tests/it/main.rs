//! A short slice of the model test, at a higher pace: the same observers and the same quiet tail.

use std::time::Duration;

use soak::{Options, Pace};

#[test]
fn a_few_seconds_of_operations_and_faults_leave_the_invariants_standing() {
    let options = Options {
        seed: 1,
        length: Duration::from_secs(8),
        pace: Pace {
            operation: Duration::from_millis(110),
            fault: Duration::from_millis(1000),
        },
        program: env!("CARGO_BIN_EXE_soak").into(),
    };
    let report = testbed::run(soak::run(options)).expect("the world starts");
    assert!(report.violations.is_empty(), "{report}");
    let (operations, faults): (usize, usize) = (
        report.operations.values().map(|t| t.done).sum(),
        report.faults.values().sum(),
    );
    assert!(operations > 20 && faults > 4, "{report}");
}
