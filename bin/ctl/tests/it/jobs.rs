//! `ctl jobs` against a clock that obeys at once. It needs no database.

use serde_json::json;

use crate::program::{Ran, ctl};
use crate::worker;

/// Runs `ctl` with the ingress alone.
async fn jobs(args: &[&str]) -> Ran {
    worker::serve(&testbed::db().await).await;
    let ingress = testbed::restate().await.ingress_url.clone();
    ctl(&[("CTRL_INGRESS", ingress.as_str())], args)
}

#[test]
fn every_job_is_listed_with_its_state_and_next_run() {
    testbed::run(async {
        let ran = jobs(&["--json", "jobs"]).await;
        assert_eq!(ran.code, 0, "{ran:?}");
        let list = ran.json()[0]["jobs"].clone();
        let names: Vec<&str> = list
            .as_array()
            .expect("a list")
            .iter()
            .filter_map(|job| job["job"].as_str())
            .collect();
        assert_eq!(names, scheduler_client::JOBS);
        assert_eq!(list[0]["next_run_at"], "2026-03-03T00:00:00Z");
        assert_eq!(
            (&list[2]["state"], &list[2]["off_because"]),
            (&json!("off"), &json!("acme.enabled is false"))
        );
        let text = jobs(&["jobs", "list"]).await.out;
        assert!(text.contains("certificate-renewal  off "), "{text}");
        assert!(
            text.starts_with("key-refill           on     next 2026-03-03T00:00:00Z\n"),
            "{text}"
        );
    });
}

#[test]
fn a_run_is_waited_for_and_told_with_its_count() {
    testbed::run(async {
        let ran = jobs(&["jobs", "run", "key-refill"]).await;
        assert_eq!(
            (ran.code, ran.out.as_str()),
            (
                0,
                "key-refill: succeeded with 7 for 2026-03-02, by hand, at 2026-03-02T00:00:01Z in 1.5 s\n"
            ),
            "{ran:?}"
        );
        let ran = &jobs(&["--json", "jobs", "run", "key-refill"]).await.json()[0];
        assert_eq!(
            (&ran["run"]["items"], &ran["run"]["outcome"]),
            (&json!(7), &json!("succeeded"))
        );
        let ran = jobs(&["jobs", "run", "key-refill", "--no-wait"]).await;
        assert_eq!(
            (ran.code, ran.out.as_str()),
            (
                0,
                "key-refill: running for 2026-03-02, by hand since 2026-03-02T00:00:00Z\n"
            )
        );
    });
}

#[test]
fn a_failed_run_ends_with_the_jobs_own_words_and_a_long_one_goes_on() {
    testbed::run(async {
        let failed = jobs(&["jobs", "run", "quota-check"]).await;
        assert_eq!(
            (failed.code, failed.err.trim_end()),
            (1, format!("error: {}", worker::REFUSAL).as_str())
        );
        assert!(
            failed.out.contains("quota-check: failed with 0"),
            "{failed:?}"
        );
        let long = jobs(&["jobs", "run", "idle-scale-down", "--timeout", "1"]).await;
        assert_eq!(
            (long.code, long.err.contains("it goes on")),
            (5, true),
            "{long:?}"
        );
    });
}

#[test]
fn a_job_is_paused_and_resumed_and_an_unknown_one_is_named() {
    testbed::run(async {
        let paused = &jobs(&["--json", "jobs", "pause", "key-last-used-sync"])
            .await
            .json()[0];
        assert_eq!(
            (&paused["state"], &paused["next_run_at"]),
            (&json!("paused"), &json!(null))
        );
        let resumed = &jobs(&["--json", "jobs", "resume", "key-last-used-sync"])
            .await
            .json()[0];
        assert_eq!(resumed["state"], "on");
        let unknown = jobs(&["jobs", "run", "key-refil"]).await;
        assert_eq!(
            (unknown.code, unknown.err.contains("key-refill")),
            (2, true),
            "{unknown:?}"
        );
        let nowhere = ctl(&[("CTRL_INGRESS", "http://127.0.0.1:9")], &["jobs"]);
        assert_eq!(
            (nowhere.code, nowhere.err.contains("CTRL_INGRESS")),
            (3, true),
            "{nowhere:?}"
        );
    });
}
