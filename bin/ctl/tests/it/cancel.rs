//! `ctl cancel`: who cancelled is told to everybody who looks.

use crate::online::Bench;

#[test]
fn a_deployment_under_way_is_cancelled_once_and_says_by_whom() {
    testbed::run(async {
        let bench = Bench::new().await;
        let started = bench.ctl(&["--json", "deploy", "endless:1", "--no-wait"]);
        assert_eq!(started.code, 0, "{started:?}");
        let id = started.json()[0]["deployment_id"]
            .as_str()
            .expect("id")
            .to_owned();
        let under_way = || async { bench.ctl(&["status", &id]).out.contains("deploying") };
        testbed::eventually(std::time::Duration::from_secs(20), under_way).await;

        let cancelled = bench.ctl(&["--json", "cancel", &id, "--actor", "mo"]);
        assert_eq!(cancelled.code, 0, "{cancelled:?}");
        let said = &cancelled.json()[0];
        assert_eq!(
            (&said["status"], &said["reason"]),
            (&"failed".into(), &"cancelled by mo".into())
        );
        let again = bench.ctl(&["cancel", &id, "--actor", "jo"]);
        assert_eq!(
            (again.code, again.out),
            (0, format!("{id} is failed: cancelled by mo\n"))
        );
        let followed = bench.ctl(&["logs", &id, "--follow"]);
        assert_eq!(followed.code, 1, "{followed:?}");
        assert!(followed.err.contains("cancelled by mo"), "{followed:?}");
        assert!(!followed.err.contains("cancelled by jo"), "{followed:?}");
    });
}

#[test]
fn what_is_done_or_not_there_is_not_cancelled() {
    testbed::run(async {
        let bench = Bench::new().await;
        let done = bench.deployed("img:1");
        let ran = bench.ctl(&["cancel", &done]);
        assert_eq!(ran.code, 1, "{ran:?}");
        assert!(
            ran.err.contains("is ready: there is nothing left"),
            "{ran:?}"
        );
        assert_eq!(bench.ctl(&["cancel", "d_missing"]).code, 4);
    });
}
