//! The adapter against a server that speaks real HTTP and follows a script.

use std::time::{Duration, SystemTime};

use faults::http::{Script, ScriptedHttp};
use metrics_exporter_prometheus::PrometheusBuilder;
use notify::{Class, Heartbeat, Message, NotifyError, Options, Slack};
use serde_json::{Value, json};

/// What no error may show.
const SECRET: &str = "hunter2";

async fn peer(script: Script) -> (ScriptedHttp, String) {
    let peer = ScriptedHttp::start(script).await.expect("a port");
    let url = format!("{}/services/{SECRET}", peer.url());
    (peer, url)
}

fn message() -> Message {
    Message::titled("Quota Exceeded: acme").section(&[("Tier", "Free".to_owned())])
}

fn quick() -> Options {
    Options {
        call: Duration::from_millis(300),
        ..Options::default()
    }
}

#[test]
fn a_message_is_one_post_of_json_and_200_alone_is_a_success() {
    testbed::run(async {
        let (peer, url) = peer(Script::new().answer(200, "ok").answer(204, "")).await;
        let slack = Slack::new(&url).expect("a webhook");
        slack.post(&message()).await.expect("200");
        let refused = slack.post(&message()).await.expect_err("204 is not 200");
        assert_eq!(refused.class(), Class::Unavailable);

        let received = peer.received();
        assert_eq!(received.len(), 2);
        assert_eq!(received[0].line, format!("POST /services/{SECRET}"));
        let body: Value = serde_json::from_slice(&received[0].body).expect("JSON");
        let expected = json!({
            "text": "Quota Exceeded: acme",
            "blocks": [
                {"type": "header", "text": {"type": "plain_text", "text": "Quota Exceeded: acme", "emoji": true}},
                {"type": "section", "fields": [{"type": "mrkdwn", "text": "*Tier:*\nFree"}]},
            ],
        });
        assert_eq!(body, expected);
    });
}

#[test]
fn a_refusal_has_its_class_and_its_reason_and_never_the_address() {
    testbed::run(async {
        let script = Script::new()
            .answer(400, "invalid_blocks")
            .answer(403, "action_prohibited")
            .answer(404, &format!("nothing at /services/{SECRET}"))
            .answer(410, "channel_is_archived")
            .answer(500, "")
            .retry_after(30);
        let (_peer, url) = peer(script).await;
        let slack = Slack::new(&url).expect("a webhook");
        let mut errors = Vec::new();
        for _ in 0..6 {
            errors.push(slack.post(&message()).await.expect_err("refused"));
        }
        let classes: Vec<Class> = errors[..5].iter().map(NotifyError::class).collect();
        assert_eq!(
            classes,
            [
                Class::BadRequest,
                Class::Unauthorised,
                Class::NotFound,
                Class::NotFound,
                Class::Unavailable
            ]
        );
        assert!(errors[0].to_string().ends_with("HTTP 400: invalid_blocks"));
        let Class::RateLimited { until } = errors[5].class() else {
            panic!("{:?}", errors[5]);
        };
        let wait = until.duration_since(SystemTime::now()).expect("ahead");
        assert!(wait > Duration::from_secs(25) && wait <= Duration::from_secs(30));
        for error in &errors {
            assert!(!format!("{error} {error:?}").contains(SECRET), "{error:?}");
        }
    });
}

#[test]
fn silence_and_a_broken_connection_are_worth_another_try() {
    testbed::run(async {
        let (peer, url) = peer(Script::new().effect_then_silence().effect_then_gone()).await;
        let slack = Slack::with_options(&url, &quick()).expect("a webhook");
        let silent = slack.post(&message()).await.expect_err("silence");
        assert!(matches!(silent, NotifyError::TooLate { .. }), "{silent:?}");
        let gone = slack.post(&message()).await.expect_err("gone");
        assert!(matches!(gone, NotifyError::Connection { .. }), "{gone:?}");
        drop(peer);
        let refused = slack.post(&message()).await.expect_err("nobody listens");
        for error in [silent, gone, refused] {
            assert_eq!(error.class(), Class::Unavailable);
            assert!(!format!("{error} {error:?}").contains(SECRET), "{error:?}");
        }
    });
}

#[test]
fn an_answer_without_end_is_not_read() {
    testbed::run(async {
        let flood = faults::Flood::start(400, "no such hook ")
            .await
            .expect("a port");
        let slack = Slack::new(&flood.url()).expect("an address");
        let error = slack.post(&message()).await.expect_err("refused");
        assert!(error.to_string().len() < 1_000, "{error}");
        assert!(flood.sent() < 32 << 20, "{}", flood.sent());
    });
}

#[test]
fn a_heartbeat_is_a_get_and_any_2xx_is_a_success() {
    testbed::run(async {
        let (peer, url) = peer(Script::new().answer(202, "").answer(500, "down")).await;
        let heartbeat = Heartbeat::new(&url).expect("a heartbeat");
        assert!(heartbeat.is_configured());
        heartbeat.ping().await.expect("202");
        let down = heartbeat.ping().await.expect_err("500");
        assert_eq!(down.class(), Class::Unavailable);
        assert_eq!(peer.received()[0].line, format!("GET /services/{SECRET}"));
        assert!(!format!("{heartbeat:?} {down:?}").contains(SECRET));
    });
}

#[test]
fn no_heartbeat_is_a_success_without_a_call() {
    testbed::run(async {
        let none = Heartbeat::new("").expect("none");
        assert!(!none.is_configured());
        none.ping().await.expect("nothing to do");
    });
}

#[test]
fn an_address_that_cannot_be_called_is_refused_without_being_shown() {
    for bad in ["hunter2", "ftp://h/hunter2", "http://", "slack.com/hunter2"] {
        let error = Slack::new(bad).expect_err(bad);
        assert_eq!(error.class(), Class::BadRequest);
        assert!(!format!("{error} {error:?}").contains(SECRET), "{error:?}");
        assert!(Heartbeat::new(bad).is_err(), "{bad}");
    }
}

#[test]
fn each_call_is_measured_by_operation_and_outcome() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    metrics::with_local_recorder(&recorder, || {
        runtime.block_on(async {
            let (_peer, url) = peer(Script::new().answer(503, "").answer(200, "ok")).await;
            let slack = Slack::new(&url).expect("a webhook");
            let _unavailable = slack.post(&message()).await;
            slack.post(&message()).await.expect("200");
            Heartbeat::new(&url)
                .expect("a heartbeat")
                .ping()
                .await
                .expect("200");
        });
    });
    let text = recorder.handle().render();
    for (operation, outcome) in [
        ("slack", "unavailable"),
        ("slack", "ok"),
        ("heartbeat", "ok"),
    ] {
        let labels = format!("adapter=\"notify\",operation=\"{operation}\",outcome=\"{outcome}\"");
        let line = format!("ctrl_worker_outside_seconds_count{{{labels}}} 1");
        assert!(text.contains(&line), "{line} is not in\n{text}");
    }
    assert!(!text.contains(SECRET));
}
