//! The contract as a table: every test with every backend is passed; neither backend refuses anything.

use std::panic::AssertUnwindSafe;

use futures::FutureExt as _;
use tokio::sync::Mutex;

use crate::contract::{Kind, TESTS};

/// The gate's faults are for one caller at a time.
static ONE_AT_A_TIME: Mutex<()> = Mutex::const_new(());

fn run(kind: Kind) {
    testbed::run(async {
        let _alone = ONE_AT_A_TIME.lock().await;
        let mut failed = Vec::new();
        for (name, test) in TESTS {
            let outcome = AssertUnwindSafe(test(kind)).catch_unwind().await;
            let word = match outcome {
                Ok(()) => "passed",
                Err(_) => {
                    failed.push(*name);
                    "FAILED"
                }
            };
            println!("route53 contract: {name} × {} = {word}", kind.name());
        }
        assert!(failed.is_empty(), "{}: {failed:?}", kind.name());
    });
}

#[test]
fn the_contract_holds_with_aws_sdk() {
    run(Kind::Aws);
}

#[cfg(feature = "rusoto")]
#[test]
fn the_contract_holds_with_rusoto() {
    run(Kind::Rusoto);
}
